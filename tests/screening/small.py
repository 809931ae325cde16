"""One contract, one measure: the smallest world, to be varied in one place, and what is said of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from alerts.screening import Calendar, Policies, Verdict, compile_policies
from contracts.facts import ContractFacts, LineFacts
from policies.facts import LicenceFacts, MeasureFacts, PartyListFacts, Period, Scope
from suppliers.facts import OrganizationFacts, Stake
from tests.screening import reference

AT = "2026-03-01T09:00:00+09:00"
SELLER = OrganizationFacts("SELLER", "CN", "company", owners_complete=True)
BUYER = OrganizationFacts("BUYER", "JP", "company", owners_complete=True)
LINE = LineFacts(
    number=10,
    hs_code="280530",
    control_codes=(),
    elements=("Dy",),
    origin_country="CN",
    quantity=Decimal(100),
    delivered=Decimal(0),
    cancelled=Decimal(0),
)
CONTRACT = ContractFacts(
    reference="C",
    kind="purchase",
    supplier="SELLER",
    buyer="BUYER",
    end_user="BUYER",
    concluded_on=date(2024, 4, 1),
    expires_on=date(2027, 3, 31),
    renewal="none",
    lines=(LINE,),
)
IN_FORCE = Period("in_force", date(2026, 1, 6))
MEASURE = MeasureFacts("P", "1", "ban", "Asia/Shanghai", (IN_FORCE,), "official", "published")


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def period(status: str, first: str, last: str | None = None) -> Period:
    return Period("in_force" if status == "in_force" else "suspended", date.fromisoformat(first), day(last))


def stake(owner: str, percent: str | None = None, controls: bool | None = None) -> Stake:
    return Stake(owner, None if percent is None else Decimal(percent), controls)


def line(**changes: object) -> LineFacts:
    return replace(LINE, **changes)


def contract(*lines: LineFacts, **changes: object) -> ContractFacts:
    return replace(CONTRACT, lines=lines or CONTRACT.lines, **changes)


def measure(scope: Scope | None = None, **changes: object) -> MeasureFacts:
    return replace(MEASURE, scope=scope or MEASURE.scope, **changes)


def calendar(at: str = AT, timezone: str = "Asia/Tokyo", horizon: int = 180) -> Calendar:
    return Calendar(datetime.fromisoformat(at), timezone, horizon)


def policies(
    one: MeasureFacts,
    organizations: Sequence[OrganizationFacts] = (),
    lists: Sequence[PartyListFacts] = (),
    licences: Sequence[LicenceFacts] = (),
) -> Policies:
    known = {organization.reference: organization for organization in (SELLER, BUYER, *organizations)}
    return Policies([one], known, {party_list.reference: party_list for party_list in lists}, licences)


def screened(world: Policies, of: ContractFacts, now: Calendar) -> list[Verdict]:
    """The core's verdicts, after making sure that the slow reference says the same."""
    verdicts = compile_policies(world, now).screen([of])
    assert [reference.as_flag(verdict) for verdict in verdicts] == reference.screen(world, [of], now)
    return verdicts


def certainty(world: Policies, of: ContractFacts = CONTRACT, now: Calendar | None = None) -> str | None:
    """The certainty of the one flag there is, or None."""
    verdicts = screened(world, of, now or calendar())
    assert len(verdicts) <= 1
    return verdicts[0].certainty if verdicts else None


def flags(world: Policies, of: ContractFacts = CONTRACT, now: Calendar | None = None) -> dict[str, str]:
    """Each flag's kind with `certainty basis act-by`."""
    return {
        verdict.kind: f"{verdict.certainty} {verdict.basis} {verdict.act_by}"
        for verdict in screened(world, of, now or calendar())
    }
