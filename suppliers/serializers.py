"""Organizations as a bundle and the REST interface spell them."""

from collections.abc import Iterator, Mapping
from typing import Any

from stdnum import lei
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError as NumberError
from stdnum.jp import cn as jp_cn

from people.faults import Fault, once
from people.fields import Country, LanguageTag, Reference, Text, YesNo, choices, percentage, shown
from people.serializers import Period
from people.strict import Rows, Strict
from suppliers.models import Organization
from suppliers.ownership import owner_once_on_any_day, shares_add_up

# Schemes whose numbers carry check digits; numbers of all others are taken as they are.
SCHEMES = {"LEI": lei, "CN-USCC": uscc, "JP-CN": jp_cn}


def check_digits(values: Mapping[str, Any]) -> Iterator[Fault]:
    """The number's length, characters and check digits are those of its scheme."""
    scheme, value = values.get("scheme"), values.get("value")
    if scheme not in SCHEMES or value is None:
        return
    try:
        if SCHEMES[scheme].validate(value) != value:
            yield Fault(("value",), "invalid_identifier", f"{shown(value)} is not written as {scheme} numbers are")
    except NumberError as error:
        reason = str(error).rstrip(".").lower()
        yield Fault(("value",), "invalid_identifier", f"{shown(value)} is not a valid {scheme} number: {reason}")


class NameSerializer(Period):
    name = Text(required=True, longest=500)
    language = LanguageTag()


class IdentifierSerializer(Strict):
    rules = (check_digits,)

    scheme = Text(required=True, longest=32)
    value = Text(required=True, longest=128)


class OwnerSerializer(Period):
    owner = Reference(required=True, source="owner.reference")
    percent = percentage()
    controls = YesNo()


class OrganizationSerializer(Strict):
    rules = (owner_once_on_any_day, shares_add_up, once("identifiers", "scheme", "value"))

    reference = Reference(required=True)
    name = Text(longest=500)
    names = Rows(NameSerializer(required=True))
    country = Country()
    kind = choices(Organization.Kind.values)
    is_supplier = YesNo()
    identifiers = Rows(IdentifierSerializer(required=True))
    owners = Rows(OwnerSerializer(required=True))
    owners_complete = YesNo()
