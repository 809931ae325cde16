"""Which critical dates lie ahead: contracts' own, and those of measures, licences and dismissals they depend on.

What a date is and whether it still means anything is decided by `contracts/critical_dates.py` and
`policies/critical_dates.py` alone. All contracts are asked at once, as columns.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import structlog
from django.db.models import Max, Q, QuerySet

from alerts.models import Act, Disposition, Flag, Standing
from alerts.models.reminders import Meaning
from alerts.screening.commodities import profile
from alerts.screening.tables import CommodityTable
from contracts.columns import Ids
from contracts.copying import Reader, spans
from contracts.critical_dates import CriticalDates, all_dates_ahead
from contracts.facts import ContractFacts, Goods
from contracts.models import Contract, ContractQuerySet
from contracts.stage import LIVE, Calendar, is_open, stage
from policies.critical_dates import critical_dates
from policies.facts import LicenceFacts
from policies.models import Licence, Measure, PolicyChange
from policies.reading import measure_facts

CHUNK = 5_000
"""Contracts read together."""
LAST = date.max.toordinal()
T = TypeVar("T")

log = structlog.get_logger(__name__)


class Ahead(NamedTuple):
    """A critical date of a contract, today or later.

    `source` is the id of the measure, licence or flag whose date it is (0: the contract's own), and `number` tells the
    several dates of one meaning and source apart: terms of a contract, dates of a timeline. `today` is the present day
    in the date's zone, `since` the day on which somebody chose the date.
    """

    contract: int
    meaning: str
    source: int
    on: date
    today: date
    number: int = 0
    since: date | None = None


def of_contracts(
    contracts: Sequence[int] | None, now: Calendar, within: int, meanings: Collection[str] = tuple(Meaning)
) -> Iterator[tuple[Ids, CriticalDates]]:
    """The own dates of contracts (ids, ascending; None: all) of these meanings, so many days ahead at most.

    As columns, span by span, each with the ids of the contracts that its rows are of.
    """
    reader, last = Reader(), _days_after(now.today, within)
    for span, _ in spans(contracts):
        read = reader.read_dates(span)
        for found in all_dates_ahead(read, now, last):
            if found.meaning in meanings and len(found.rows):
                yield read.ids[found.rows], found


def one_by_one(ids: Ids, dates: CriticalDates, now: Calendar) -> Iterator[Ahead]:
    for contract, on, term in zip(ids.tolist(), dates.on.tolist(), dates.term.tolist(), strict=True):
        yield Ahead(contract, dates.meaning, 0, date.fromordinal(on), now.today, number=term)


def of_measures(contracts: QuerySet[Any] | None, now: Calendar, within: int) -> Iterator[Ahead]:
    """When measures take effect and suspensions end, for contracts with flags of theirs that nobody has put aside.

    `contracts` are ids; None: all.
    """
    dates: dict[int, list[Ahead]] = {}
    for measure in Measure.objects.published().select_related("change").order_by("id"):
        if found := list(_of_measure(measure, now, within)):
            dates[measure.pk] = found
    flags = Flag.objects.to_do().filter(measure__in=dates)
    if contracts is not None:
        flags = flags.filter(contract__in=contracts)
    for contract, measure_id in flags.order_by().values_list("contract_id", "measure_id").distinct().iterator():
        for one in dates[measure_id]:
            yield one._replace(contract=contract)


def of_licences(contracts: ContractQuerySet, now: Calendar, within: int) -> Iterator[Ahead]:
    """When licences end, for live contracts between their parties with an open line whose goods they cover."""
    ending = Licence.objects.filter(valid_until__range=(now.today, _days_after(now.today, within)))
    for licence in ending.order_by("id"):
        until = licence.valid_until
        if until is None or not _still_asked_for(licence):
            continue
        covered = contracts.filter(supplier=licence.exporter_id)
        if licence.consignee_id is not None:
            covered = covered.filter(buyer=licence.consignee_id)
        if licence.end_user_id is not None:
            covered = covered.filter(end_user=licence.end_user_id)
        for id in _relying(licence, covered, now):
            yield Ahead(id, Meaning.LICENCE_END, licence.pk, until, now.today)


def of_dismissals(contracts: QuerySet[Any] | None, now: Calendar, within: int) -> Iterator[Ahead]:
    """When dismissals of open flags end: the last day on which they hold. `contracts` are ids; None: all."""
    ending = Disposition.objects.put_aside().filter(
        standing=Standing.DISMISSED, expires_on__range=(now.today, _days_after(now.today, within))
    )
    if contracts is not None:
        ending = ending.filter(flag__contract__in=contracts)
    made = ending.annotate(made_at=Max("flag__actions__at", filter=Q(flag__actions__act=Act.DISMISSED)))
    zone = ZoneInfo(now.timezone)
    for flag, contract, on, at in made.order_by("flag_id").values_list(
        "flag_id", "flag__contract_id", "expires_on", "made_at"
    ):
        since = at.astimezone(zone).date() if at else None
        if on is not None:
            yield Ahead(contract, Meaning.DISMISSAL_END, flag, on, now.today, since=since)


def _of_measure(measure: Measure, now: Calendar, within: int) -> Iterator[Ahead]:
    change = measure.change
    today = now.at.astimezone(ZoneInfo(change.timezone)).date()
    if change.announced_on is not None and change.announced_on > today:
        return
    try:
        facts = measure_facts({"reference": change.reference, "timezone": change.timezone}, vars(measure))
        dates = critical_dates(facts.timeline)
    except (ValueError, KeyError, TypeError) as error:  # screening has set it aside, and says so
        log.warning("measure without readable dates", measure=measure.pk, error=str(error))
        return
    for one in dates:
        if today <= one.on <= _days_after(today, within):
            yield Ahead(0, one.meaning, measure.pk, one.on, today, number=one.number)


def _still_asked_for(licence: Licence) -> bool:
    """Whether a published change has a measure under which it was granted."""
    changes = {granted.partition("/")[0] for granted in licence.measures}
    return PolicyChange.objects.filter(reference__in=changes, status=PolicyChange.Status.PUBLISHED).exists()


def _relying(licence: Licence, covered: ContractQuerySet, now: Calendar) -> Iterator[int]:
    (facts,) = Licence.objects.filter(pk=licence.pk).facts()
    by_reference = dict(covered.order_by().values_list("reference", "id"))
    for some in _chunks(iter(sorted(by_reference))):
        for contract in Contract.objects.filter(reference__in=some).facts():
            if stage(contract, now) in LIVE and _goods_covered(contract, facts):
                yield by_reference[contract.reference]


def _goods_covered(contract: ContractFacts, licence: LicenceFacts) -> bool:
    """Whether the licence's commodities match an open line with certainty."""
    framework = contract.kind == "framework"
    profiles = [profile(Goods.of(line)) for line in contract.lines if is_open(line, framework=framework) is not False]
    certain, _ = CommodityTable([licence.commodities], unstated=False).evaluate(profiles)
    return bool(certain.any())


def _days_after(day: date, days: int) -> date:
    return day + timedelta(days=min(days, LAST - day.toordinal()))


def _chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
