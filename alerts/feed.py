"""The delta feed: which contracts, flags and checks changed since, with their state of now; nothing is skipped.

Every change is stamped with its transaction. A page ends below the oldest transaction still running, so that nothing
can appear behind it any more. What is listed is the object as it is when read: its version never falls from one page to
the next, and a change that came meanwhile is listed once more.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from django.core import signing
from django.db import connection
from django.db.models import BigIntegerField, Count, Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from alerts.history import past_rows
from alerts.models import Check, CheckTurn, Flag, FlagAction, FlagEvent, HandedOver, ScreeningRun
from alerts.models.flags import FlagQuerySet
from contracts.models import Contract
from people.models import ChangeEntry, Role, User
from people.row_security import unrestricted

# ruff: noqa: S608 (tables are named by their models; values are parameters)

TYPES = ("check", "contract", "flag")
LAST = 2**62
BEHIND = 99
"""Behind every source."""


class NotAToken(ValueError):  # noqa: N818
    """What was sent as a token is none, or one of another list of types."""


class TooOld(Exception):  # noqa: N818
    """The token's place is not to be continued from: everything has to be read anew."""


class Place(NamedTuple):
    """Behind which change a page begins: its transaction, its source and its number there."""

    xid: int
    source: int
    id: int


class Source(NamedTuple):
    """Changes in order of transaction and number: `xid`, `id`, and the id of the object."""

    type: str
    statement: str


SOURCES = (
    Source(
        "contract",
        f"SELECT xid, id, object_id FROM {ChangeEntry._meta.db_table}"
        " WHERE kind = 'contract' AND (xid, id) > (%(xid)s, %(behind)s) AND xid < %(bound)s"
        " ORDER BY xid, id LIMIT %(most)s",
    ),
    Source(
        "flag",
        f"SELECT run.xid, event.id, event.flag_id FROM {ScreeningRun._meta.db_table} run"
        f" JOIN {FlagEvent._meta.db_table} event ON event.run_id = run.id"
        " WHERE (run.xid, event.id) > (%(xid)s, %(behind)s) AND run.xid < %(bound)s"
        " ORDER BY run.xid, event.id LIMIT %(most)s",
    ),
    Source(
        "flag",
        f"SELECT xid, id, flag_id FROM {FlagAction._meta.db_table}"
        " WHERE (xid, id) > (%(xid)s, %(behind)s) AND xid < %(bound)s ORDER BY xid, id LIMIT %(most)s",
    ),
    Source(
        "check",
        f"SELECT xid, id, id FROM {Check._meta.db_table}"
        " WHERE (xid, id) > (%(xid)s, %(behind)s) AND xid < %(bound)s ORDER BY xid, id LIMIT %(most)s",
    ),
    Source(
        "check",
        f"SELECT xid, id, parent_id FROM {CheckTurn._meta.db_table}"
        " WHERE (xid, id) > (%(xid)s, %(behind)s) AND xid < %(bound)s ORDER BY xid, id LIMIT %(most)s",
    ),
    # Tokens name sources by their places in this list: what is new comes last.
    Source(
        "flag",
        f"SELECT moved.xid, flag.id, flag.id FROM {HandedOver._meta.db_table} moved"
        f" JOIN {Flag._meta.db_table} flag USING (contract_id)"
        " WHERE moved.xid >= %(xid)s AND (moved.xid, flag.id) > (%(xid)s, %(behind)s) AND moved.xid < %(bound)s"
        " ORDER BY moved.xid, flag.id LIMIT %(most)s",
    ),
)
HANDED_OVER = len(SOURCES) - 1


@dataclass(frozen=True, slots=True)
class Changed:
    """An object that changed; `stored` is None where it was deleted or is not the reader's to see any more."""

    type: str
    key: str
    version: int
    stored: Any


@dataclass(frozen=True, slots=True)
class Page:
    changes: Sequence[Changed]
    place: Place
    more: bool


def page(after: Place | None, types: Collection[str], *, limit: int, seen_by: User) -> Page:
    """At most so many changes behind a place, None being the beginning; an object that changed often is there once."""
    bound = oldest_running()
    with unrestricted():  # places only: what may be seen of the objects is asked below
        found = list(islice(_changes(after or Place(0, BEHIND, 0), types, bound, limit + 1), limit + 1))
    more = len(found) > limit
    rows = found[:limit]
    # The last change of an object stands for all of them.
    latest = {(SOURCES[place.source].type, id): place for place, id in rows}
    ids: dict[str, list[int]] = {type: [] for type in TYPES}
    for type, id in latest:
        ids[type].append(id)
    moves = {place.xid for place, _ in rows if place.source == HANDED_OVER}
    states = _contracts(ids["contract"], seen_by) | _flags(ids["flag"], moves, seen_by) | _checks(ids["check"], seen_by)
    in_order = sorted(latest, key=lambda key: latest[key])
    place = rows[-1][0] if more else max(after or Place(0, BEHIND, 0), Place(bound - 1, BEHIND, 0))
    return Page([states[key] for key in in_order if key in states], place, more)


def end() -> Place:
    """Behind all that can be read now."""
    return Place(oldest_running() - 1, BEHIND, 0)


def oldest_running() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        (xid,) = cursor.fetchone() or (0,)
    return int(xid)


def token(place: Place, types: Collection[str], *, at: datetime) -> str:
    """Signed, for the same list of types alone, and with the moment from which it ages."""
    return signing.dumps([*place, sorted(types), int(at.timestamp())], salt=__name__)


def read_token(text: str, types: Collection[str], *, at: datetime, days: int) -> Place:
    """The place that a token names. NotAToken; TooOld after so many days, or where the database is another one."""
    try:
        xid, source, id, of, moment = signing.loads(text, salt=__name__)
    except (signing.BadSignature, ValueError):
        raise NotAToken("is not one that this feed gave out") from None
    if of != sorted(types):
        raise NotAToken(f"was given out for types={','.join(of)}")
    if at - datetime.fromtimestamp(moment, at.tzinfo) > timedelta(days=days):
        raise TooOld(f"The token is older than {days} days.")
    if xid > oldest_running():
        raise TooOld("The database has been put back to an earlier state since.")
    return Place(xid, source, id)


def _changes(after: Place, types: Collection[str], bound: int, most: int) -> Iterator[tuple[Place, int]]:
    """Places and ids of objects, in order."""
    wanted = [(number, source) for number, source in enumerate(SOURCES) if source.type in types]
    return merge(*(_of(number, source, after, bound, most) for number, source in wanted))


def _of(number: int, source: Source, after: Place, bound: int, most: int) -> list[tuple[Place, int]]:
    behind = after.id if number == after.source else LAST if number < after.source else -1
    with connection.cursor() as cursor:
        cursor.execute(source.statement, {"xid": after.xid, "behind": behind, "bound": bound, "most": most})
        return [(Place(xid, number, id), object_id) for xid, id, object_id in cursor.fetchall()]


def _contracts(ids: Sequence[int], seen_by: User) -> dict[tuple[str, int], Changed]:
    seen = Contract.objects.visible_to(seen_by).filter(pk__in=ids)
    parties = seen.select_related("supplier", "buyer", "end_user", "framework", "department")
    found = {
        ("contract", one.pk): Changed("contract", one.reference, one.version, one)
        for one in parties.prefetch_related("amendments", "lines")
    }
    return found | _gone([id for id in ids if ("contract", id) not in found], seen_by)


def _gone(ids: Sequence[int], seen_by: User) -> dict[tuple[str, int], Changed]:
    """Contracts that are deleted or another department's now, for whoever may have seen them before."""
    before = past_rows(Contract).filter(_theirs(seen_by), pgh_obj_id__in=ids)
    known = set(before.order_by().values_list("pgh_obj_id", flat=True))
    log = ChangeEntry.objects.filter(kind=ChangeEntry.Kind.CONTRACT, object_id__in=known)
    latest = (
        log.order_by("object_id", "-version").distinct("object_id").values_list("object_id", "reference", "version")
    )
    return {("contract", id): Changed("contract", reference, version, None) for id, reference, version in latest}


def _theirs(seen_by: User) -> Q:
    """Of a past of contracts, what was of the reader's departments."""
    if seen_by.has_role(Role.ADMINISTRATOR):
        return Q()
    theirs = Q(department_id__in=seen_by.departments.values("id"))
    if seen_by.has_role(Role.POLICY_EDITOR, Role.POLICY_PUBLISHER):
        theirs |= Q(department_id__isnull=True)
    return theirs


def _flags(ids: Sequence[int], moves: Collection[int], seen_by: User) -> dict[tuple[str, int], Changed]:
    """A flag's version counts what happened to it, what people did about it, and how often its contract came into other
    hands."""
    seen = _versioned(Flag.objects.visible_to(seen_by).filter(pk__in=ids))
    # In one statement: a state never goes by the version before it.
    whole = seen.select_related("contract__department", "measure__change", "disposition__assignee")
    found = {("flag", one.pk): Changed("flag", str(one.pk), one.version, one) for one in whole}
    return found | _gone_flags([id for id in ids if ("flag", id) not in found], moves, seen_by)


def _gone_flags(ids: Sequence[int], moves: Collection[int], seen_by: User) -> dict[tuple[str, int], Changed]:
    """Flags whose contract one of these transactions took from the reader's departments; what becomes of them elsewhere
    is not told."""
    lost = HandedOver.objects.filter(_theirs(seen_by), contract_id=OuterRef("contract_id"), xid__in=moves)
    with unrestricted():
        gone = _versioned(Flag.objects.filter(Exists(lost), pk__in=ids))
        return {
            ("flag", id): Changed("flag", str(id), version, None) for id, version in gone.values_list("pk", "version")
        }


def _versioned(flags: FlagQuerySet) -> QuerySet[Any]:
    counts = (_count(FlagEvent, flag=OuterRef("pk")), _count(FlagAction, flag=OuterRef("pk")))
    moves = _count(HandedOver, contract=OuterRef("contract_id"))
    return flags.order_by().annotate(version=sum(counts, moves))


def _count(model: type[Model], **of: OuterRef) -> Coalesce:
    rows = model._default_manager.filter(**of).order_by().values(*of).values(number=Count("pk"))
    return Coalesce(Subquery(rows, BigIntegerField()), 0)


def _checks(ids: Sequence[int], seen_by: User) -> dict[tuple[str, int], Changed]:
    """Checks with a receipt. A version counts how often the answer turned, and the answer itself."""
    seen = Check.objects.visible_to(seen_by).filter(pk__in=ids).select_related("owner", "department")
    return {("check", one.pk): Changed("check", str(one.uuid), one.turned + 1, one) for one in seen}
