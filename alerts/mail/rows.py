"""The flags that a mail lists, as HTML and as text: there may be many, at which templates are slow.

Every value is escaped on its way into the HTML, by `format_html`.
"""

from collections.abc import Iterator, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from alerts.mail.language import gettext as _
from alerts.mail.letter import Grounds, Row, Step
from alerts.mail.marks import capital, labelled, listed

TABLE_ROW = (
    '<tr><td class="name"><a href="{url}"><b>{reference}</b></a><br>{title}</td><td class="name">{supplier}</td>'
    '<td>{kind}<br><small>{measure}<br>[{news}]</small></td><td class="word">{certainty}</td>'
    '<td class="word">{basis}</td><td class="number">{exposure}</td><td class="day">{act_by}</td></tr>\n'
)
SHOWN = ("url", "reference", "title", "supplier", "kind", "measure", "news", "certainty", "basis", "exposure", "act_by")
STEP = "<p><b>{}</b><br>{}</p>\n"
DETAIL = '<p class="detail"><a href="{}"><b>{}</b></a><br>{}</p>\n{}{}'
SENTENCES = "<p>{}</p><ul>{}</ul>\n"


def labels() -> dict[str, str]:
    """What the columns are called."""
    return {
        "contract": _("Contract"),
        "supplier": _("Supplier"),
        "what": _("What"),
        "certainty": _("How certain"),
        "basis": _("On what basis"),
        "exposure": _("Exposure"),
        "act_by": _("Act"),
    }


def table_rows(rows: Sequence[Row]) -> SafeString:
    """One row of the table each."""
    return format_html_join("", TABLE_ROW, ({name: getattr(row, name) for name in SHOWN} for row in rows))


def steps(found: Sequence[Step]) -> SafeString:
    return format_html_join("", STEP, ((_concerned(step), step.what) for step in found))


def details(rows: Sequence[Row]) -> SafeString:
    """Why each is flagged and what would clear it, where there is room for that."""
    return format_html_join(
        "",
        DETAIL,
        (
            (
                *(row.url, row.reference, labelled(capital(row.kind), row.measure)),
                _sentences(_why(), row.grounds.why),
                _sentences(_clears(), row.grounds.clears),
            )
            for row in rows
            if row.grounds
        ),
    )


def _sentences(title: str, sentences: Sequence[str]) -> SafeString | str:
    if not sentences:
        return ""
    return format_html(SENTENCES, title, format_html_join("", "<li>{}</li>", ((one,) for one in sentences)))


def _why() -> str:
    return _("Why:")


def _clears() -> str:
    return _("Would clear it if it turned out so:")


def _concerned(step: Step) -> str:
    """`May be terminated: C-1, C-2`."""
    return labelled(capital(step.kind), listed([*step.references, *(["…"] if step.more else [])]))


def rows_as_text(rows: Sequence[Row]) -> str:
    """The same as text."""
    names = labels()
    return "\n".join("\n".join(_lines(row, names)) + "\n" for row in rows)


def steps_as_text(found: Sequence[Step]) -> str:
    return "\n".join(f"{_concerned(step)}\n  {step.what}" for step in found)


def details_as_text(rows: Sequence[Row]) -> str:
    return "\n".join("\n".join(_detail_lines(row, row.grounds)) + "\n" for row in rows if row.grounds)


def _lines(row: Row, names: dict[str, str]) -> Iterator[str]:
    yield f"* {row.reference} - {row.title}" if row.title else f"* {row.reference}"
    yield "  " + labelled(names["supplier"], row.supplier)
    yield "  " + labelled(names["what"], f"{row.kind} / {row.measure} [{row.news}]")
    for name in ("certainty", "basis", "exposure", "act_by"):
        yield "  " + labelled(names[name], getattr(row, name))
    yield f"  {row.url}"


def _detail_lines(row: Row, grounds: Grounds) -> Iterator[str]:
    yield row.reference
    yield "  " + labelled(capital(row.kind), row.measure)
    for title, sentences in ((_why(), grounds.why), (_clears(), grounds.clears)):
        if sentences:
            yield f"  {title}"
            yield from (f"  - {sentence}" for sentence in sentences)
