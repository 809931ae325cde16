"""Whether contracts are exempt because they were concluded before a cut-off.

Source: "Grandfathering" of the bundle format (docs/bundle.md).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from alerts.screening.book import Book, code
from alerts.screening.kleene import Truth, any_of
from alerts.screening.standings import MAYBE, NO, YES
from contracts.columns import Codes, Rows
from contracts.facts import AmendmentFacts, Conclusion
from contracts.instants import NEVER, Moments, microseconds
from contracts.stage import Calendar, is_concluded, start_of_day
from policies.facts import Grandfathering

Truths = npt.NDArray[np.int8]
NO_RULE = -1


class Exemptions:
    """The exemptions of measures by slot, each with the authority's IANA zone; None where a measure has none."""

    def __init__(self, stated: Sequence[tuple[Grandfathering, str] | None]) -> None:
        rules = dict.fromkeys(rule for rule in stated if rule is not None)
        self.rules = tuple(rules)
        positions = {rule: position for position, rule in enumerate(rules)}
        self.rule_of = np.array([NO_RULE if rule is None else positions[rule] for rule in stated], dtype=np.intp)

    def of(self, book: Book, contract: Codes, slot: Rows) -> Truths:
        """Per pair of a contract and a slot, whether the contract is exempt."""
        found = np.zeros(len(contract), dtype=np.int8)
        rule = self.rule_of[slot]
        for position, stated in enumerate(self.rules):
            if (under := rule == position).any():
                found[under] = exempt(stated, book)[contract[under]]
        return found


def exempt(stated: tuple[Grandfathering, str], book: Book) -> Truths:
    """Whether each contract is exempt; `stated` is the rule and the authority's IANA zone."""
    rule, timezone = stated
    cutoff = microseconds(start_of_day(rule.date, timezone))
    earliest, latest = _instants(book)
    in_time = np.where(earliest >= cutoff, NO, np.where(latest <= cutoff, YES, MAYBE)).astype(np.int8)
    if rule.lost_by_amendment_after is None:
        return in_time
    lost: Truths = book.amendments.array(np.int8, _lost, rule.lost_by_amendment_after)
    return np.where(lost == YES, NO, np.where((lost == MAYBE) & (in_time == YES), MAYBE, in_time)).astype(np.int8)


def _instants(book: Book) -> tuple[Moments, Moments]:
    """Between which instants each contract was concluded: the first, and the first after the last."""
    found = book.conclusion.array(np.int64, _between, book.now).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _between(conclusion: Conclusion, now: Calendar) -> tuple[int, int]:
    """In microseconds; a contract that is not concluded comes after every cut-off."""
    if not is_concluded(conclusion, now):
        return NEVER, NEVER
    if conclusion.concluded_on is None:
        instant = microseconds(conclusion.concluded_at or now.at)
        return instant, instant
    timezone = conclusion.concluded_timezone or now.timezone
    start = start_of_day(conclusion.concluded_on, timezone)
    end = start_of_day(conclusion.concluded_on + timedelta(days=1), timezone)
    return microseconds(start), microseconds(end)


def _lost(amendments: tuple[AmendmentFacts, ...], after: date) -> int:
    return code(any_of(_loses(amendment, after) for amendment in amendments))


def _loses(amendment: AmendmentFacts, after: date) -> Truth:
    """Whether the amendment ends the exemption: made after the day, with quantity or term increased."""
    if amendment.increases_quantity_or_term is False:
        return False
    if amendment.made_on is None:
        return None
    if amendment.made_on <= after:
        return False
    return amendment.increases_quantity_or_term
