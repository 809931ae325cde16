"""Flags of a past moment over REST, within the departments that the asker may see today."""

from typing import Any

from django.http import QueryDict
from rest_framework.exceptions import NotFound, ValidationError

from alerts.as_of import NothingKnown, flags_as_of
from contracts.models import Contract
from people.fields import Instant
from people.models import User
from people.resources import refusal

TOGETHER = frozenset({"as_of", "known", "contract"})


def past_flags(parameters: QueryDict, asker: User) -> dict[str, Any]:
    """The answer to `?as_of=INSTANT&known=then|now&contract=REFERENCE`; the latter two may be left out."""
    faults = [((name,), "not_with_as_of", "cannot go with as_of") for name in parameters if name not in TOGETHER]
    known = parameters.get("known", "then")
    if known not in ("then", "now"):
        faults.append((("known",), "invalid_choice", "is neither then nor now"))
    if "as_of" not in parameters:
        faults.append((("as_of",), "required", "is missing"))
    if faults:
        raise refusal(faults)
    try:
        at = Instant().to_internal_value(parameters["as_of"])
    except ValidationError as error:
        raise ValidationError({"as_of": error.detail}) from error
    contracts = Contract.objects.visible_to(asker)
    if "contract" in parameters:
        contracts = contracts.filter(reference=parameters["contract"])
    within = list(contracts.order_by().values_list("id", flat=True))
    try:
        answer = flags_as_of(at, known="now" if known == "now" else "then", within=within)
    except NothingKnown as nothing:
        raise NotFound(str(nothing)) from nothing
    return {"as_of": at.isoformat(), "known": known, "run": answer.run, "at": answer.at, "results": answer.flags}
