"""Codes that say what goods are, in contracts and in policies alike: HS, national tariff lines, control codes."""

import re
from typing import Any

from people.fields import Code, Country, Text, refuse, shown
from people.strict import ByCode

_HS = re.compile(r"\d{2}(?:\.?\d{2}){0,2}", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)
_CONTROL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?::[A-Za-z0-9][A-Za-z0-9._-]*)?")


class HsCode(Text):
    """2, 4 or 6 digits of the international Harmonized System; dots are dropped."""

    def to_internal_value(self, data: Any) -> str:
        text = self.text(data)
        if _HS.fullmatch(text):
            return text.replace(".", "")
        digits = text.replace(".", "")
        counted = _DIGITS.fullmatch(digits) and len(digits) not in (2, 4, 6)
        fault = (
            f"has {len(digits)} digits; an HS code has 2, 4 or 6" if counted else "is not an HS code such as 2805.30"
        )
        return refuse("invalid_hs_code", f"{shown(text)} {fault}")


class TariffCode(Code):
    """A national tariff line: digits only."""

    pattern = re.compile(r"[0-9]{6,12}")
    meaning = "a national tariff code of 6 to 12 digits"
    code = "invalid_tariff_code"


class ControlCode(Code):
    """`LIST:CODE`, or a bare `LIST` for all its codes."""

    code = "invalid_control_code"

    def to_internal_value(self, data: Any) -> str:
        text = self.text(data)
        if not _CONTROL.fullmatch(text) or len(text) > 64:
            refuse(self.code, f"{shown(text)} is not a control code such as CN-DUAL:1C905, or a list such as CN-DUAL")
        return text


def by_country(child: Any) -> ByCode:
    return ByCode(Country(), child)
