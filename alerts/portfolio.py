"""What is stored, as screening reads it: the policies of the moment, their version, and the calendar of an instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from zoneinfo import ZoneInfo

from django.conf import settings

from alerts.screening import Calendar, Policies, PolicySet, compile_policies
from policies.models import Licence, Measure, PartyList, PolicyChange
from suppliers.models import Organization


def calendar(at: datetime) -> Calendar:
    return Calendar(at=at, timezone=settings.TIME_ZONE, renewal_horizon_days=settings.RENEWAL_HORIZON_DAYS)


def stored_policies() -> Policies:
    """All that screening reads besides contracts, in a constant number of queries."""
    return Policies(
        measures=Measure.objects.published().facts(),
        organizations={facts.reference: facts for facts in Organization.objects.facts()},
        lists={facts.reference: facts for facts in PartyList.objects.facts()},
        licences=Licence.objects.facts(),
    )


def policy_version() -> str:
    """A digest that differs whenever a published change, an organization, a list or a licence does."""
    digest = sha256()
    published = PolicyChange.objects.filter(status=PolicyChange.Status.PUBLISHED)
    for objects in (published, Organization.objects.all(), PartyList.objects.all(), Licence.objects.all()):
        digest.update(b"\n")
        for reference, version in objects.order_by("reference").values_list("reference", "version").iterator():
            digest.update(f"{reference} {version}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class PinnedPolicies:
    """The policies of one instant, compiled, with what is needed to write their flags down."""

    version: str
    calendar: Calendar
    policies: Policies
    policy_set: PolicySet

    @classmethod
    def at(cls, at: datetime) -> "PinnedPolicies":
        now, policies = calendar(at), stored_policies()
        return cls(policy_version(), now, policies, compile_policies(policies, now))

    @cached_property
    def measures(self) -> Mapping[int, Measure]:
        """Every measure there is, with its change, by id."""
        return {measure.pk: measure for measure in Measure.objects.select_related("change")}

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """The ids of the measures by their names."""
        return {f"{measure.change.reference}/{measure.key}": pk for pk, measure in self.measures.items()}

    @cached_property
    def today(self) -> Mapping[str, date]:
        """By measure: the latest day that has begun in its own or the business time zone."""
        own = {m.name: self.calendar.at.astimezone(ZoneInfo(m.timezone)).date() for m in self.policies.measures}
        return {name: max(day, self.calendar.today) for name, day in own.items()}
