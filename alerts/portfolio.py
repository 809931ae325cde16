"""What is stored, as screening reads it: the policies of the moment, their version, and the calendar of an instant."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, cached_property, partial
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db import Error as DatabaseError

from alerts.screening import Calendar, Clearances, Policies, PolicySet, Purpose, compile_policies
from alerts.screening.answers import Answers
from alerts.screening.instants import Turns
from alerts.screening.slots import Slots
from alerts.screening.soundness import Unsound, compile_sound
from contracts.columns import Ids
from contracts.stage import start_of_day
from policies.models import Licence, Measure, PartyList, PolicyChange
from suppliers.models import Organization


def calendar(at: datetime) -> Calendar:
    return Calendar(at=at, timezone=settings.TIME_ZONE, renewal_horizon_days=settings.RENEWAL_HORIZON_DAYS)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A measure or a licence that cannot be read or compiled: it is set aside, and somebody has to look at it."""

    name: str
    error: str


def stored_policies() -> Policies:
    """All that screening reads besides contracts, in a constant number of queries."""
    return readable_policies()[0]


def readable_policies() -> tuple[Policies, list[LeftOut]]:
    """The same, and what of it cannot be read: a licence that cannot covers nothing."""
    measures, unread = _readable(Measure.objects.published(), _name)
    licences, invalid = _readable(Licence.objects.all(), lambda licence: f"licence {licence.reference}")
    policies = Policies(
        measures=measures,
        organizations={facts.reference: facts for facts in Organization.objects.facts()},
        lists={facts.reference: facts for facts in PartyList.objects.facts()},
        licences=licences,
    )
    return policies, [*unread, *invalid]


def _name(measure: Measure) -> str:
    return f"{measure.change.reference}/{measure.key}"


def _readable(objects: Any, name: Callable[[Any], str]) -> tuple[list[Any], list[LeftOut]]:
    """The facts of the objects; where they cannot be read together, of each that can be read alone."""
    try:
        return objects.facts(), []
    except DatabaseError:
        raise  # nobody's fault but the database's
    except Exception:  # whatever it is: find out whose it is
        facts: list[Any] = []
        left_out: list[LeftOut] = []
        for one in objects.order_by("pk"):
            try:
                facts += objects.filter(pk=one.pk).facts()
            except DatabaseError:
                raise
            except Exception as error:
                left_out.append(LeftOut(name(one), f"{type(error).__name__}: {error}"[:500]))
        return facts, left_out


Versions = Iterable[tuple[str, int]]


def policy_version() -> str:
    """A digest that differs whenever a published change, an organization, a list or a licence does."""
    published = PolicyChange.objects.filter(status=PolicyChange.Status.PUBLISHED)
    objects = (published, Organization.objects.all(), PartyList.objects.all(), Licence.objects.all())
    return digest_of_versions(one.order_by().values_list("reference", "version").iterator() for one in objects)


def digest_of_versions(kinds: Iterable[Versions]) -> str:
    """Over the references and versions of published changes, organizations, lists and licences, in that order."""
    digest = sha256()
    for versions in kinds:
        digest.update(b"\n")
        for reference, version in sorted(versions):
            digest.update(f"{reference} {version}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class PinnedPolicies:
    """The policies of one instant, compiled, with what is needed to write their flags down.

    `policies` are those that could be compiled; `left_out` are the others.
    """

    version: str
    calendar: Calendar
    policies: Policies
    answers: Answers
    left_out: tuple[LeftOut, ...]
    changes: Mapping[int, str]
    """The references of all policy changes by their ids."""
    compiled: Callable[[], PolicySet]
    """Compiles the policies when first called; shared with the same policies at another instant."""

    @classmethod
    def at(cls, at: datetime) -> "PinnedPolicies":
        policies, left_out = readable_policies()
        return cls.of(policies, left_out, policy_version(), calendar(at), _references())

    @classmethod
    def of(
        cls,
        policies: Policies,
        unread: Iterable[LeftOut],
        version: str,
        now: Calendar,
        changes: Mapping[int, str] = MappingProxyType({}),
    ) -> "PinnedPolicies":
        answers = Answers(policies.organizations, policies.lists, now)
        sound, policy_set, unsound = compile_sound(policies, now, answers)
        left_out = _in_order([*unread, *_not_compiled(unsound)])
        return cls(version, now, sound, answers, left_out, changes, lambda: policy_set)

    @property
    def policy_set(self) -> PolicySet:
        return self.compiled().at(self.calendar)

    def again(self, now: Calendar) -> "PinnedPolicies | None":
        """The same for another instant of the same days, with all that has been looked up; None for other days."""
        if self._days(now) != self._days(self.calendar):
            return None
        return self.moved(now)

    def moved(self, now: Calendar) -> "PinnedPolicies":
        """The same for another instant that is known to be of the same days; what follows from them is shared."""
        for shared in ("turn", "clearances"):
            getattr(self, shared)
        other = copy(self)
        vars(other)["calendar"] = now
        return other

    def with_changed(self, changes: Collection[int]) -> "PinnedPolicies":
        """The same with these policy changes, by id, read again, where nothing else has changed that policies are."""
        before = {self.changes[id] for id in changes if id in self.changes}
        measures, unread = _readable(Measure.objects.published().filter(change__in=changes), _name)
        fresh, _, unsound = compile_sound(replace(self.policies, measures=measures), self.calendar, self.answers)
        stay = [measure for measure in self.policies.measures if measure.change not in before]
        left_out = [one for one in self.left_out if one.name.partition("/")[0] not in before]
        policies = replace(self.policies, measures=sorted([*stay, *fresh.measures], key=lambda one: one.name))
        return PinnedPolicies(
            version=policy_version(),
            calendar=self.calendar,
            policies=policies,
            answers=self.answers,
            left_out=_in_order([*left_out, *unread, *_not_compiled(unsound)]),
            changes=_references(),
            compiled=cache(partial(compile_policies, policies, self.calendar, self.answers)),
        )

    def _days(self, now: Calendar) -> tuple[object, ...]:
        """All of the calendar that policies depend on: settings, and which day it is in every zone that is named."""
        days = [now.at.astimezone(ZoneInfo(zone)).date() for zone in self._zones]
        return now.timezone, now.renewal_horizon_days, now.today, *days

    @cached_property
    def _zones(self) -> list[str]:
        zones = {measure.timezone for measure in self.policies.measures}
        return sorted(zones | {listing.timezone for listing in self.policies.lists.values()})

    @cached_property
    def days_end(self) -> datetime:
        """When the next day begins in one of the zones that the policies depend on."""
        at = self.calendar.at
        zones = {self.calendar.timezone, *self._zones}
        return min(start_of_day(at.astimezone(ZoneInfo(z)).date() + timedelta(days=1), z) for z in zones)

    @cached_property
    def clearances(self) -> dict[Purpose | None, Clearances]:
        """What would clear flags, and by purpose the findings of checks; filled as it is asked for."""
        return {}

    def clearances_for(self, purpose: Purpose | None = None) -> Clearances:
        asked = self.policy_set.asked(purpose)
        found = self.clearances.get(purpose)
        if found is None:
            found = self.clearances[purpose] = Clearances(self.policies, asked)
        return found.by(asked)

    @cached_property
    def turns(self) -> Turns:
        return Turns(self.policies, self.calendar)

    @cached_property
    def turn(self) -> datetime | None:
        """When time may next change what the policies say."""
        return self.turns.of_policies()

    @cached_property
    def untouchable(self) -> frozenset[int]:
        """The ids of the measures that are set aside: their flags stay as they are."""
        return frozenset(self.ids[one.name] for one in self.left_out if one.name in self.ids)

    def narrowed(self, changes: Collection[int]) -> PolicySet:
        """The measures of these policy changes alone, by the changes' ids."""
        names = {name for name, id in self.ids.items() if self.measures[id].change_id in changes}
        some = [measure for measure in self.policies.measures if measure.name in names]
        return compile_policies(replace(self.policies, measures=some), self.calendar, self.answers)

    def ids_of(self, slots: Slots) -> Ids:
        """The id of each slot's measure."""
        return np.array([self.ids[measure.name] for measure in slots.measures], dtype=np.int64)

    def measures_condition(self, changes: Collection[int] | None) -> str:
        """In SQL: flags of all measures or of those of some policy changes, but of none that is set aside."""
        if changes is None:
            return f"measure_id <> ALL('{_array(self.untouchable)}')"
        concerned = {id for id, measure in self.measures.items() if measure.change_id in changes}
        return f"measure_id = ANY('{_array(concerned - self.untouchable)}')"

    @cached_property
    def measures(self) -> Mapping[int, Measure]:
        """Every measure there is, with its change, by id."""
        return {measure.pk: measure for measure in Measure.objects.select_related("change")}

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """The ids of the measures by their names."""
        return {_name(measure): pk for pk, measure in self.measures.items()}

    @cached_property
    def today(self) -> Mapping[str, date]:
        """By measure: the latest day that has begun in its own or the business time zone."""
        own = {m.name: self.calendar.at.astimezone(ZoneInfo(m.timezone)).date() for m in self.policies.measures}
        return {name: max(day, self.calendar.today) for name, day in own.items()}


def _references() -> Mapping[int, str]:
    return dict(PolicyChange.objects.order_by().values_list("id", "reference"))


def _not_compiled(unsound: Iterable[Unsound]) -> Iterator[LeftOut]:
    return (LeftOut(one.measure, one.error) for one in unsound)


def _in_order(left_out: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    return tuple(sorted(left_out, key=lambda one: one.name))


def _array(ids: Iterable[int]) -> str:
    return f"{{{','.join(map(str, sorted(ids)))}}}"
