"""What publishing would do: the flags of policy changes as they are and as they would be. Nothing of it is kept."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from zoneinfo import ZoneInfo

from django.db import transaction

from alerts.batch import Part, screened
from alerts.bundle.parse import Bundle
from alerts.bundle.store import store
from alerts.difference import Content, meaning
from alerts.models.flags import TOLD
from alerts.portfolio import calendar, stored_policies
from alerts.recipients import Directory
from alerts.screening import Policies, PolicySet, Verdict
from alerts.screening.soundness import compile_sound, contradictions
from contracts.copying import Reader, spans
from contracts.models import Contract
from people.models import Department, User
from policies.facts import MeasureFacts
from policies.models import Measure

Key = tuple[str, str, str]
Verdicts = Mapping[Key, Verdict]


@dataclass(frozen=True)
class Preview:
    """Verdicts of the same policy changes before and after, by contract, measure and kind.

    `faults` say why measures could not be published: those that cannot be compiled, or that contradict themselves.
    """

    changes: tuple[str, ...]
    at: datetime
    before: Verdicts
    after: Verdicts
    today: Mapping[str, date]
    faults: tuple[str, ...] = ()

    @property
    def newly_flagged(self) -> list[Verdict]:
        return [verdict for key, verdict in self.after.items() if key not in self.before]

    @property
    def no_longer_flagged(self) -> list[Verdict]:
        return [verdict for key, verdict in self.before.items() if key not in self.after]

    @property
    def changed(self) -> list[Verdict]:
        """Flags that stay, and say something else."""
        return [verdict for key, verdict in self.after.items() if key in self.before and verdict != self.before[key]]

    @cached_property
    def contracts(self) -> Mapping[str, Contract]:
        """The contracts concerned, by reference."""
        references = {contract for contract, _, _ in chain(self.before, self.after)}
        found = Contract.objects.filter(reference__in=references).select_related("department")
        return {contract.reference: contract for contract in found}

    @cached_property
    def owners_told(self) -> int:
        """How many addresses would be mailed: owners, and who stands in for them."""
        told = {v.contract for v in (*self.newly_flagged, *self.no_longer_flagged, *self._changed_for_people())}
        contracts = [self.contracts[reference] for reference in told]
        directory = Directory(contracts, self.at)
        return len({directory.recipient(contract).address for contract in contracts})

    def _changed_for_people(self) -> Iterator[Verdict]:
        for verdict in self.changed:
            old, new = Content.of(self.before[verdict.key]), Content.of(verdict)
            heard = old.exposure.amount if old.exposure else None
            if meaning(old, new, heard, self.today[verdict.measure]) in TOLD:
                yield verdict


def preview(
    references: Collection[str], *, at: datetime, bundle: Bundle | None = None, source: str = "preview"
) -> Preview:
    """What publishing the policy changes would do, as they are stored or as a bundle would leave them.

    The bundle is merged by the rules of storing, on the word of `source`, and what is stored is taken back before
    anything else reads it. Raises BundleErrors where it contradicts what is stored.
    """
    stored = stored_policies()
    before = replace(stored, measures=[m for m in stored.measures if m.change in references])
    after = _supposed(references, bundle, source, at) if bundle else _published(references)
    faults = [f"{m.name}: {fault}" for m in after.measures for fault in contradictions(m)]
    now = calendar(at)
    _, before_set, _ = compile_sound(before, now)
    after, after_set, unsound = compile_sound(after, now)
    return Preview(
        changes=tuple(sorted(references)),
        at=at,
        before=_screened(before_set),
        after=_screened(after_set),
        today={m.name: _today(m, at) for m in (*before.measures, *after.measures)},
        faults=(*faults, *(f"{one.measure}: {one.error}" for one in unsound)),
    )


def most_recipients() -> int:
    """No publication mails more addresses: every owner and deputy, every department, and compliance."""
    people = (
        Contract.objects.filter(owner__isnull=False).order_by().values("owner").distinct(),
        Contract.objects.filter(deputy__isnull=False).order_by().values("deputy").distinct(),
        User.objects.filter(deputy__isnull=False),
        Department.objects.filter(mailbox__isnull=False),
    )
    return sum(some.count() for some in people) + 1


def _published(references: Collection[str]) -> Policies:
    """The policies in which these changes, and no others, are published."""
    measures = Measure.objects.filter(change__reference__in=references, retired_at__isnull=True)
    return replace(stored_policies(), measures=[replace(m, status="published") for m in measures.facts()])


def _supposed(references: Collection[str], bundle: Bundle, source: str, at: datetime) -> Policies:
    with transaction.atomic():
        store(bundle, source=source, at=at)
        policies = _published(references)
        transaction.set_rollback(True)
    return policies


def _screened(policy_set: PolicySet) -> Verdicts:
    """What it says of every stored contract that can be screened."""
    found: dict[Key, Verdict] = {}
    reader = Reader()
    for span, _ in spans() if policy_set.slots.measures else ():
        for part in screened(span, reader.read, policy_set):
            if isinstance(part, Part):
                references = part.contracts.references(part.flags.contract)
                verdicts = part.flags.verdicts(policy_set.slots, references)
                found.update((verdict.key, verdict) for verdict in verdicts)
    return dict(sorted(found.items()))


def _today(measure: MeasureFacts, at: datetime) -> date:
    return max(at.astimezone(ZoneInfo(measure.timezone)).date(), calendar(at).today)
