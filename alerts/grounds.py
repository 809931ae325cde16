"""Why flags are open and what would clear them, read together for the flags of a message."""

from collections.abc import Iterable, Sequence

import structlog

from alerts.mail.letter import Grounds
from alerts.mail.tidings import News
from alerts.mail.why import clearings_in_words, reasons_in_words
from alerts.portfolio import policy_version, stored_policies
from alerts.screening import Calendar, Clearances, Policies, Verdict, compile_policies, reasons
from alerts.screening.clearing import narrowed
from contracts.facts import ContractFacts
from contracts.models import Contract
from policies.models import PolicyChange

log = structlog.get_logger(__name__)


class GroundsBook:
    """Policies for many messages, read when the first flag asks for them; what is compiled for one serves the next."""

    def __init__(self) -> None:
        self._version: str | None = None
        self._policies: Policies | None = None
        self._now: Calendar | None = None
        self._clearances: dict[str, Clearances] = {}
        """Of that instant, by policy change."""

    def of(self, news: Iterable[News], change: PolicyChange, now: Calendar) -> dict[int, Grounds]:
        """The grounds by flag, whose measures are all of the one change.

        A flag whose facts have changed since the event is left out: the next run tells.
        """
        told = [item for item in news if item.contract]
        if not told:
            return {}
        clearances = self._read({item.event.flag.policy_version for item in told}, change.reference, now)
        measures = {measure.name: measure for measure in clearances.policies.measures}
        facts = Contract.objects.filter(pk__in={item.event.flag.contract_id for item in told}).facts()
        contracts = {fact.reference: fact for fact in facts}
        why: dict[int, Sequence[str]] = {}
        flags: list[tuple[Verdict, ContractFacts]] = []
        for item in told:
            flag, name = item.event.flag, f"{change.reference}/{item.event.flag.measure.key}"
            contract, measure = contracts.get(item.reference), measures.get(name)
            if contract is None or measure is None or not flag.fits(contract):
                log.info("grounds have changed since the event", flag=flag.pk)
                continue
            verdict = flag.verdict(contract.reference, name)
            why[flag.pk] = reasons_in_words(reasons(verdict, contract, measure, clearances.policies))
            flags.append((verdict, contract))
        clears = map(clearings_in_words, clearances.of_all(flags))
        return {flag: Grounds(said, cleared) for (flag, said), cleared in zip(why.items(), clears, strict=True)}

    def _read(self, decided_on: set[str], change: str, now: Calendar) -> Clearances:
        """What is compiled of a change for the instant; read again where flags were decided on other policies."""
        known = self._policies
        if known is None or (decided_on != {self._version} and self._version != policy_version()):
            self._version = policy_version()  # first: what changes while it is read is then read again
            known = self._policies = stored_policies()
            self._clearances.clear()
        if self._now != now:
            self._clearances.clear()
        self._now = now
        if change not in self._clearances:
            names = [measure.name for measure in known.measures if measure.change == change]
            of_change = narrowed(known, names)
            self._clearances[change] = Clearances(of_change, compile_policies(of_change, now))
        return self._clearances[change]
