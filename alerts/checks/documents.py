"""Documents as a call brings them: a contract's fields and the step asked about, parties by reference or by name.

A document that is wrong is told by JSON pointer and leaves the others alone; a call that is none is refused whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from drf_spectacular.utils import extend_schema_field

from alerts.bundle.problems import Problem, flattened
from alerts.checks.decisions import Asked, misfit
from alerts.screening import PURPOSES, Calendar
from contracts.facts import ContractFacts
from contracts.reading import contract_facts
from contracts.serializers import ContractSerializer
from people.faults import Path, Values
from people.fields import Fact, Reference, Text, YesNo, choices
from people.strict import Rows, Strict
from suppliers.serializers import IdentifierSerializer

MOST_DOCUMENTS = 100
MOST_LINES = 1000
"""Of one document; longer ones are not even read."""
MOST_LINES_OF_ALL = 10_000
ROLES = ("supplier", "buyer", "end_user")
UNIDENTIFIED = "(not identified)"
"""In place of the reference of an organization that was named otherwise; no reference is written so."""


class NamedParty(Strict):
    """An organization without a reference."""

    name = Text(required=True, longest=500)
    identifiers = Rows(IdentifierSerializer(required=True))


_REFERENCE = Reference(required=True)
_NAMED = NamedParty(required=True)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "description": "a reference"},
            {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "identifiers": {"type": "array", "items": {"$ref": "#/components/schemas/Identifier"}},
                },
            },
        ]
    }
)
class Party(Fact):
    """An organization by its reference; or, where it has none yet, by its name and identifiers."""

    def to_internal_value(self, data: Any) -> Any:
        return (_NAMED if isinstance(data, dict) else _REFERENCE).run_validation(data)


class DocumentSerializer(ContractSerializer):
    """The fields of a contract, and the step that is asked about."""

    purpose = choices(PURPOSES, required=True)
    supplier = Party(required=True)  # type: ignore[assignment]
    buyer = Party(required=True)  # type: ignore[assignment]
    end_user = Party()  # type: ignore[assignment]


class CallSerializer(Strict):
    """Up to 100 documents; each is answered for itself. Without `receipts` nothing is kept, and nobody hears later."""

    documents = Rows(DocumentSerializer(required=True), at_least=1, required=True)
    receipts = YesNo()


_DOCUMENT = DocumentSerializer()


@dataclass(frozen=True, slots=True)
class Document:
    """A document that can be asked about. `unidentified` are the parties that were named, by role."""

    asked: Asked
    sent: Values
    department: str | None = None
    department_id: int | None = None
    unidentified: Mapping[str, Values] = field(default_factory=dict)

    @property
    def parties(self) -> list[str]:
        """The references of the organizations it names."""
        facts = self.asked.facts
        named = {facts.supplier, facts.buyer, facts.end_user} - {None, UNIDENTIFIED}
        return sorted(filter(None, named))


@dataclass(frozen=True, slots=True)
class Faulty:
    """A document that cannot be asked about, with all that is wrong with it; paths begin within it."""

    reference: str | None
    purpose: str | None
    problems: Sequence[Problem]


Known = Callable[[str], bool]


def read(sent: Any, now: Calendar, is_organization: Known) -> Document | Faulty:
    """A document, or what is wrong with it; frameworks and departments are looked up by the caller."""
    if lines_of(sent) > MOST_LINES:
        detail = f"{MOST_LINES} lines are the most of one document"
        return Faulty(None, None, [Problem(("lines",), "too_many", detail)])
    values, errors = _DOCUMENT.examine(sent)
    problems = [*flattened(errors, ()), *_unknown(values, is_organization)]
    reference, purpose = values.get("reference"), values.get("purpose")
    if problems:
        return Faulty(reference, purpose, problems)
    document = _document(values, sent)
    problems = list(_out_of_place(document, now))
    return Faulty(reference, purpose, problems) if problems else document


def lines_of(sent: Any) -> int:
    """How many lines a document has, as far as can be told before it is read."""
    lines = sent.get("lines") if isinstance(sent, dict) else None
    return len(lines) if isinstance(lines, list) else 0


def _document(values: Values, sent: Values) -> Document:
    unidentified = {role: values[role] for role in ROLES if isinstance(values.get(role), dict)}
    facts: ContractFacts = contract_facts({**values, **dict.fromkeys(unidentified, UNIDENTIFIED)})
    return Document(Asked(facts, values["purpose"]), sent, values.get("department"), unidentified=unidentified)


def _unknown(values: Values, is_organization: Known) -> Iterator[Problem]:
    for role in ROLES:
        reference = values.get(role)
        if isinstance(reference, str) and not is_organization(reference):
            yield unknown((role,), reference, "organizations")


def unknown(path: Path, reference: str, section: str) -> Problem:
    return Problem(path, "unknown_reference", f"there is no {reference} among the {section}")


def _out_of_place(document: Document, now: Calendar) -> Iterator[Problem]:
    asked = document.asked
    if reason := misfit(asked, now):
        yield Problem(("purpose",), "purpose_does_not_fit", reason)
    elif asked.purpose == "call_off" and asked.facts.kind == "call_off" and asked.facts.framework is None:
        yield Problem(("framework",), "required", "a call-off names the framework it is called off from")
