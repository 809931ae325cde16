"""Which contracts a change can affect: no fewer, and as few more as one statement can tell.

A contract is affected by itself. An organization affects the contracts in which it, or whom it holds through any number
of tiers on any day, sells, buys or uses. A list affects those of the organizations that are or ever were on it, where a
published measure names it. A licence affects the contracts whose supplier is or ever was its exporter. A published
policy change may hit any contract, but only with its own measures; any other affects those that still have its flags.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from alerts.changelog import Entry
from alerts.history import past_rows
from alerts.models import Flag
from contracts.models import Contract
from people.models import ChangeEntry
from policies.models import Licence, Measure, PartyList, PartyListEntry, PolicyChange
from suppliers.models import Ownership

Kind = ChangeEntry.Kind
Ids = Collection[int]
MOST = 20_000
"""With more contracts than these, all are screened."""
HELD = f"""
    WITH RECURSIVE reached (id) AS (
        SELECT unnest(%s::bigint[])
        UNION
        SELECT stake.organization_id
        FROM {Ownership._meta.db_table} AS stake JOIN reached ON reached.id = stake.owner_id
    )
    SELECT id FROM reached
"""  # noqa: S608
"""A stake that is gone needs no looking up: its end is a change of the organization that was held."""


@dataclass(frozen=True, slots=True)
class Affected:
    """What to screen: contracts by id (None: all) for every measure, and all others for some policy changes alone.

    `deleted` are contracts that changed by being deleted; they are not looked for where everything is screened.
    """

    contracts: frozenset[int] | None
    changes: frozenset[int] = frozenset()
    deleted: frozenset[int] = frozenset()

    @property
    def everything(self) -> bool:
        return self.contracts is None


EVERYTHING = Affected(None)


def affected_contracts(entries: Iterable[Entry], besides: Ids = ()) -> Affected:
    """What may differ because of these changes, and the contracts whose ids are given besides."""
    changed: defaultdict[str, set[int]] = defaultdict(set)
    for entry in entries:
        changed[entry.kind].add(entry.object_id)
    stored = dict(PolicyChange.objects.filter(id__in=changed[Kind.POLICY_CHANGE]).values_list("id", "status"))
    changes = {id for id, status in stored.items() if status == PolicyChange.Status.PUBLISHED}
    if len(stored) < len(changed[Kind.POLICY_CHANGE]) or _in_a_new_zone(changes):
        return EVERYTHING
    contracts = changed[Kind.CONTRACT] | set(besides)
    flagged = _flagged_by(stored.keys() - changes)
    if len(flagged) > MOST:
        changes |= stored.keys()
    else:
        contracts |= flagged
    organizations = changed[Kind.ORGANIZATION]
    if lists := changed[Kind.PARTY_LIST]:
        organizations |= _ever_listed(_named(lists))
    condition = Q(id__among=contracts)
    if organizations:
        held = reached(organizations)
        condition |= Q(supplier__in=held) | Q(buyer__in=held) | Q(end_user__in=held)
    if licences := changed[Kind.LICENCE]:
        condition |= Q(supplier__in=_ever_exporting(licences))
    found = frozenset(Contract.objects.filter(condition).order_by().values_list("id", flat=True))
    if len(found) > MOST:
        return EVERYTHING
    return Affected(found, frozenset(changes), frozenset(changed[Kind.CONTRACT] - found))


def _in_a_new_zone(changes: Ids) -> bool:
    """Whether no other published change counts its days as one of these does: then every contract has new turns."""
    if not changes:
        return False
    published = PolicyChange.objects.filter(status=PolicyChange.Status.PUBLISHED).order_by()
    zones = set(published.exclude(id__in=changes).values_list("timezone", flat=True))
    return not zones.issuperset(published.filter(id__in=changes).values_list("timezone", flat=True))


def _flagged_by(changes: Ids) -> set[int]:
    measures = Measure.objects.filter(change__in=changes)
    return set(Flag.objects.open().filter(measure__in=measures.values("id")).values_list("contract_id", flat=True))


def reached(organizations: Ids) -> list[int]:
    """The organizations and all whom they hold, tier by tier, on any day."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, [list(organizations)])
        return [id for (id,) in cursor.fetchall()]


def _named(lists: Ids) -> set[int]:
    """Those of the lists that bear, or ever bore, a name that a published measure uses."""
    scopes = Measure.objects.published().values_list("scope__parties__lists", flat=True)
    used = {name for names in scopes for name in (names if isinstance(names, list) else ())}
    history = past_rows(PartyList).filter(pgh_obj_id__in=lists, reference__in=used)
    return set(history.values_list("pgh_obj_id", flat=True))


def _ever_listed(lists: Ids) -> set[int]:
    history = past_rows(PartyListEntry).filter(party_list_id__in=lists)
    return set(history.values_list("organization_id", flat=True))


def _ever_exporting(licences: Ids) -> set[int]:
    history = past_rows(Licence).filter(pgh_obj_id__in=licences)
    return set(history.values_list("exporter_id", flat=True))
