"""The kinds of value a bundle holds, each read strictly: nothing is guessed, rounded or turned from a number into text.

null is always legal unless a field is required; a missing key is not the same as null.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NoReturn

from django.core.exceptions import ValidationError as DjangoValidationError
from django.core.validators import validate_email
from rest_framework import serializers
from rest_framework.fields import empty

from people import codes
from people.constraints import REFERENCE

_REFERENCE = re.compile(REFERENCE.strip("^$"))
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+-]\d{2}:\d{2})?", re.ASCII)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
YEARS = range(1800, 2201)
LONGEST_NUMBER = 100
MOST_MARKS = 30
"""In a row, of any text: the Stream-Safe Text Format (UAX #15). Bringing n of them in order takes n x n steps."""
_AS_MARKS = frozenset("\u0f73\u0f75\u0f81")
"""No marks themselves, and nothing but marks where they are taken apart."""


def refuse(code: str, detail: str) -> NoReturn:
    raise serializers.ValidationError(detail, code=code)


def found(value: object) -> str:
    """What stands in a JSON document, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "a number"


class Fact(serializers.Field[Any, Any, Any, Any]):
    """A field that may be null unless it is required, and that checks a value in one place."""

    def __init__(self, *, required: bool = False, **options: Any) -> None:
        super().__init__(required=required, allow_null=not required, **options)

    def run_validation(self, data: Any = empty) -> Any:
        if data is None:
            if self.allow_null:
                return None
            refuse("null", "has to be given; null will not do")
        if data is empty:
            refuse("required", "is missing")
        return self.to_internal_value(data)


class Text(Fact, serializers.CharField):
    """Text in NFC, without NUL and unpaired surrogates."""

    def __init__(self, *, longest: int | None = None, **options: Any) -> None:
        self.longest = longest
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> str:
        text = self.text(data).strip()
        if not text:
            refuse("blank", "is empty; where nothing is established, null says so")
        if self.longest and len(text) > self.longest:
            refuse("too_long", f"has {len(text)} characters; {self.longest} are the most")
        return text

    def text(self, data: Any) -> str:
        if type(data) is not str:
            hint = ": put it in quotes, or digits are lost" if found(data) == "a number" else ""
            refuse("not_a_string", f"{found(data)} where text belongs{hint}")
        if data.isascii():
            if "\0" in data:
                refuse("nul", "holds a NUL character")
            return data
        if _SURROGATE.search(data):
            refuse("surrogate", "holds an unpaired surrogate, which is not a character")
        if "\0" in data:
            refuse("nul", "holds a NUL character")
        if _has_too_many_marks(data):
            refuse("too_many_marks", f"holds more than {MOST_MARKS} combining marks in a row")
        return unicodedata.normalize("NFC", data)


def _has_too_many_marks(text: str) -> bool:
    """So long a run lies across one of the places looked at."""
    step = MOST_MARKS + 1
    for place in range(MOST_MARKS, len(text), step):
        first = last = place
        while first >= 0 and last - first <= step and _is_mark(text[first]):
            first -= 1
        while last < len(text) and last - first <= step and _is_mark(text[last]):
            last += 1
        if last - first > step:
            return True
    return False


def _is_mark(character: str) -> bool:
    return unicodedata.combining(character) > 0 or character in _AS_MARKS


class Code(Text):
    """Text that has to be one of a set, or to match a pattern; nothing is trimmed."""

    known: Collection[str] | None = None
    pattern: re.Pattern[str] | None = None
    meaning = "a code"
    code = "invalid"

    def to_internal_value(self, data: Any) -> str:
        text = self.text(data)
        if self.known is not None and text not in self.known:
            refuse(self.code, f"{shown(text)} is not {self.meaning}")
        if self.pattern is not None and not self.pattern.fullmatch(text):
            refuse(self.code, f"{shown(text)} is not {self.meaning}")
        return text


def shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


class Reference(Code):
    pattern = _REFERENCE
    meaning = "a reference: 1 to 64 of A-Z a-z 0-9 . _ : -"
    code = "invalid_reference"

    def to_representation(self, value: Any) -> str:
        """Of an object that a list refers to as of text."""
        return str(getattr(value, "reference", value))


class Country(Code):
    known = codes.COUNTRIES
    meaning = "an ISO 3166-1 alpha-2 country code"
    code = "invalid_country"


class Currency(Code):
    known = codes.CURRENCIES
    meaning = "an ISO 4217 currency code"
    code = "invalid_currency"


class Element(Code):
    known = codes.ELEMENTS
    meaning = "the symbol of a chemical element"
    code = "invalid_element"


class LanguageTag(Code):
    pattern = codes.LANGUAGE_TAG
    meaning = "a language tag such as en, ja or zh-Hans"
    code = "invalid_language"


class Timezone(Code):
    code = "invalid_timezone"

    def to_internal_value(self, data: Any) -> str:
        text = self.text(data)
        if text not in codes.timezones():
            refuse(self.code, f"{shown(text)} is not a time zone of the IANA database such as Asia/Tokyo")
        return text


class Url(Text):
    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not re.fullmatch(r"https?://[^\s/]\S*", text):
            refuse("invalid_url", f"{shown(text)} is not an address that begins with http:// or https://")
        return text


class Email(Text):
    """An address, kept in lower case as log-ins are."""

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data).lower()
        try:
            validate_email(text)
        except DjangoValidationError:
            refuse("invalid_email", f"{shown(text)} is not an e-mail address")
        if len(text) > 254:
            refuse("too_long", "an e-mail address has at most 254 characters")
        return text


class Choice(Fact, serializers.ChoiceField):
    """One of a few words."""

    def to_internal_value(self, data: Any) -> str:
        if type(data) is not str:
            refuse("not_a_string", f"{found(data)} where one of the words belongs: {', '.join(self.choices)}")
        if data not in self.choices:
            refuse("invalid_choice", f"{shown(data)} is none of {', '.join(self.choices)}")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class YesNo(Fact, serializers.BooleanField):
    """JSON's true or false, and nothing that might be taken for them."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            refuse("not_a_boolean", f"{found(data)} where true or false belongs")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Whole(Fact, serializers.IntegerField):
    """A JSON integer from 0 to `most`."""

    def __init__(self, *, most: int, **options: Any) -> None:
        self.most = most
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            refuse("not_an_integer", f"{found(data)} where a whole number belongs")
        if not 0 <= data <= self.most:
            refuse("out_of_range", f"{str(data)[:20]} does not lie between 0 and {self.most}")
        return data


class Amount(Fact, serializers.DecimalField):
    """A decimal number in quotes, from 0 to `most`, kept to its last digit; with `as_text` it stays text."""

    def __init__(
        self, *, most: int | None = None, whole: int = 21, places: int = 9, as_text: bool = False, **options: Any
    ):
        self.most, self.whole, self.places, self.as_text = most, whole, places, as_text
        super().__init__(max_digits=whole + places, decimal_places=places, **options)

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not str:
            hint = ": put it in quotes, or digits are lost" if found(data) == "a number" else ""
            refuse("not_a_string", f"{found(data)} where a decimal number in quotes belongs{hint}")
        if not _NUMBER.fullmatch(data):
            refuse("not_a_number", f"{shown(data)} is not a decimal number such as 12.50")
        whole, _, places = data.lstrip("-").partition(".")
        if len(data) > LONGEST_NUMBER or len(whole.lstrip("0")) > self.whole or len(places.rstrip("0")) > self.places:
            refuse(
                "too_precise", f"at most {self.whole} digits before the point and {self.places} after it can be kept"
            )
        number = Decimal(data)
        if number < 0 or (self.most is not None and number > self.most):
            bounds = "is negative" if self.most is None else f"does not lie between 0 and {self.most}"
            refuse("out_of_range", f"{shown(data)} {bounds}")
        return data if self.as_text else number

    def to_representation(self, value: Any) -> Any:
        return value if isinstance(value, str) else f"{value.normalize():f}"

    def in_sql(self, column: str) -> str:
        """The same, of a column that PostgreSQL shows."""
        return f"trim_scale({column})::text"


def percentage(**options: Any) -> Amount:
    """0 to 100."""
    return Amount(most=100, whole=3, **options)


def fraction(**options: Any) -> Amount:
    """0 to 1, as text: shares stand inside JSON values."""
    return Amount(most=1, whole=1, places=18, as_text=True, **options)


class Day(Fact, serializers.DateField):
    """A calendar day; with `as_text` it stays text."""

    def __init__(self, *, as_text: bool = False, **options: Any) -> None:
        self.as_text = as_text
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Any:
        if type(data) is not str:
            refuse("not_a_string", f"{found(data)} where a day such as 2026-01-13 belongs")
        if not _DAY.fullmatch(data):
            refuse("invalid_date", f"{shown(data)} is not a day such as 2026-01-13")
        try:
            day = date.fromisoformat(data)
        except ValueError:
            refuse("invalid_date", f"{data} is not a day of the calendar")
        _check_year(day)
        return data if self.as_text else day


class Instant(Fact, serializers.DateTimeField):
    """A moment with its offset from UTC, kept in UTC."""

    def to_internal_value(self, data: Any) -> datetime:
        if type(data) is not str:
            refuse("not_a_string", f"{found(data)} where an instant such as 2026-01-13T09:00:00+09:00 belongs")
        match = _INSTANT.fullmatch(data)
        if not match:
            refuse("invalid_instant", f"{shown(data)} is not an instant such as 2026-01-13T09:00:00+09:00")
        if not match[2]:
            refuse("no_offset", f"{data} has no offset from UTC, such as +09:00")
        try:
            instant = datetime.fromisoformat(data)
        except ValueError:
            refuse("invalid_instant", f"{data} is not a moment of the calendar")
        _check_year(instant)
        return instant.astimezone(UTC)

    def to_representation(self, value: Any) -> Any:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")

    def in_sql(self, column: str) -> str:
        """The same, of a column that PostgreSQL shows."""
        return f"""replace(to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '.000000', '')"""


def _check_year(day: date) -> None:
    if day.year not in YEARS:
        refuse(
            "implausible_date",
            f"the year {day.year} is not between {YEARS.start} and {YEARS.stop - 1}; an end that is open is null",
        )


def choices(values: Sequence[str], **options: Any) -> Choice:
    return Choice(choices=list(values), **options)
