"""Names of organizations made comparable, and how alike two are; pure.

Width, case, punctuation, legal forms and the difference between traditional, simplified and Japanese characters do not
count. A likeness is a hint for a person and never identifies anybody.
"""

import re
import unicodedata
from functools import cache
from typing import Protocol

import opencc
from rapidfuzz import fuzz

LEGAL_FORMS = (
    # In the folded spelling: simplified characters, lower case, no punctuation; the longer form before its parts.
    *("股份有限公司", "有限责任公司", "有限公司", "集团公司", "总公司", "公司"),
    *("株式会社", "有限会社", "合同会社", "合资会社", "合名会社", "(株)", "(有)", "(同)"),
    *("kabushiki kaisha", "yugen kaisha", "godo kaisha", "private limited", "public limited company"),
    *("company limited", "co limited", "co ltd", "pte ltd", "pty ltd", "sdn bhd", "sp z o o", "s a r l", "s p a"),
    *("gmbh co kg", "gmbh", "mbh", "incorporated", "corporation", "limited", "company", "inc", "corp", "ltd", "llc"),
    *("llp", "plc", "k k", "kk", "pte", "pty", "ag", "kg", "se", "sa", "s a", "sas", "srl", "spa", "bv", "b v", "nv"),
    *("n v", "oy", "oyj", "ab", "as", "aps", "co"),
)
_FORMS_IN_WORDS = re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(form) for form in LEGAL_FORMS if form.isascii())})(?!\w)")
_FORMS_IN_CHARACTERS = re.compile("|".join(re.escape(form) for form in LEGAL_FORMS if not form.isascii()))
_PUNCTUATION = re.compile(r"[^\w()&]+|_+")
_BRACKETS = re.compile(r"[()&\s]+")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


class _Converter(Protocol):
    def convert(self, text: str) -> str: ...


@cache
def _converters() -> tuple[_Converter, _Converter]:
    return opencc.OpenCC("jp2t"), opencc.OpenCC("t2s")


def folded(name: str) -> str:
    """NFKC, lower case, without accents; every Chinese character in its simplified form."""
    text = unicodedata.normalize("NFKC", name).casefold()
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not _is_accent(c))
    text = unicodedata.normalize("NFC", text)
    if _HAN.search(text):
        for converter in _converters():
            text = converter.convert(text)
    return text


def essence(name: str) -> str:
    """What is left of a name without its legal form; the whole of it where nothing would be."""
    text = _PUNCTUATION.sub(" ", folded(name))
    bare = _FORMS_IN_WORDS.sub(" ", _FORMS_IN_CHARACTERS.sub(" ", text))
    return _BRACKETS.sub(" ", bare).strip() or _BRACKETS.sub(" ", text).strip()


def likeness(one: str, other: str) -> float:
    """Of two essences, from 0 to 100: the order of words does not count, nor whether they are written together."""
    together = fuzz.ratio(one.replace(" ", ""), other.replace(" ", ""))
    return max(fuzz.token_sort_ratio(one, other), together)


def _is_accent(character: str) -> bool:
    """A Latin diacritic; the voicing marks of kana tell syllables apart."""
    return "\u0300" <= character <= "\u036f"
