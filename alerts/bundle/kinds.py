"""The sections of a bundle in the order in which they are stored: each with its serializer, model and parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import models

from contracts.models import Amendment, Contract, Line
from contracts.serializers import AmendmentSerializer, ContractSerializer, LineSerializer
from people.models import Absence, Department, User
from people.serializers import DepartmentSerializer, Period, UserSerializer
from people.strict import Strict, stored_name
from policies.models import Evidence, Licence, Measure, PartyList, PartyListEntry, PolicyChange
from policies.serializers import (
    EntrySerializer,
    EvidenceSerializer,
    LicenceSerializer,
    MeasureSerializer,
    PartyListSerializer,
    PolicyChangeSerializer,
)
from suppliers.models import Identifier, Organization, OrganizationName, Ownership
from suppliers.serializers import IdentifierSerializer, NameSerializer, OrganizationSerializer, OwnerSerializer


def stored_names(serializer: Strict) -> tuple[str, ...]:
    """The names under which a serializer's values are stored, in its order."""
    return tuple(stored_name(field) for field in serializer.fields.values())


@dataclass(frozen=True)
class Part:
    """A list within an object whose rows are rows of a table.

    With `key` the rows are recognised and merged fact by fact; without, a list that differs replaces the other. `links`
    names the columns that hold references, and the sections they refer to.
    """

    name: str
    model: type[models.Model]
    parent: str
    serializer: Strict
    key: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    retires: bool = False

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return stored_names(self.serializer)

    def key_of(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row.get(column) for column in self.key)


@dataclass(frozen=True)
class Kind:
    """A section of a bundle. `lists` are columns that hold a list which is empty rather than null; `joined` are lists
    of references kept in a table of pairs."""

    section: str
    model: type[models.Model]
    serializer: Strict
    key: str = "reference"
    lists: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    joined: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def partial_serializer(self) -> Strict:
        """Reads what changes of an object that is there."""
        return type(self.serializer)(partial=True)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        apart = {*(part.name for part in self.parts), *self.joined}
        return tuple(name for name in stored_names(self.serializer) if name not in apart)


_ORGANIZATION = {"organization": "organizations"}

KINDS: Mapping[str, Kind] = {
    kind.section: kind
    for kind in (
        Kind("departments", Department, DepartmentSerializer()),
        Kind(
            "users",
            User,
            UserSerializer(),
            key="email",
            lists=frozenset({"roles"}),
            parts=(Part("absences", Absence, "user", Period()),),
            joined={"departments": "departments"},
        ),
        Kind(
            "organizations",
            Organization,
            OrganizationSerializer(),
            parts=(
                Part("names", OrganizationName, "organization", NameSerializer()),
                Part("identifiers", Identifier, "organization", IdentifierSerializer()),
                Part(
                    "owners",
                    Ownership,
                    "organization",
                    OwnerSerializer(),
                    key=("owner", "from_on"),
                    links={"owner": "organizations"},
                ),
            ),
        ),
        Kind(
            "party_lists",
            PartyList,
            PartyListSerializer(),
            parts=(Part("entries", PartyListEntry, "party_list", EntrySerializer(), links=_ORGANIZATION),),
        ),
        Kind(
            "policy_changes",
            PolicyChange,
            PolicyChangeSerializer(),
            lists=frozenset({"supersedes"}),
            parts=(
                Part("evidence", Evidence, "change", EvidenceSerializer()),
                Part("measures", Measure, "change", MeasureSerializer(), key=("key",), retires=True),
            ),
        ),
        Kind(
            "licences",
            Licence,
            LicenceSerializer(),
            lists=frozenset({"measures"}),
            links={"exporter": "organizations", "consignee": "organizations", "end_user": "organizations"},
        ),
        Kind(
            "contracts",
            Contract,
            ContractSerializer(),
            links={
                "supplier": "organizations",
                "buyer": "organizations",
                "end_user": "organizations",
                "framework": "contracts",
                "department": "departments",
            },
            parts=(
                Part("amendments", Amendment, "contract", AmendmentSerializer()),
                Part("lines", Line, "contract", LineSerializer(), key=("number",)),
            ),
        ),
    )
}
