"""The flags that a mail lists, as HTML and as text: there may be hundreds, at which templates are slow.

Every value is escaped on its way into the HTML, by `format_html`.
"""

from collections.abc import Iterator, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from alerts.mail.letter import Row

TABLE_ROW = (
    '<tr><td><a href="{url}"><b>{reference}</b></a><br>{title}</td><td>{supplier}</td>'
    '<td>{kind}<br><span class="quiet">{news}</span></td><td>{certainty}</td><td>{basis}</td>'
    '<td class="number">{exposure}</td><td>{act_by}</td></tr>\n'
)
SHOWN = ("url", "reference", "title", "supplier", "kind", "news", "certainty", "basis", "exposure", "act_by")
DETAIL = '<p class="detail"><a href="{}"><b>{}</b></a>: {} ({})<br>{}</p>\n{}{}'
SENTENCES = "<p>{}:</p><ul>{}</ul>\n"


def table_rows(rows: Sequence[Row]) -> SafeString:
    """One row of the table each."""
    return format_html_join("", TABLE_ROW, ({name: getattr(row, name) for name in SHOWN} for row in rows))


def details(rows: Sequence[Row]) -> SafeString:
    """What to do about each, and where there is room why it is flagged and what would clear it."""
    why, clears = _("Why"), _("Would clear it if it turned out so")
    return format_html_join(
        "",
        DETAIL,
        (
            (
                *(row.url, row.reference, row.kind, row.measure, row.next_step),
                _sentences(why, row.grounds.why if row.grounds else ()),
                _sentences(clears, row.grounds.clears if row.grounds else ()),
            )
            for row in rows
        ),
    )


def _sentences(title: str, sentences: Sequence[str]) -> SafeString | str:
    if not sentences:
        return ""
    return format_html(SENTENCES, title, format_html_join("", "<li>{}</li>", ((one,) for one in sentences)))


def as_text(rows: Sequence[Row]) -> str:
    """The same as text."""
    labels = {
        "supplier": _("Supplier"),
        "what": _("What"),
        "certainty": _("How certain"),
        "basis": _("On what basis"),
        "exposure": _("Exposure"),
        "act_by": _("Act"),
        "next_step": _("Next"),
        "why": _("Why"),
        "clears": _("Would clear it if it turned out so"),
    }
    return "\n".join("\n".join(_lines(row, labels)) + "\n" for row in rows)


def _lines(row: Row, labels: dict[str, str]) -> Iterator[str]:
    yield f"* {row.reference} - {row.title}" if row.title else f"* {row.reference}"
    yield f"  {labels['supplier']}: {row.supplier}"
    yield f"  {labels['what']}: {row.kind} ({row.measure}) [{row.news}]"
    for name in ("certainty", "basis", "exposure", "act_by", "next_step"):
        yield f"  {labels[name]}: {getattr(row, name)}"
    for name in ("why", "clears"):
        if sentences := getattr(row.grounds, name, ()):
            yield f"  {labels[name]}:"
            yield from (f"  - {sentence}" for sentence in sentences)
    yield f"  {row.url}"
