"""PUT under a reference: what is sent is merged with what is stored, by the rules of a bundle, and screened."""

from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import doorbell
from alerts.bundle.kinds import KINDS
from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors, Problem, flattened
from alerts.bundle.references import unresolved
from alerts.bundle.store import store
from alerts.views.conflict import Conflict
from contracts.models import Contract
from contracts.views import ContractViewSet
from people import clock
from people.principal import principal
from people.resources import refusal
from people.views import DepartmentViewSet
from policies.models import PolicyChange
from policies.views import LicenceViewSet, PartyListViewSet, PolicyChangeViewSet
from suppliers.views import OrganizationViewSet

AT_ONCE = "Somebody else wrote the same object at the same moment; send it again."


class Stores:
    """PUT of one object of a bundle's section."""

    section: ClassVar[str]

    def update(self, request: Request, reference: str) -> Response:
        """201 where the object is new, 200 otherwise; a missing key leaves its value."""
        kind = KINDS[self.section]
        values, errors = kind.serializer.examine(request.data)
        problems = list(flattened(errors, ()))
        if values.get("reference", reference) != reference:
            problems.append(Problem(("reference",), "other_reference", f"the address is that of {reference[:64]!r}"))
        bundle = Bundle(**{self.section: [values]})
        problems += [inside(problem) for problem in unresolved([bundle], stored_references)[0]]
        if problems:
            raise refused(problems)
        try:
            with transaction.atomic():
                was_there = bool(stored_references(self.section, {reference}))
                self.check(values)
                stored = store(bundle, source=principal(request).email, at=clock.now())
                created = bool(stored.created[self.section])
                if not created and not was_there:
                    raise Conflict(AT_ONCE)  # what `check` looked at is not what was merged with
                self.check_stored(reference)
                doorbell.ring()
                answer = self.retrieve(request, reference=reference)  # type: ignore[attr-defined]
        except BundleErrors as found:
            raise refused([inside(problem) for problem in found.problems]) from None
        except IntegrityError:
            raise Conflict(AT_ONCE) from None
        return Response(answer.data, status.HTTP_201_CREATED if created else status.HTTP_200_OK)

    def check(self, values: dict[str, Any]) -> None:
        """Whether the values may be stored, beyond what a bundle allows."""

    def check_stored(self, reference: str) -> None:
        """Whether what became of the object is allowed; the last chance to refuse."""


def inside(problem: Problem) -> Problem:
    """A problem of a bundle's only object, by its path within the object."""
    return Problem(problem.path[2:], problem.code, problem.detail)


def refused(problems: list[Problem]) -> APIException:
    return refusal((problem.path, problem.code, problem.detail) for problem in problems)


def stored_references(section: str, references: set[str]) -> set[str]:
    """Those of the references that the database knows."""
    kind = KINDS[section]
    found = kind.model._default_manager.filter(**{f"{kind.key}__in": references})
    return set(found.values_list(kind.key, flat=True))


class StoredDepartments(Stores, DepartmentViewSet):
    section = "departments"


class StoredOrganizations(Stores, OrganizationViewSet):
    section = "organizations"


class StoredContracts(Stores, ContractViewSet):
    section = "contracts"

    def check(self, values: dict[str, Any]) -> None:
        """Another department's contract is not there for whoever may not see it, and cannot be taken over either."""
        reference = values["reference"]
        exists = Contract.objects.filter(reference=reference).exists()
        if exists and not self.get_queryset().filter(reference=reference).exists():
            raise refusal([(("reference",), "taken", "this reference cannot be used")])

    def check_stored(self, reference: str) -> None:
        if not self.get_queryset().filter(reference=reference).exists():
            detail = "the contract has to stay with one of your departments"
            raise refusal([(("department",), "not_your_department", detail)])


class StoredPartyLists(Stores, PartyListViewSet):
    section = "party_lists"


class StoredLicences(Stores, LicenceViewSet):
    section = "licences"


class StoredPolicyChanges(Stores, PolicyChangeViewSet):
    """Drafts are written; publishing and withdrawing are steps of their own."""

    section = "policy_changes"

    def check(self, values: dict[str, Any]) -> None:
        change = PolicyChange.objects.select_for_update().filter(reference=values["reference"]).first()
        current = (change and change.status) or PolicyChange.Status.DRAFT
        if current != PolicyChange.Status.DRAFT:
            raise Conflict(f"{values['reference']} is {current}: only a draft can be written")
        if values.get("status") not in (None, current):
            raise refusal([(("status",), "read_only", "publish and withdraw are steps of their own")])
        values["status"] = current
