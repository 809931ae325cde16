"""Why a contract is flagged and what would clear it, one plain sentence each."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy, pgettext_lazy

from alerts.mail import words
from alerts.mail.language import gettext as _
from alerts.mail.language import remembered
from alerts.mail.marks import clauses, either, labelled, listed
from alerts.mail.plain import one_line
from alerts.screening.clearing import Clearing
from alerts.screening.reasons import Json, Reason

CRITERIA = {
    "commodities": gettext_lazy("goods"),
    "except_commodities": gettext_lazy("exception for goods"),
    "origin_countries": gettext_lazy("country of origin"),
    "supplier_countries": gettext_lazy("country of the supplier"),
    "buyer_countries": gettext_lazy("country of the buyer"),
    "destination_countries": gettext_lazy("country of ultimate destination"),
    "end_uses": gettext_lazy("end use"),
    "supplier_controlled_by_state": gettext_lazy("state control of the supplier"),
    "parties": gettext_lazy("parties"),
    "contracts": gettext_lazy("contract named"),
    "exempt_concluded_before": gettext_lazy("exemption of older contracts"),
    "timeline": gettext_lazy("return after the suspension"),
    "open_quantity": gettext_lazy("open quantity"),
    "renewal": gettext_lazy("renewal"),
}
FIELDS = {
    "hs": gettext_lazy("HS code"),
    "hs_code": gettext_lazy("HS code"),
    "tariff": gettext_lazy("national tariff code"),
    "tariff_codes": gettext_lazy("national tariff codes"),
    "control_codes": gettext_lazy("control codes"),
    "elements": gettext_lazy("elements"),
    "min_purity": gettext_lazy("purity from"),
    "purity": gettext_lazy("purity"),
    "min_value_share": gettext_lazy("share of the value at least"),
    "value_share": gettext_lazy("share of the value"),
    "content": gettext_lazy("share of the value"),
    "origin": gettext_lazy("origin"),
    "origin_country": gettext_lazy("country of origin"),
    "destination_country": gettext_lazy("country of ultimate destination"),
    "end_use": gettext_lazy("end use"),
    "end_user": gettext_lazy("end user"),
    "owners": gettext_lazy("owners"),
    "owners_complete": gettext_lazy("all owners are named"),
    "percent": gettext_lazy("percentage"),
    "controls": gettext_lazy("actual control"),
    "country": gettext_lazy("country"),
    "kind": gettext_lazy("kind"),
    "quantity": gettext_lazy("quantity"),
    "delivered": gettext_lazy("delivered"),
    "cancelled": gettext_lazy("cancelled"),
    "renewal": gettext_lazy("renewal"),
    "expires_on": gettext_lazy("expiry"),
    "notice_days": gettext_lazy("days of notice"),
    "concluded_at": gettext_lazy("concluded at"),
    "concluded_on": gettext_lazy("concluded on"),
    "made_on": gettext_lazy("made on"),
    "increases_quantity_or_term": gettext_lazy("increases quantity or term"),
    "supplier": gettext_lazy("supplier"),
    "buyer": gettext_lazy("buyer"),
    "lists": gettext_lazy("lists"),
    "named": gettext_lazy("named"),
    "roles": gettext_lazy("as"),
    "affiliates": gettext_lazy("affiliates held at"),
    "lines": gettext_lazy("line"),
    "organizations": gettext_lazy("organization"),
    "amendments": gettext_lazy("amendment"),
    "concluded_timezone": gettext_lazy("concluded in the zone"),
    "date": gettext_lazy("concluded before"),
    "performed_by": gettext_lazy("performed by"),
    "lost_by_amendment_after": gettext_lazy("not amended after"),
}
USES = {"civil": gettext_lazy("civil"), "military": gettext_lazy("military")}
NAMES: Mapping[str, Mapping[str, object]] = {
    "end_use": USES,
    "end_uses": USES,
    "kind": {
        "company": gettext_lazy("company"),
        "state_body": gettext_lazy("state body"),
        "person": gettext_lazy("person"),
    },
    "renewal": {
        "none": pgettext_lazy("renewal", "none"),
        "option": gettext_lazy("option to extend"),
        "auto": gettext_lazy("by itself"),
        "evergreen": gettext_lazy("runs on until notice is given"),
    },
    "roles": {
        "supplier": gettext_lazy("supplier"),
        "buyer": gettext_lazy("buyer"),
        "end_user": gettext_lazy("end user"),
    },
}
"""Words of the bundle format that a reader should not have to know, by field."""
DAYS = {"expires_on", "concluded_on", "made_on", "date", "performed_by", "lost_by_amendment_after"}
QUANTITIES = {"quantity", "delivered", "cancelled"}
EXEMPTING = ("except_commodities", "exempt_concluded_before")
"""Criteria that hold where something does not apply."""
FEW = {"end_use", "renewal", "kind", "owners_complete", "controls", "increases_quantity_or_term"}
"""Facts with few possible values: all that clear a flag are known, not one for example."""
LISTED = 12
"""How many values of a list are written out."""


def reasons_in_words(reasons: Iterable[Reason]) -> list[str]:
    """One sentence per criterion and what the contract says of it, for all lines that say the same; doubts first."""
    lines: defaultdict[tuple[str, str, str, str], list[int]] = defaultdict(list)
    for reason in reasons:
        says = _said(reason.criterion, json.dumps(reason.contract_says))
        asks = _asked(reason.criterion, json.dumps(reason.measure_says))
        of_line = lines[reason.criterion, reason.verdict, says, asks]
        if reason.line is not None:
            of_line.append(reason.line)
    doubts_first = sorted(lines.items(), key=lambda said: said[0][1] != "unknown")
    return [_sentence(*key, tuple(numbers)) for key, numbers in doubts_first]


@remembered
def _said(criterion: str, contract_says: str) -> str:
    return _in_words(json.loads(contract_says), criterion)


@remembered
def _asked(criterion: str, measure_says: str) -> str:
    stated = json.loads(measure_says)
    return "" if stated is None else _measure_asks(criterion, stated)


def clearings_in_words(clearings: Iterable[Clearing]) -> list[str]:
    """`end use: civil`, one per fact that alone would clear the flag."""
    return [labelled(_path(clearing.field), _alternatives(clearing.field, clearing.values)) for clearing in clearings]


@remembered
def _sentence(criterion: str, verdict: str, says: str, asks: str, lines: tuple[int, ...]) -> str:
    said = {"criterion": CRITERIA[criterion], "met": _met(criterion, verdict), "says": says, "asks": asks}
    if criterion == "timeline":
        sentence = _("%(criterion)s: not confirmed. %(asks)s")
    elif criterion in EXEMPTING and asks:
        sentence = _("%(criterion)s: %(met)s. The contract says: %(says)s. The measure exempts: %(asks)s.")
    elif asks:
        sentence = _("%(criterion)s: %(met)s. The contract says: %(says)s. The measure asks for: %(asks)s.")
    else:
        sentence = _("%(criterion)s: %(met)s. The contract says: %(says)s.")
    return one_line(_of_lines(lines, sentence % said) if lines else sentence % said, 600)


def _met(criterion: str, verdict: str) -> str:
    if verdict == "matched":
        return _("does not apply") if criterion in EXEMPTING else _("met")
    return _("a question for a person, or not established") if criterion == "renewal" else _("not established")


def _measure_asks(criterion: str, stated: Json) -> str:
    if criterion == "supplier_controlled_by_state":
        return _("control by the state %(state)s") % {"state": one_line(stated, 10)}
    if criterion == "timeline" and isinstance(stated, list):
        return _suspended_until(stated)
    if criterion in ("commodities", "except_commodities") and isinstance(stated, list):
        return either(_in_words(entry) for entry in stated[:LISTED])
    if isinstance(stated, Mapping):  # what a measure leaves out it does not ask for
        return _of_mapping({name: part for name, part in stated.items() if part is not None})
    return _in_words(stated, criterion)


def _suspended_until(timeline: list[Json]) -> str:
    ends = [str(p["until"]) for p in timeline if isinstance(p, dict) and p["status"] == "suspended" and p["until"]]
    if not ends:
        return _("Nothing says whether the measure comes back.")
    return _("The suspension ends on %(day)s; nothing says whether the measure comes back then.") % {
        "day": words.day(date.fromisoformat(max(ends)))
    }


def _of_lines(lines: Sequence[int], sentence: str) -> str:
    shown = listed([*map(str, lines[:LISTED]), *(["…"] if len(lines) > LISTED else [])])
    said = {"lines": shown, "sentence": sentence}
    return _("line %(lines)s, %(sentence)s") % said if len(lines) == 1 else _("lines %(lines)s, %(sentence)s") % said


def _path(field: str) -> str:
    """`lines/10/elements` as `line 10, elements`."""
    parts = field.split("/")
    named = ("lines", "organizations", "amendments", "owners", "content", "tariff_codes")
    steps: list[str] = []
    while parts:
        part = parts.pop(0)
        name = str(FIELDS.get(part, part))
        steps.append(_valued(name, one_line(parts.pop(0), 64)) if part in named and parts else name)
    return listed(steps)


def _alternatives(field: str, values: list[Json]) -> str:
    fact = field.rpartition("/")[2]
    shown = either(_in_words(value, fact) for value in values[:LISTED])
    return shown if fact in FEW or values == [[]] else _("for example %(value)s") % {"value": shown}


def _in_words(value: Json, of: str = "") -> str:
    """A value of the field or criterion that it is `of`."""
    if value is None:
        return _("not established")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        shown = [*(_in_words(part, of) for part in value[:LISTED]), *(["…"] if len(value) > LISTED else [])]
        return listed(shown) or _("none")
    if isinstance(value, Mapping):
        return _of_object(value)
    return _plainly(str(value), of)


def _plainly(value: str, of: str) -> str:
    if value in NAMES.get(of, {}):
        return str(NAMES[of][value])
    if of in DAYS:
        return words.day(date.fromisoformat(value))
    if of == "concluded_at":
        return words.instant(datetime.fromisoformat(value))
    if of in QUANTITIES:
        return words.number(Decimal(value))
    return one_line(_trimmed(value), 100)


def _of_object(value: Mapping[str, Json]) -> str:
    if "owner" in value:
        return _stake(value)
    if "min_percent" in value:
        operator = _("%(percent)s %% or more") if value.get("operator") == "gte" else _("more than %(percent)s %%")
        held = operator % {"percent": _trimmed(value["min_percent"])}
        return listed([held, _("shares added up") if value.get("aggregate") else _("one holder alone")])
    if value.keys() == {"share", "origin"}:
        return _share(value["share"], value["origin"])
    if value.keys() == {"value_share", "origin"}:
        return _share(value["value_share"], value["origin"])
    return _of_mapping(value)


def _share(share: Json, origin: Json) -> str:
    """`0.12 from CN`."""
    return _("%(share)s from %(origin)s") % {"share": _in_words(share), "origin": _in_words(origin)}


def _trimmed(value: object) -> object:
    """A decimal fraction without the zeros that end it."""
    text = str(value)
    return text.rstrip("0").rstrip(".") if re.fullmatch(r"[0-9]+\.[0-9]+", text) else value


def _stake(stake: Mapping[str, Json]) -> str:
    """`CHIXIA-GRP 38.4 % (controls it)`."""
    percent = stake.get("percent")
    share = _("share not established") if percent is None else _("%(percent)s %%") % {"percent": _trimmed(percent)}
    held = _valued(one_line(stake.get("owner"), 64), share)
    controls = stake.get("controls")
    if controls is None:
        return held
    how = _("controls it") if controls else _("does not control it")
    return _("%(what)s (%(more)s)") % {"what": held, "more": how}


def _of_mapping(value: Mapping[str, Json]) -> str:
    said = {name: part for name, part in value.items() if part is not None and part not in ([], {})}
    parts = [_stated(name, part) for name, part in said.items()]
    missing = [str(FIELDS.get(name, name)) for name, part in value.items() if part is None]
    if missing:
        parts.append(_("not established: %(fields)s") % {"fields": listed(missing)})
    return clauses(parts) or _("none")


def _stated(name: str, part: Json) -> str:
    field = str(FIELDS.get(name, name))
    return labelled(field, _in_words(part)) if isinstance(part, bool) else _valued(field, _in_words(part, name))


def _valued(field: str, value: str) -> str:
    """`HS code 284690`."""
    return _("%(field)s %(value)s") % {"field": field, "value": value}
