"""PUT under a reference: what is sent is merged with what is stored, by the rules of a bundle, and screened."""

from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import doorbell
from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors
from alerts.bundle.rows import stored_references
from alerts.bundle.single import inside, single
from alerts.bundle.store import store
from alerts.policy import revise
from alerts.serializers import RevisionSerializer
from alerts.views.conflict import Conflict
from alerts.views.revising import link_to_revision, working_copy
from contracts.models import Contract
from contracts.views import ContractViewSet
from people import clock
from people.principal import principal
from people.resources import refusal
from people.views import DepartmentViewSet
from policies.models import PolicyChange
from policies.serializers import PolicyChangeSerializer
from policies.views import LicenceViewSet, PartyListViewSet, PolicyChangeViewSet
from suppliers.views import OrganizationViewSet

AT_ONCE = "Somebody else wrote the same object at the same moment; send it again."


class Stores:
    """PUT of one object of a bundle's section."""

    section: ClassVar[str]

    def update(self, request: Request, reference: str) -> Response:
        """201 where the object is new, 200 otherwise; a missing key leaves its value."""
        try:
            bundle = single(self.section, request.data, reference)
            with transaction.atomic():
                return self.keep(request, reference, bundle)
        except BundleErrors as found:
            raise refused(found) from None
        except IntegrityError:
            raise Conflict(AT_ONCE) from None

    def keep(self, request: Request, reference: str, bundle: Bundle) -> Response:
        """Store what was sent, in the transaction of whoever calls."""
        was_there = bool(stored_references(self.section, {reference}))
        self.check(bundle.section(self.section)[0])
        try:
            stored = store(bundle, source=principal(request).email, at=clock.now())
        except BundleErrors as found:
            raise BundleErrors(map(inside, found.problems)) from None
        created = bool(stored.created[self.section])
        if not created and not was_there:
            raise Conflict(AT_ONCE)  # what `check` looked at is not what was merged with
        self.check_stored(reference)
        doorbell.ring()
        answer = self.retrieve(request, reference=reference)  # type: ignore[attr-defined]
        return Response(answer.data, status.HTTP_201_CREATED if created else status.HTTP_200_OK)

    def check(self, values: dict[str, Any]) -> None:
        """Whether the values may be stored, beyond what a bundle allows."""

    def check_stored(self, reference: str) -> None:
        """Whether what became of the object is allowed; the last chance to refuse."""


def refused(found: BundleErrors) -> APIException:
    """The error of a body from the problems of the object that it is."""
    return refusal((problem.path, problem.code, problem.detail) for problem in found.problems)


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

    @extend_schema(
        responses={200: PolicyChangeSerializer, 201: PolicyChangeSerializer, 202: RevisionSerializer},
        parameters=[working_copy(200, 202)],
    )
    def update(self, request: Request, reference: str) -> Response:
        """201 where the change is new, 200 otherwise; a missing key leaves its value.

        What is published stays in force: the answer is 202 and the draft revision that waits to be published, or 200
        where it would alter nothing.
        """
        return super().update(request, reference)

    @extend_schema(parameters=[working_copy(200)])
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The change as it is in force. A `Link` header with `rel="working-copy"` says that a revision is pending."""
        change = self.get_object()
        return Response(self.get_serializer(change).data, headers=link_to_revision(change))

    def keep(self, request: Request, reference: str, bundle: Bundle) -> Response:
        change = PolicyChange.objects.select_for_update().filter(reference=reference).first()
        if change is None or change.status != PolicyChange.Status.PUBLISHED:
            return super().keep(request, reference, bundle)
        revision = revise(change, bundle, by=principal(request), at=clock.now())
        if revision is None:
            return self.retrieve(request, reference=reference)
        return Response(RevisionSerializer(revision).data, status.HTTP_202_ACCEPTED, headers=link_to_revision(change))

    def check(self, values: dict[str, Any]) -> None:
        change = PolicyChange.objects.select_for_update().filter(reference=values["reference"]).first()
        current = (change and change.status) or PolicyChange.Status.DRAFT
        if current == PolicyChange.Status.WITHDRAWN:
            raise Conflict(f"{values['reference']} is withdrawn: it is not edited any more")
        if current != PolicyChange.Status.DRAFT:
            raise Conflict(AT_ONCE)
        if values.get("status") not in (None, current):
            raise refusal([(("status",), "read_only", "publish and withdraw are steps of their own")])
        values["status"] = current
