"""Why flags are open and what would clear them, read together for the flags of a message."""

from collections.abc import Iterable

import structlog

from alerts.mail.letter import Grounds
from alerts.mail.tidings import News
from alerts.mail.why import clearings_in_words, reasons_in_words
from alerts.portfolio import policy_version, stored_policies
from alerts.screening import Calendar
from alerts.screening.clearing import Clearances
from alerts.screening.reasons import reasons
from contracts.facts import ContractFacts
from contracts.models import Contract
from policies.facts import MeasureFacts
from policies.models import PolicyChange

log = structlog.get_logger(__name__)


class GroundsBook:
    """Policies for many messages, read when the first flag asks for them; what is compiled for one serves the next."""

    def __init__(self) -> None:
        self._version: str | None = None
        self._measures: dict[str, MeasureFacts] = {}
        self._clearances: Clearances | None = None

    def of(self, news: Iterable[News], change: PolicyChange, now: Calendar) -> dict[int, Grounds]:
        """The grounds by flag, whose measures are all of the one change.

        A flag whose facts have changed since the event is left out: the next run tells.
        """
        told = [(f"{change.reference}/{item.event.flag.measure.key}", item) for item in news if item.contract]
        if not told:
            return {}
        clearances = self._read({item.event.flag.policy_version for _, item in told}, now)
        facts = Contract.objects.filter(pk__in={item.event.flag.contract_id for _, item in told}).facts()
        by_reference = {fact.reference: fact for fact in facts}
        found: dict[int, Grounds] = {}
        for name, item in told:
            try:
                found[item.event.flag_id] = self._grounds(item, by_reference[item.reference], name, clearances)
            except (KeyError, StopIteration, ValueError):
                log.info("grounds have changed since the event", flag=item.event.flag_id)
        return found

    def _read(self, decided_on: set[str], now: Calendar) -> Clearances:
        """What is compiled for the instant; read again where flags were decided on other policies than these."""
        known = self._clearances
        if known is None or (decided_on != {self._version} and self._version != policy_version()):
            self._version = policy_version()  # first: what changes while it is read is then read again
            known = Clearances(stored_policies(), now)
            self._measures = {measure.name: measure for measure in known.policies.measures}
        elif known.now != now:
            known = Clearances(known.policies, now)
        self._clearances = known
        return known

    def _grounds(self, item: News, contract: ContractFacts, name: str, clearances: Clearances) -> Grounds:
        verdict, measure = item.event.flag.verdict(contract.reference, name), self._measures[name]
        return Grounds(
            why=reasons_in_words(reasons(verdict, contract, measure, clearances.policies)),
            clears=clearings_in_words(clearances.of(verdict, contract)),
        )
