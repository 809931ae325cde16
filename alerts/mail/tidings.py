"""What a mail is about: news of flags, and the figures of all of them, however many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Min, Q
from django.utils.translation import gettext as _

from alerts.mail import words
from alerts.models import EventKind, FlagEvent
from alerts.models.flags import FlagEventQuerySet, Kind
from contracts.models import Contract


@dataclass(frozen=True, slots=True)
class News:
    """What happened to one flag, and the contract it happened to (None: deleted)."""

    event: FlagEvent
    contract: Contract | None

    @property
    def reference(self) -> str:
        return self.contract.reference if self.contract else _("deleted contract %d") % self.event.flag.contract_id


@dataclass(frozen=True, slots=True)
class Figures:
    """What all the news come to, however few of them the mail has room for.

    `told` counts flags and `contracts` their contracts; `in_review` the contracts of those that are not certain.
    `closed` and `closed_contracts` are the same of flags that are no longer open, `concluded` and
    `concluded_contracts` of those under which something was concluded.
    """

    told: int
    contracts: int
    in_review: int
    certain: int
    kinds: Mapping[str, int]
    bases: Sequence[str]
    first: date | None
    closed: int
    closed_contracts: int
    concluded: int
    concluded_contracts: int

    @classmethod
    def of(cls, events: FlagEventQuerySet) -> "Figures":
        """Counted by the database in one statement."""
        closed, concluded = Q(kind=EventKind.CLOSED), Q(kind=EventKind.CONCLUDED)
        told = ~closed & ~concluded
        found = events.order_by().aggregate(
            told=Count("pk", filter=told),
            contracts=Count("flag__contract_id", filter=told, distinct=True),
            in_review=Count("flag__contract_id", filter=told & Q(certainty="needs_review"), distinct=True),
            certain=Count("pk", filter=told & Q(certainty="matched")),
            bases=ArrayAgg("basis", filter=told, distinct=True, default=[]),
            first=Min("act_by", filter=told),
            closed=Count("pk", filter=closed),
            closed_contracts=Count("flag__contract_id", filter=closed, distinct=True),
            concluded=Count("pk", filter=concluded),
            concluded_contracts=Count("flag__contract_id", filter=concluded, distinct=True),
            **{f"of_{kind}": Count("pk", filter=told & Q(flag__kind=kind)) for kind in Kind.values},
        )
        kinds = {kind: number for kind in sorted(Kind.values) if (number := found.pop(f"of_{kind}"))}
        return cls(kinds=kinds, **found)

    @property
    def doubtful(self) -> bool:
        return not self.certain

    @property
    def basis(self) -> str:
        """The strongest."""
        return min(self.bases, key=list(words.BASIS).index)


@dataclass(frozen=True, slots=True)
class Tidings:
    """What a mail tells: the figures of all, and as much of the news as it lists, in the order in which it does."""

    figures: Figures
    told: Sequence[News]
    closed: Sequence[News]
    concluded: Sequence[News] = ()
