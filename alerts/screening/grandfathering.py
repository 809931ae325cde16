"""Whether a contract is exempt because it was concluded before a cut-off.

Source: "Grandfathering" of the bundle format (docs/bundle.md).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from alerts.screening.kleene import Truth, any_of
from contracts.facts import AmendmentFacts, ContractFacts
from contracts.stage import Calendar, is_concluded, start_of_day
from policies.facts import Grandfathering


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Between which instants a concluded contract was concluded, and what amended it since.

    `earliest` inclusive; `latest` is the first instant after, both equal where the moment is known.
    """

    earliest: datetime
    latest: datetime
    amendments: tuple[AmendmentFacts, ...]


def conclusion(contract: ContractFacts, now: Calendar) -> Conclusion | None:
    """None where the contract is not concluded."""
    if not is_concluded(contract, now):
        return None
    if contract.concluded_on is None:
        moment = contract.concluded_at or now.at
        return Conclusion(moment, moment, contract.amendments)
    timezone = contract.concluded_timezone or now.timezone
    start = start_of_day(contract.concluded_on, timezone)
    end = start_of_day(contract.concluded_on + timedelta(days=1), timezone)
    return Conclusion(start, end, contract.amendments)


def exempt(stated: tuple[Grandfathering, str], concluded: Conclusion | None) -> Truth:
    """Whether the contract is exempt; `stated` is the rule and the authority's IANA zone."""
    rule, timezone = stated
    if concluded is None:
        return False
    in_time = _concluded_before(start_of_day(rule.date, timezone), concluded)
    if in_time is False:
        return False
    after = rule.lost_by_amendment_after
    lost = any_of(_loses(amendment, after) for amendment in concluded.amendments) if after else False
    if lost:
        return False
    return None if lost is None else in_time


def _concluded_before(cutoff: datetime, concluded: Conclusion) -> Truth:
    if concluded.earliest >= cutoff:
        return False
    return True if concluded.latest <= cutoff else None


def _loses(amendment: AmendmentFacts, after: date) -> Truth:
    """Whether the amendment ends the exemption: made after the day, with quantity or term increased."""
    if amendment.increases_quantity_or_term is False:
        return False
    if amendment.made_on is None:
        return None
    if amendment.made_on <= after:
        return False
    return amendment.increases_quantity_or_term
