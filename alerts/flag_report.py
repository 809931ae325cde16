"""What there is to know of one flag: why it is open, what would clear it, what happened to it and who was told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.binding import grounds, token
from alerts.models import Flag, FlagAction, FlagEvent, Message
from alerts.portfolio import calendar, stored_policies
from alerts.screening import Clearing, Policies, Reason, reasons, would_clear_if
from contracts.facts import ContractFacts
from contracts.models import Contract
from policies.facts import MeasureFacts
from policies.models import Measure


@dataclass(frozen=True, slots=True)
class Why:
    """The reasons of a flag and the single facts that would clear it.

    `outdated` where the contract has changed since the flag was decided, so that its lines are not there any more: then
    there are no reasons until it is screened again. A closed flag has nothing that would clear it.
    """

    reasons: Sequence[Reason]
    would_clear_if: Sequence[Clearing]
    outdated: bool
    token: str | None = None
    """Of the facts it stands on, see alerts/binding.py; None where there is no telling."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a flag, and a message that told of it."""

    message: Message
    event: FlagEvent


def name_of(measure: Measure) -> str:
    """`REFERENCE/KEY`, as bundles and verdicts name it."""
    return f"{measure.change.reference}/{measure.key}"


def why(flag: Flag, *, at: datetime) -> Why:
    """Rendered from the flag's bits and the stored facts, in a constant number of queries."""
    (measure,) = Measure.objects.filter(pk=flag.measure_id).facts()
    contract = next(iter(Contract.objects.filter(pk=flag.contract_id).facts()), None)
    if contract is None or not flag.fits(contract):
        return Why((), (), outdated=True)
    policies = replace(stored_policies(), measures=[measure])
    found = _why(flag, contract, measure, policies, at)
    return replace(found, token=token(grounds(flag, contract, measure, policies)))


def _why(flag: Flag, contract: ContractFacts, measure: MeasureFacts, policies: Policies, at: datetime) -> Why:
    verdict = flag.verdict(contract.reference, measure.name)
    clearings = [] if flag.closed_at else would_clear_if(verdict, contract, policies, calendar(at))
    return Why(reasons(verdict, contract, measure, policies), clearings, outdated=False)


def history(flag: Flag) -> Sequence[FlagEvent]:
    """The flag's events, the latest first."""
    return list(flag.events.select_related("run").order_by("-id"))


def acts(flag: Flag) -> Sequence[FlagAction]:
    """What people did about the flag, and when it opened again; the latest first."""
    return list(flag.actions.select_related("by", "assignee").order_by("-id"))


def told(flag: Flag) -> Sequence[Told]:
    """Every event of the flag that a message told of, the latest first."""
    events = list(flag.events.order_by("-id"))
    messages = Message.objects.about(flag).defer("text", "html").order_by("-id")
    return [Told(message, event) for message in messages for event in events if event.pk in message.events]
