"""Dismissed and mitigated flags open again by themselves when what they were bound to changes or their time is up.

People hear of those, and of flags that somebody opened again, by an event in the next run.
"""

from collections.abc import Sequence
from datetime import date

import structlog

from alerts.binding import differences, grounds
from alerts.models import Act, Disposition, EventKind, Flag, FlagAction, FlagEvent, ScreeningRun, Standing
from alerts.models.actions import Because
from alerts.portfolio import PinnedPolicies
from contracts.copying import Span
from contracts.models import Contract

SERIOUS = (EventKind.BECAME_CERTAIN, EventKind.WORSENED)

log = structlog.get_logger(__name__)


def reopen_changed(span: Span, pinned: PinnedPolicies, run: ScreeningRun) -> int:
    """Compare what put-aside flags of these contracts were bound to; return how many open again.

    Called in the run's transaction, after its flags were made to agree. Each that opens again has an event in the run,
    by which people hear of it. A dismissal's last day ends with the business day, on which everything is screened.
    """
    first, last = int(span.ids[0]), int(span.ids[-1])
    among = Disposition.objects.put_aside().filter(flag__contract__gte=first, flag__contract__lte=last)
    ids = set(span.ids.tolist())
    found = [one for one in among.select_related("flag").order_by("flag_id") if one.flag.contract_id in ids]
    if not found:
        return 0
    stored = Contract.objects.filter(id__in={aside.flag.contract_id for aside in found})
    references = dict(stored.order_by().values_list("id", "reference"))
    contracts = {facts.reference: facts for facts in stored.facts()}
    measures = {measure.name: measure for measure in pinned.policies.measures}
    names = {pk: name for name, pk in pinned.ids.items()}
    events = _events(run, found)
    reopened = 0
    for aside in found:
        event, measure = events.get(aside.flag_id), measures.get(names[aside.flag.measure_id])
        if measure is None:
            continue  # its measure no longer raises flags: reconciling closes them
        now = grounds(aside.flag, contracts[references[aside.flag.contract_id]], measure, pinned.policies)
        changed = differences(aside.grounds, now)
        because = _because(aside, changed, event, pinned.calendar.today)
        if because is not None:
            _reopen(aside, because, changed, event, run)
            reopened += 1
    return reopened


def _because(aside: Disposition, changed: list[str], event: FlagEvent | None, today: date) -> Because | None:
    if changed:
        return Because.FACTS
    if event is not None and event.kind in SERIOUS:
        return Because.WORSENED
    return Because.EXPIRED if aside.expires_on is not None and aside.expires_on < today else None


def _reopen(
    aside: Disposition, because: Because, changed: list[str], event: FlagEvent | None, run: ScreeningRun
) -> None:
    aside.standing, aside.expires_on, aside.grounds = Standing.OPEN, None, {}
    aside.save()
    FlagAction.objects.create(
        flag_id=aside.flag_id,
        act=Act.REOPENED,
        at=run.at,
        because=because,
        changed=changed if because == "facts" else [],
    )
    log.info("flag re-opened", flag=aside.flag_id, because=str(because), changed=changed)
    _tell(aside.flag, event, run)


def tell_of_reopened(run: ScreeningRun) -> int:
    """Have people hear of the flags that somebody has opened again since the last run; return how many.

    Called in the run's transaction, after its flags were made to agree.
    """
    reopened = list(Disposition.objects.to_tell().select_related("flag").order_by("flag_id"))
    events = _events(run, reopened)
    for one in reopened:
        _tell(one.flag, events.get(one.flag_id), run)
    Disposition.objects.filter(pk__in=[one.pk for one in reopened]).update(to_tell=False)
    return len(reopened)


def _events(run: ScreeningRun, of: Sequence[Disposition]) -> dict[int, FlagEvent]:
    """What the run made of these flags, by flag; what was concluded under them apart."""
    events = run.events.filter(flag__in=[one.flag_id for one in of]).exclude(kind=EventKind.CONCLUDED)
    return {event.flag_id: event for event in events}


def _tell(flag: Flag, event: FlagEvent | None, run: ScreeningRun) -> None:
    """By the event that the flag has in the run, if there is one."""
    if event is None:
        _unchanged(flag, run).save()
    elif event.kind not in SERIOUS:
        event.kind = EventKind.REOPENED
        event.save(update_fields=["kind"])


def _unchanged(flag: Flag, run: ScreeningRun) -> FlagEvent:
    """The event of a flag that opens again and says what it said before."""
    return FlagEvent(
        flag=flag,
        run=run,
        kind=EventKind.REOPENED,
        at=run.at,
        certainty_before=flag.certainty,
        certainty=flag.certainty,
        basis_before=flag.basis,
        basis=flag.basis,
        act_by_before=flag.act_by,
        act_by=flag.act_by,
        exposure_amount_before=flag.exposure_amount,
        exposure_amount=flag.exposure_amount,
        exposure_currency_before=flag.exposure_currency,
        exposure_currency=flag.exposure_currency,
    )
