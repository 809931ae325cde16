"""What publishing would do: the flags of policy changes as they are and as they would be. Nothing of it is kept."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction

from alerts.batch import Part, screened
from alerts.bundle.parse import Bundle
from alerts.bundle.store import store
from alerts.changelog import one_moment
from alerts.charges import Charges
from alerts.difference import Content, meaning
from alerts.models.flags import TOLD
from alerts.pinning import pinning
from alerts.portfolio import calendar, stored_policies
from alerts.recipients import Directory
from alerts.resident import resident
from alerts.screening import Policies, PolicySet, Verdict
from alerts.screening.flags import Flags
from alerts.screening.slots import Slots
from alerts.screening.soundness import compile_sound, contradictions
from alerts.stored import paired, same
from contracts.columns import Contracts, Ids, Rows
from contracts.copying import references_of
from contracts.models import Contract
from people.models import Department, User
from policies.facts import MeasureFacts
from policies.models import Measure


@dataclass(frozen=True, slots=True)
class Side:
    """The flags of policy changes as they are or would be."""

    flags: Flags
    slots: Slots

    def __len__(self) -> int:
        return len(self.flags)

    def take(self, rows: Rows) -> "Side":
        return Side(self.flags.take(rows), self.slots)

    def references(self) -> list[str]:
        """Those of the flags' contracts."""
        return references_of(self.flags.contract)

    def verdicts(self) -> list[Verdict]:
        """One by one, in order of contract, measure and kind."""
        found = self.flags.verdicts(self.slots, self.references())
        return sorted(found, key=lambda verdict: verdict.key)


@dataclass(frozen=True)
class Preview:
    """The flags of the same policy changes before and after.

    `faults` say why measures could not be published: those that cannot be compiled, or that contradict themselves.
    """

    changes: tuple[str, ...]
    at: datetime
    before: Side
    after: Side
    today: Mapping[str, date]
    faults: tuple[str, ...] = ()

    @cached_property
    def newly_flagged(self) -> Side:
        return self.after.take(np.setdiff1d(np.arange(len(self.after)), self._stay[0]))

    @cached_property
    def no_longer_flagged(self) -> Side:
        return self.before.take(np.setdiff1d(np.arange(len(self.before)), self._stay[1]))

    @cached_property
    def changed(self) -> Side:
        """Flags that stay, and say something else: as they would be."""
        return self.after.take(self._altered[0])

    @cached_property
    def charges(self) -> Charges:
        """Who has charge of the contracts concerned."""
        return Charges.read(np.union1d(self.before.flags.contract, self.after.flags.contract))

    @cached_property
    def owners_told(self) -> int:
        """How many addresses would be mailed: owners, and who stands in for them."""
        told = [self.newly_flagged.flags.contract, self.no_longer_flagged.flags.contract, self._changed_for_people()]
        charges = self.charges.of(np.concatenate(told))
        directory = Directory(charges, self.at)
        return len({directory.recipient(charge).address for charge in charges})

    @cached_property
    def _stay(self) -> tuple[Rows, Rows]:
        """The rows of both sides in which the same contract, measure and kind meet."""
        names: dict[str, int] = {}

        def numbered(side: Side) -> Ids:
            numbers = [names.setdefault(measure.name, len(names)) for measure in side.slots.measures]
            return np.array(numbers, dtype=np.int64)[side.flags.slot]

        return paired(self.after.flags, numbered(self.after), self.before.flags, numbered(self.before))

    @cached_property
    def _altered(self) -> tuple[Rows, Rows]:
        after, before = self._stay
        differs = ~same(self.after.flags.take(after), self.before.flags.take(before))
        return after[differs], before[differs]

    def _changed_for_people(self) -> Ids:
        """The contracts of which people would hear that a flag changed."""
        after, before = (side.take(rows) for side, rows in zip((self.after, self.before), self._altered, strict=True))
        contracts = after.flags.contract
        nameless = [""] * len(contracts)
        pairs = zip(
            before.flags.verdicts(before.slots, nameless), after.flags.verdicts(after.slots, nameless), strict=True
        )
        told = np.array([self._is_told(old, new) for old, new in pairs], dtype=np.bool_)
        return contracts[told]

    def _is_told(self, before: Verdict, after: Verdict) -> bool:
        old, new = Content.of(before), Content.of(after)
        heard = old.exposure.amount if old.exposure else None
        return meaning(old, new, heard, self.today[after.measure]) in TOLD


def preview(
    references: Collection[str], *, at: datetime, bundle: Bundle | None = None, source: str = "preview"
) -> Preview:
    """What publishing the policy changes would do, as they are stored or as a bundle would leave them.

    The bundle is merged by the rules of storing, on the word of `source`, and what is stored is taken back before
    anything else reads it. Raises BundleErrors where it contradicts what is stored.
    """
    supposed = _supposed(references, bundle, source, at) if bundle else None
    with one_moment():
        pinned = pinning.at(at)
        stored = pinned.policies
        before = replace(stored, measures=[m for m in stored.measures if m.change in references])
        after = supposed or _published(references, stored)
        faults = [f"{m.name}: {fault}" for m in after.measures for fault in contradictions(m)]
        now = calendar(at)
        _, before_set, _ = compile_sound(before, now, pinned.answers)
        after, after_set, unsound = compile_sound(after, now, None if supposed else pinned.answers)
        sides = _screened(before_set, after_set)
        return Preview(
            changes=tuple(sorted(references)),
            at=at,
            before=sides[0],
            after=sides[1],
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


def _published(references: Collection[str], stored: Policies) -> Policies:
    """The policies in which these changes, and no others, are published."""
    measures = Measure.objects.filter(change__reference__in=references, retired_at__isnull=True)
    return replace(stored, measures=[replace(m, status="published") for m in measures.facts()])


def _supposed(references: Collection[str], bundle: Bundle, source: str, at: datetime) -> Policies:
    with transaction.atomic():
        store(bundle, source=source, at=at)
        policies = _published(references, stored_policies())
        transaction.set_rollback(True)
    return policies


def _screened(*policy_sets: PolicySet) -> list[Side]:
    """What each says of every stored contract that can be screened."""
    nobody = Contracts.of([])
    found = [[one.flags(one.book(nobody))] for one in policy_sets]
    asked = [(parts, one) for parts, one in zip(found, policy_sets, strict=True) if one.slots.measures]
    for piece in chain.from_iterable(resident.pieces() if asked else ()):
        for parts, policy_set in asked:
            parts += [part.flags for part in screened(piece, policy_set) if isinstance(part, Part)]
    return [Side(Flags.joined(parts), one.slots) for parts, one in zip(found, policy_sets, strict=True)]


def _today(measure: MeasureFacts, at: datetime) -> date:
    return max(at.astimezone(ZoneInfo(measure.timezone)).date(), calendar(at).today)
