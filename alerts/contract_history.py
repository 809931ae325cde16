"""What became of one contract, version by version: which fact changed from what to what, when, and on whose word."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, Model, QuerySet

from alerts.bundle.kinds import KINDS, Part
from alerts.history import past_rows
from contracts.models import Contract
from people.models import ChangeEntry, Department, User
from people.strict import Strict
from suppliers.models import Organization

KIND = KINDS["contracts"]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A fact by its path, lines by their numbers; a row that came or went is one change, from or to null."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Version:
    """What one transaction made of the contract; `by` is an address or the name of a source, None where not known."""

    version: int
    at: datetime
    by: str | None
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Step:
    """A row as it was before and after; None where it was not there."""

    xid: int
    before: Row | None
    after: Row | None

    @property
    def context(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (self.after or self.before or {}).get("pgh_context__metadata") or {}
        return found


def versions(contract: Contract, *, below: int | None, most: int) -> list[Version]:
    """The latest versions, at most so many, below a version where one is given."""
    log = ChangeEntry.objects.filter(kind=ChangeEntry.Kind.CONTRACT, object_id=contract.pk).order_by()
    by_transaction = log.values("xid").annotate(version=Max("version"), at=Max("at")).order_by("-version")
    if below is not None:
        by_transaction = by_transaction.filter(version__lt=below)
    entries = list(by_transaction[:most])
    steps = _steps(contract, {entry["xid"] for entry in entries})
    names = _Names([step for found in steps.values() for _, step in found])
    return [
        Version(
            entry["version"],
            entry["at"],
            names.writer([step for _, step in steps[entry["xid"]]]),
            [change for part, step in steps[entry["xid"]] for change in names.changes(part, step)],
        )
        for entry in entries
    ]


def _steps(contract: Contract, xids: Collection[int]) -> dict[int, list[tuple[Part | None, Step]]]:
    """By transaction, what happened to the contract itself and then to the rows of its parts."""
    found: dict[int, list[tuple[Part | None, Step]]] = defaultdict(list)
    tables: list[tuple[Part | None, QuerySet[Any]]] = [(None, past_rows(Contract).filter(pgh_obj_id=contract.pk))]
    tables += [(part, past_rows(part.model).filter(contract_id=contract.pk)) for part in KIND.parts]
    for part, rows in tables:
        for step in _changed(rows, xids):
            found[step.xid].append((part, step))
    return found


def _changed(rows: QuerySet[Any], xids: Collection[int]) -> Iterator[Step]:
    rows = rows.extra(select={"xid": "pgh_xid"})
    wanted = rows.extra(where=["pgh_xid = ANY(%s)"], params=[list(xids)])
    after = list(_values(wanted.order_by("pgh_id")))
    first = {row["pgh_obj_id"]: row["pgh_id"] for row in reversed(after)}
    latest: dict[int, Row | None] = {}
    if first:
        earlier = rows.filter(pgh_obj_id__in=first, pgh_id__lt=max(first.values()))
        for row in _values(earlier.order_by("pgh_obj_id", "pgh_id")):
            if row["pgh_id"] < first[row["pgh_obj_id"]]:
                latest[row["pgh_obj_id"]] = row
    for row in after:
        before, now = latest.get(row["pgh_obj_id"]), None if row["pgh_label"] == "delete" else row
        latest[row["pgh_obj_id"]] = now
        yield Step(row["xid"], before, now)


def _values(rows: QuerySet[Any]) -> QuerySet[Any]:
    columns = [field.attname for field in rows.model._meta.concrete_fields if field.name != "pgh_context"]
    return rows.values(*columns, "xid", "pgh_context__metadata")


class _Names:
    """Puts the rows of history into the words of a bundle: references for ids, addresses for users."""

    def __init__(self, steps: Sequence[Step]) -> None:
        rows = [row for step in steps for row in (step.before, step.after) if row]
        sections = {"organizations": Organization, "contracts": Contract}
        self._references = {
            section: _past_references(model, _ids(rows, section)) for section, model in sections.items()
        }
        departments = Department.objects.filter(pk__in=_ids(rows, "departments"))
        self._references["departments"] = dict(departments.values_list("pk", "reference"))
        users = {step.context["user"] for step in steps if "user" in step.context}
        self._users = dict(User.objects.filter(pk__in=users).values_list("pk", "email"))

    def writer(self, steps: Sequence[Step]) -> str | None:
        for step in steps:
            if source := step.context.get("source") or self._users.get(step.context.get("user", 0)):
                return str(source)
        return None

    def changes(self, part: Part | None, step: Step) -> Iterator[Change]:
        serializer, columns = (part.serializer, part.columns) if part else (KIND.serializer, KIND.columns)
        before, after = self._shown(serializer, columns, step.before), self._shown(serializer, columns, step.after)
        path = _path(part, step)
        if part and (before is None or after is None):
            yield Change(path.rstrip("/"), _stated(before), _stated(after))
            return
        for name in columns:
            now, then = (before or {}).get(name), (after or {}).get(name)
            if now != then:
                yield Change(path + name, now, then)

    def _shown(self, serializer: Strict, columns: Sequence[str], row: Row | None) -> dict[str, Any] | None:
        if row is None:
            return None
        shown: dict[str, Any] = {}
        for name in columns:
            value = row[f"{name}_id"] if name in KIND.links else row[name]
            if value is not None and name in KIND.links:
                value = self._references[KIND.links[name]].get(value)
            elif value is not None:
                value = serializer.fields[name].to_representation(value)
            shown[name] = value
        return shown


def _path(part: Part | None, step: Step) -> str:
    if part is None:
        return ""
    row = step.after or step.before or {}
    return f"{part.name}/{row[part.key[0]] if part.key else row['pgh_obj_id']}/"


def _stated(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return row and {name: value for name, value in row.items() if value is not None}


def _ids(rows: Sequence[Row], section: str) -> set[int]:
    columns = [f"{name}_id" for name, of in KIND.links.items() if of == section]
    return {row[column] for row in rows for column in columns if row.get(column) is not None}


def _past_references(model: type[Model], ids: Collection[int]) -> dict[int, str]:
    """References of objects, those deleted since included."""
    rows = past_rows(model).filter(pgh_obj_id__in=ids).order_by().values("pgh_obj_id")
    return dict(rows.annotate(named=Min("reference")).values_list("pgh_obj_id", "named"))
