"""Text from outside made harmless for one line of a mail: whatever it holds, the alert is still sent."""

import unicodedata

ELLIPSIS = "…"
KEPT = {"\u200d", "\u200c"}  # joiners: emoji and several scripts need them
BIDI = {*"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}


def one_line(text: object, limit: int = 200) -> str:
    """The text without line breaks, control characters, marks that reverse the reading direction and unpaired
    surrogates, at most `limit` characters; what is cut off leaves an ellipsis."""
    raw = str(text or "")[: limit * 20]
    # Nothing that `_harmless` takes away is printable, and most text is.
    kept = raw if raw.isprintable() else "".join(map(_harmless, raw))
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + ELLIPSIS


def _harmless(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Zl", "Zp", "Cc"):
        return " "
    if character in BIDI or category == "Cs" or (category == "Cf" and character not in KEPT):
        return ""
    return character


def web_address(url: str | None) -> str | None:
    """The address if it is one that a reader may safely follow, otherwise None."""
    cleaned = one_line(url, 2000)
    if not cleaned.startswith(("https://", "http://")) or " " in cleaned or cleaned.endswith(ELLIPSIS):
        return None
    return cleaned
