"""Why flags are open and what would clear them, read together for the flags of a message."""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

import structlog

from alerts.mail.letter import Grounds, News
from alerts.mail.why import clearings_in_words, reasons_in_words
from alerts.models import EventKind
from alerts.portfolio import calendar, stored_policies
from alerts.screening import Policies
from alerts.screening.clearing import Clearances
from alerts.screening.reasons import reasons
from contracts.facts import ContractFacts
from contracts.models import Contract

log = structlog.get_logger(__name__)


class GroundsBook:
    """The policies of one composition, read when the first flag asks for them."""

    def __init__(self, at: datetime) -> None:
        self.now = calendar(at)

    @cached_property
    def policies(self) -> Policies:
        return stored_policies()

    @cached_property
    def clearances(self) -> Clearances:
        return Clearances(self.policies, self.now)

    def of(self, news: Iterable[News]) -> dict[int, Grounds]:
        """The grounds by flag. A flag whose facts have changed since the event is left out: the next run tells."""
        told = [item for item in news if item.event.kind != EventKind.CLOSED and item.contract]
        facts = Contract.objects.filter(pk__in={item.event.flag.contract_id for item in told}).facts()
        by_reference = {fact.reference: fact for fact in facts}
        found: dict[int, Grounds] = {}
        for item in told:
            try:
                found[item.event.flag_id] = self._grounds(item, by_reference[item.reference])
            except (KeyError, StopIteration, ValueError):
                log.info("grounds have changed since the event", flag=item.event.flag_id)
        return found

    def _grounds(self, item: News, contract: ContractFacts) -> Grounds:
        measure_row = item.event.flag.measure
        name = f"{measure_row.change.reference}/{measure_row.key}"
        verdict = item.event.flag.verdict(contract.reference, name)
        measure = next(measure for measure in self.policies.measures if measure.name == name)
        return Grounds(
            why=reasons_in_words(reasons(verdict, contract, measure, self.policies)),
            clears=clearings_in_words(self.clearances.of(verdict, contract)),
        )
