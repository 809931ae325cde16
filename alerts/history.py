"""What was stored at a past moment, read from the history that triggers keep.

A moment is a PostgreSQL snapshot: the transactions whose changes were visible. Every row of history names the
transaction that wrote it, so what a run saw can be read again exactly, however its writers overlapped.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from django.db.models import Max, Model, QuerySet

from alerts.portfolio import LeftOut, digest_of_versions
from alerts.screening import Policies
from contracts.columns import Contracts
from contracts.facts import ContractFacts
from contracts.models import Amendment, Contract, Line
from contracts.reading import CONTRACT_COLUMNS, LINE_COLUMNS, contract_facts
from people.models import ChangeEntry
from policies.models import Licence, Measure, PartyList, PartyListEntry, PolicyChange
from policies.reading import licence_facts, measure_facts, party_list_facts
from suppliers.models import Organization, Ownership
from suppliers.reading import organization_facts

SEEN = "({0} IS NULL OR pg_visible_in_snapshot({0}::text::xid8, %s::pg_snapshot))"
ROOTS: Mapping[str, type[Model]] = {
    ChangeEntry.Kind.POLICY_CHANGE: PolicyChange,
    ChangeEntry.Kind.ORGANIZATION: Organization,
    ChangeEntry.Kind.PARTY_LIST: PartyList,
    ChangeEntry.Kind.LICENCE: Licence,
    ChangeEntry.Kind.CONTRACT: Contract,
}
LINE_VALUES = ("number", "tariff_codes", "control_codes", "elements", "content", *LINE_COLUMNS)
PARTIES = ("supplier", "buyer", "end_user")
Row = dict[str, Any]


def past_rows(model: type[Model]) -> QuerySet[Any]:
    """Every row of history of a tracked model."""
    events: type[Model] = model.pgh_event_model  # type: ignore[attr-defined]  # added by the decorator
    return events._default_manager.all()


@dataclass(frozen=True)
class Past:
    """All that screening reads, as a snapshot saw it."""

    snapshot: str

    def rows(self, model: type[Model], *columns: str, **of: Collection[int]) -> dict[int, Row]:
        """What the rows of a model were, by id; with `of`, only those that ever met the condition."""
        history = past_rows(model).extra(where=[SEEN.format("pgh_xid")], params=[self.snapshot])  # noqa: S610
        if of:
            history = history.filter(pgh_obj_id__in=past_rows(model).filter(**of).values("pgh_obj_id"))
        latest = history.order_by("pgh_obj_id", "-pgh_id").distinct("pgh_obj_id")
        rows = latest.values("pgh_obj_id", "pgh_label", *columns)
        return {row["pgh_obj_id"]: row for row in rows.iterator() if row["pgh_label"] != "delete"}

    def parts(self, model: type[Model], whole: str, *columns: str, **of: Collection[int]) -> dict[int, list[Row]]:
        """The rows of a model by the object they are parts of, in the order recorded."""
        parts: dict[int, list[Row]] = defaultdict(list)
        for _, row in sorted(self.rows(model, whole, *columns, **of).items()):
            parts[row[whole]].append(row)
        return parts

    def versions(self, kind: str) -> dict[int, int]:
        """The versions of the objects of a kind, those deleted included, by id."""
        entries = ChangeEntry.objects.filter(kind=kind).order_by()
        seen = entries.extra(where=[SEEN.format("xid")], params=[self.snapshot])  # noqa: S610
        return dict(seen.values_list("object_id").annotate(Max("version")))

    def gaps(self) -> Iterator[str]:
        """Objects of which the change log or the history has nothing left."""
        for kind, model in ROOTS.items():
            logged = self.versions(kind).keys()
            history = past_rows(model).extra(where=[SEEN.format("pgh_xid")], params=[self.snapshot])  # noqa: S610
            kept = set(history.order_by().values_list("pgh_obj_id", flat=True).distinct())
            yield from (f"{kind} {id} has no history" for id in sorted(logged - kept))
            yield from (f"{kind} {id} is not in the change log" for id in sorted(kept - logged))

    @cached_property
    def organizations(self) -> dict[int, Row]:
        return self.rows(Organization, "reference", "country", "kind", "owners_complete")

    @cached_property
    def changes(self) -> dict[int, Row]:
        rows = self.rows(PolicyChange, "reference", "timezone", "formality", "status", "announced_on")
        return {id: row for id, row in rows.items() if row["status"] == PolicyChange.Status.PUBLISHED}

    def policies(self) -> tuple[Policies, list[LeftOut]]:
        """All that screening reads besides contracts, and what of it could not be read."""
        left_out: list[LeftOut] = []
        owners = self.parts(Ownership, "organization_id", "owner_id", "percent", "controls", "from_on", "until_on")
        entries = self.parts(PartyListEntry, "party_list_id", "organization_id", "from_on", "until_on")
        organizations = [
            organization_facts(
                {**row, "owners": [{**one, "owner": self._reference(one["owner_id"])} for one in owners[id]]}
            )
            for id, row in self.organizations.items()
        ]
        lists = [
            party_list_facts(
                {**row, "entries": [{**e, "organization": self._reference(e["organization_id"])} for e in entries[id]]}
            )
            for id, row in self.rows(PartyList, "reference", "timezone").items()
        ]
        return (
            Policies(
                measures=list(_read(self._measures(), left_out)),
                organizations={one.reference: one for one in organizations},
                lists={one.reference: one for one in lists},
                licences=list(_read(self._licences(), left_out)),
            ),
            left_out,
        )

    def policy_version(self) -> str:
        kinds = []
        for kind, model in list(ROOTS.items())[:4]:
            versions = self.versions(kind)
            rows = self.changes if model is PolicyChange else self.rows(model, "reference")
            kinds.append([(row["reference"], versions.get(id, 0)) for id, row in rows.items()])
        return digest_of_versions(kinds)

    @cached_property
    def contracts(self) -> dict[int, str]:
        """The references of all contracts, by id."""
        return {id: row["reference"] for id, row in self.rows(Contract, "reference").items()}

    def contract_facts(self, ids: Collection[int]) -> list[ContractFacts]:
        """What screening knew of the contracts."""
        columns = [f"{column}_id" if column in (*PARTIES, "framework") else column for column in CONTRACT_COLUMNS]
        roots = self.rows(Contract, "reference", *columns, pgh_obj_id__in=ids)
        lines = self.parts(Line, "contract_id", *LINE_VALUES, contract_id__in=ids)
        made = self.parts(Amendment, "contract_id", "made_on", "increases_quantity_or_term", contract_id__in=ids)
        return [
            contract_facts(
                {
                    **row,
                    **{party: self._reference(row[f"{party}_id"]) for party in PARTIES},
                    "framework": self.contracts.get(row["framework_id"]),
                    "lines": lines[id],
                    "amendments": made[id],
                }
            )
            for id, row in roots.items()
            if id in ids
        ]

    def columns(self, ids: Sequence[int]) -> Contracts:
        """The same as columns, in ascending order of their ids."""
        numbers = {reference: id for id, reference in self.contracts.items()}
        facts = sorted(self.contract_facts(set(ids)), key=lambda contract: numbers[contract.reference])
        return replace(Contracts.of(facts), ids=np.array([numbers[one.reference] for one in facts], dtype=np.int64))

    def _reference(self, organization: int | None) -> str | None:
        return None if organization is None else self.organizations[organization]["reference"]

    def _measures(self) -> Iterator[tuple[str, Any]]:
        rows = self.rows(Measure, "change_id", "key", "effect", "timeline", "scope", "retired_at")
        for row in rows.values():
            change = self.changes.get(row["change_id"])
            if change is not None and row["retired_at"] is None:
                yield f"{change['reference']}/{row['key']}", lambda change=change, row=row: measure_facts(change, row)

    def _licences(self) -> Iterator[tuple[str, Any]]:
        roles = ("exporter", "consignee", "end_user")
        columns = ("reference", "measures", "commodities", "valid_from", "valid_until")
        for row in self.rows(Licence, *columns, *(f"{role}_id" for role in roles)).values():
            values = {**row, **{role: self._reference(row[f"{role}_id"]) for role in roles}}
            yield f"licence {row['reference']}", lambda values=values: licence_facts(values)


def _read(readings: Iterable[tuple[str, Any]], left_out: list[LeftOut]) -> Iterator[Any]:
    """What can be read, each by itself; what cannot is left out."""
    for name, read in readings:
        try:
            yield read()
        except Exception as error:  # as when it was screened
            left_out.append(LeftOut(name, f"{type(error).__name__}: {error}"[:500]))
