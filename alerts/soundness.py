"""Whether a policy change can be published: every measure of it must be readable, compile, and be able to hit."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from alerts.bundle.problems import flattened
from alerts.portfolio import calendar, stored_policies
from alerts.screening import Calendar, Policies
from alerts.screening.soundness import compile_sound, contradictions
from policies.facts import Scope
from policies.models import Measure, PolicyChange
from policies.serializers import MeasureSerializer


def refusals(change: PolicyChange, *, at: datetime) -> list[str]:
    """Why the change cannot be published, by measure and path; empty where it can."""
    policies, now = stored_policies(), calendar(at)
    return [
        f"{change.reference}/{measure.key}: {reason}"
        for measure in Measure.objects.filter(change=change, retired_at__isnull=True).order_by("key")
        for reason in _of_measure(measure, policies, now)
    ]


def _of_measure(measure: Measure, policies: Policies, now: Calendar) -> Iterator[str]:
    values = {name: getattr(measure, name) for name in ("key", "title", "effect", "timeline", "scope")}
    written = MeasureSerializer(data=values)
    if not written.is_valid():
        for problem in flattened(written.errors, ()):
            yield f"{'/'.join(map(str, problem.path))}: {problem.detail}"
        return
    (facts,) = Measure.objects.filter(pk=measure.pk).facts()
    alone = replace(policies, measures=[replace(facts, status="published")])
    yield from (one.error for one in compile_sound(alone, now)[2])
    yield from (f"a contradiction: {reason}" for reason in contradictions(facts))
    for reference in _organizations(facts.scope):
        if reference not in policies.organizations:
            yield f"the organization {reference} is not known"


def _organizations(scope: Scope) -> tuple[str, ...]:
    return scope.parties.named if scope.parties else ()
