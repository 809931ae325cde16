"""What a mail is about: news of flags, and the figures of all of them, however many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.utils.translation import gettext as _

from alerts.mail import words
from alerts.models import EventKind, Flag, FlagEvent, Message
from alerts.models.flags import Kind
from contracts.models import Contract

_CLOSED, _CONCLUDED = f"event.kind = '{EventKind.CLOSED}'", f"event.kind = '{EventKind.CONCLUDED}'"
_TOLD = f"NOT {_CLOSED} AND NOT {_CONCLUDED}"
_OF_KINDS = "".join(f", count(*) FILTER (WHERE {_TOLD} AND flag.kind = '{kind}') AS of_{kind}" for kind in Kind.values)
# Written out: to put these conditions together costs Django more than all other statements of a mail.
_FIGURES = f"""
    SELECT count(*) FILTER (WHERE {_TOLD}) AS told,
           count(DISTINCT flag.contract_id) FILTER (WHERE {_TOLD}) AS contracts,
           count(DISTINCT flag.contract_id) FILTER (WHERE {_TOLD} AND event.certainty = 'needs_review') AS in_review,
           count(*) FILTER (WHERE {_TOLD} AND event.certainty = 'matched') AS certain,
           coalesce(array_agg(DISTINCT event.basis) FILTER (WHERE {_TOLD}), '{{}}') AS bases,
           min(event.act_by) FILTER (WHERE {_TOLD}) AS first,
           count(*) FILTER (WHERE {_CLOSED}) AS closed,
           count(DISTINCT flag.contract_id) FILTER (WHERE {_CLOSED}) AS closed_contracts,
           count(*) FILTER (WHERE {_CONCLUDED}) AS concluded,
           count(DISTINCT flag.contract_id) FILTER (WHERE {_CONCLUDED}) AS concluded_contracts
           {_OF_KINDS}
    FROM {FlagEvent._meta.db_table} AS event
    JOIN {Flag._meta.db_table} AS flag ON flag.id = event.flag_id
    WHERE event.id IN (SELECT unnest(events) FROM {Message._meta.db_table} WHERE id = %s)
"""  # noqa: S608


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
    def of(cls, message: Message) -> "Figures":
        """Of what the message tells, counted by the database in one statement."""
        with connection.cursor() as cursor:
            cursor.execute(_FIGURES, [message.pk])
            rows = cursor.fetchall()
            names = [column.name for column in cursor.description or ()]
        found = dict(zip(names, rows[0], strict=True))
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
