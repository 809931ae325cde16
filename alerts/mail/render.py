"""From a letter to a mail: subject, text and HTML that say the same."""

from dataclasses import dataclass

import css_inline
from django.template.loader import render_to_string

from alerts.mail.letter import Letter
from alerts.mail.rows import as_text, details, table_rows


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


def render(letter: Letter) -> Rendered:
    """Under the language that is active. The HTML has its styles inlined, no scripts and nothing to load."""
    rows = {"table_rows": table_rows(letter.rows), "details": details(letter.rows)}
    html = css_inline.inline(
        render_to_string("alerts/mail/alert.html", {"letter": letter, **rows}),
        load_remote_stylesheets=False,
        keep_style_tags=False,
    )
    text = render_to_string("alerts/mail/alert.txt", {"letter": letter, "text_rows": as_text(letter.rows)})
    lines = [line.rstrip() for line in text.splitlines()]
    return Rendered(letter.subject, "\n".join(_single_gaps(lines)).strip() + "\n", html)


def _single_gaps(lines: list[str]) -> list[str]:
    """Never two empty lines in a row: templates leave them where a section is missing."""
    return [line for number, line in enumerate(lines) if line or (number and lines[number - 1])]
