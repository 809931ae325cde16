"""Why flags are open and what would clear them, read together for the flags of a message."""

from collections.abc import Iterable, Sequence

import structlog

from alerts.mail.letter import Grounds
from alerts.mail.tidings import News
from alerts.mail.why import clearings_in_words, reasons_in_words
from alerts.pinning import pinning
from alerts.portfolio import PinnedPolicies
from alerts.screening import Calendar, Clearances, Verdict, reasons
from contracts.facts import ContractFacts
from contracts.models import Contract
from policies.models import PolicyChange

log = structlog.get_logger(__name__)


class GroundsBook:
    """Policies for many messages: those that this process keeps anyway, with what was compiled for other messages."""

    def __init__(self) -> None:
        self._pinned: PinnedPolicies | None = None

    def of(self, news: Iterable[News], change: PolicyChange, now: Calendar) -> dict[int, Grounds]:
        """The grounds by flag, whose measures are all of the one change.

        A flag whose facts have changed since the event is left out: the next run tells.
        """
        told = [item for item in news if item.contract]
        if not told:
            return {}
        clearances = self._read({item.event.flag.policy_version for item in told}, now)
        facts = Contract.objects.filter(pk__in={item.event.flag.contract_id for item in told}).facts()
        contracts = {fact.reference: fact for fact in facts}
        why: dict[int, Sequence[str]] = {}
        flags: list[tuple[Verdict, ContractFacts]] = []
        for item in told:
            flag, name = item.event.flag, f"{change.reference}/{item.event.flag.measure.key}"
            contract, measure = contracts.get(item.reference), clearances.measures.get(name)
            if contract is None or measure is None or not flag.fits(contract):
                log.info("grounds have changed since the event", flag=flag.pk)
                continue
            verdict = flag.verdict(contract.reference, name)
            why[flag.pk] = reasons_in_words(reasons(verdict, contract, measure, clearances.policies))
            flags.append((verdict, contract))
        clears = map(clearings_in_words, clearances.of_all(flags))
        return {flag: Grounds(said, cleared) for (flag, said), cleared in zip(why.items(), clears, strict=True)}

    def _read(self, decided_on: set[str], now: Calendar) -> Clearances:
        """What is compiled for the instant; looked for again where flags were decided on other policies than these."""
        known = self._pinned
        if known is None or decided_on != {known.version}:
            known = pinning.at(now.at)
        elif known.calendar != now:
            known = known.again(now) or pinning.at(now.at)
        self._pinned = known
        return known.clearances_for()
