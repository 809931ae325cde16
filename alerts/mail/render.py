"""From a letter to a mail: subject, text and HTML that say the same."""

from dataclasses import dataclass, replace

import css_inline
from django.template.loader import render_to_string

from alerts.mail import rows
from alerts.mail.letter import Letter, Row, steps

LIMIT = 100_000
"""Bytes of HTML: mail clients clip what is longer, Gmail at 102 KB."""
DETAILED = 5
"""Flags that keep their reasons when room is made for others."""


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


def render(letter: Letter) -> Rendered:
    """Under the language that is active.

    Where it gets too long the least urgent flags lose their reasons, and then their rows: they are counted instead.
    """
    html = _html(letter)
    while (size := len(html.encode())) > LIMIT and (shorter := _shorter(letter, LIMIT / size)) is not None:
        letter, html = shorter, _html(shorter)
    return Rendered(letter.subject, _text(letter), html)


def _shorter(letter: Letter, share: float) -> Letter | None:
    """With about that share of what there is most of; None where nothing is left to leave out."""
    reasoned = [number for number, row in enumerate(letter.rows) if row.grounds]
    if len(reasoned) > DETAILED:
        last = reasoned[max(DETAILED, len(reasoned) * 2 // 3) - 1]
        return replace(letter, rows=[*letter.rows[: last + 1], *map(_without_grounds, letter.rows[last + 1 :])])
    listed, closed = len(letter.rows), len(letter.closed)
    if listed > 1 and listed >= closed:
        kept = _fewer(listed, share)
        return replace(letter, rows=letter.rows[:kept], more_rows=letter.more_rows + listed - kept)
    if closed > 1:
        kept = _fewer(closed, share)
        return replace(letter, closed=letter.closed[:kept], more_closed=letter.more_closed + closed - kept)
    return None


def _fewer(number: int, share: float) -> int:
    return max(1, min(number - 1, int(number * share)))


def _without_grounds(row: Row) -> Row:
    return replace(row, grounds=None)


def _html(letter: Letter) -> str:
    return page(
        "alert",
        letter=letter,
        columns=list(rows.labels().values()),
        table_rows=rows.table_rows(letter.rows),
        steps=rows.steps(steps(letter.rows)),
        details=rows.details(letter.rows),
    )


def _text(letter: Letter) -> str:
    return plain(
        "alert",
        letter=letter,
        text_rows=rows.rows_as_text(letter.rows),
        text_steps=rows.steps_as_text(steps(letter.rows)),
        text_details=rows.details_as_text(letter.rows),
    )


def page(name: str, **context: object) -> str:
    """The HTML of a kind of mail: its styles inlined, no scripts, nothing to load; what is left of styles is for narrow
    windows."""
    html: str = css_inline.inline(
        render_to_string(f"alerts/mail/{name}.html", context),
        load_remote_stylesheets=False,
        keep_style_tags=False,
    )
    return html


def plain(name: str, **context: object) -> str:
    """Its text, never with two empty lines in a row: templates leave them where a section is missing."""
    lines = [line.rstrip() for line in render_to_string(f"alerts/mail/{name}.txt", context).splitlines()]
    single = (line for number, line in enumerate(lines) if line or (number and lines[number - 1]))
    return "\n".join(single).strip() + "\n"
