"""Objects under their references: what is sent is merged with what is stored, by a bundle's rules, and screened."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import doorbell
from alerts.bundle.kinds import KINDS
from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors, Problem
from alerts.bundle.rows import stored_references
from alerts.bundle.single import inside, single
from alerts.bundle.store import store
from alerts.deleting import NotDeletable, delete
from alerts.departments import OUTSIDE, TAKEN, of_others
from alerts.policy import revise
from alerts.revisions import pending
from alerts.serializers.revisions import RevisionSerializer
from alerts.views.revising import link_to_revision, working_copy
from contracts.views import ContractViewSet
from people import clock
from people.conditions import PreconditionRequired, check, conditional, tag, tagged
from people.conflict import Conflict
from people.describing import FIELDS_PARAMETER, READING, WRITING, WRITING_READ
from people.principal import principal
from people.resources import FIELDS, MergePatchParser, Resource, StrictJSONParser, refusal
from people.row_security import seen_by
from people.views import DepartmentViewSet, UserViewSet
from policies.models import PolicyChange
from policies.serializers import PolicyChangeSerializer
from policies.views import LicenceViewSet, PartyListViewSet, PolicyChangeViewSet
from suppliers.views import OrganizationViewSet, SupplierViewSet

AT_ONCE = "Somebody else wrote the same object at the same moment; send it again."


class Stores(Resource):
    """GET, PUT, PATCH and DELETE of one object of a bundle's section."""

    section: ClassVar[str]
    patch_parser_classes = (MergePatchParser, StrictJSONParser)
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {"retrieve": (FIELDS,)}
    conditional: ClassVar[Sequence[str]] = ("update", "partial_update", "destroy")

    def get_parsers(self) -> list[Any]:
        if getattr(self.request, "method", None) == "PATCH":
            return [parser() for parser in self.patch_parser_classes]
        return super().get_parsers()

    @extend_schema(parameters=[*READING, FIELDS_PARAMETER])
    def retrieve(self, request: Request, reference: str) -> HttpResponse:
        """As it is stored now. The ETag names this state; 304 where `If-None-Match` does already."""
        return self.answer(request, self.get_object())

    @extend_schema(parameters=WRITING)
    def update(self, request: Request, reference: str) -> HttpResponse:
        """201 where the object is new, 200 otherwise; a missing key leaves its value, and a null takes back what the
        sender said. Sent again it changes nothing.

        412 where the object is not as `If-Match` has it; `If-None-Match: *` creates only.
        """
        return self._write(request, reference, conditional=conditional(request))

    @extend_schema(parameters=WRITING_READ)
    def partial_update(self, request: Request, reference: str) -> HttpResponse:
        """A JSON Merge Patch (RFC 7396) of what the sender has read: 428 without `If-Match`, 412 where it is outdated.

        A null takes back what the sender said, as everywhere; rows of a list that have a key keep what is not named.
        """
        self._check_read(request)
        self.get_object()
        return self._write(request, reference, conditional=True)

    @extend_schema(parameters=WRITING_READ, responses={204: None})
    def destroy(self, request: Request, reference: str) -> Response:
        """Delete what nothing refers to and no flag was ever raised for: 409, with the reasons, for all else."""
        self._check_read(request)
        stored = self.get_object()
        try:
            with transaction.atomic():
                check(request, self.state(self._locked(reference)))
                delete(stored, KINDS[self.section], source=principal(request).email)
                doorbell.ring()
        except NotDeletable as error:
            raise Conflict(str(error)) from None
        except IntegrityError:
            raise Conflict(AT_ONCE) from None
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _write(self, request: Request, reference: str, *, conditional: bool) -> HttpResponse:
        try:
            bundle = single(self.section, request.data, reference, partial=request.method == "PATCH")
            with transaction.atomic():
                if conditional:
                    check(request, self.state(self._locked(reference)))
                return self.keep(request, reference, bundle)
        except BundleErrors as found:
            raise refused(found) from None
        except IntegrityError:
            raise Conflict(AT_ONCE) from None

    def _check_read(self, request: Request) -> None:
        if "If-Match" not in request.headers:
            raise PreconditionRequired

    def _locked(self, reference: str) -> Any:
        """The object as it is and stays until the end of the transaction; None where there is none to be seen."""
        rows = self.get_queryset().select_related(None).prefetch_related(None)
        with seen_by(self.request.user):
            return rows.select_for_update(no_key=True).filter(**{self.lookup_field: reference}).first()

    def state(self, stored: Any) -> str | None:
        """The entity tag of an object; None of none."""
        return None if stored is None else tag(stored, KINDS[self.section].serializer.to_representation)

    def answer(self, request: Request, stored: Any, code: int = status.HTTP_200_OK, **headers: str) -> HttpResponse:
        """The object, with its entity tag."""
        shown = self.get_serializer(stored).data
        return tagged(request, Response(shown, code, headers=headers), self.state(stored) or "")

    def keep(self, request: Request, reference: str, bundle: Bundle) -> HttpResponse:
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
        return self.answer(request, self.get_object(), status.HTTP_201_CREATED if created else status.HTTP_200_OK)

    def check(self, values: dict[str, Any]) -> None:
        """Whether the values may be stored, beyond what a bundle allows."""

    def check_stored(self, reference: str) -> None:
        """Whether what became of the object is allowed; the last chance to refuse."""


def refused(found: BundleErrors) -> APIException:
    """The error of a body from the problems of the object that it is."""
    return refusal((problem.path, problem.code, problem.detail) for problem in found.problems)


class StoredDepartments(Stores, DepartmentViewSet):
    section = "departments"


class StoredUsers(Stores, UserViewSet):
    section = "users"


class StoredOrganizations(Stores, OrganizationViewSet):
    section = "organizations"


class StoredSuppliers(SupplierViewSet, StoredOrganizations):
    """Their ETags are those of the organizations that they are."""


class StoredContracts(Stores, ContractViewSet):
    section = "contracts"

    def check(self, values: dict[str, Any]) -> None:
        """Another department's contract is not there for whoever may not see it, and cannot be taken over either."""
        self._refuse_others(values["reference"], TAKEN)

    def check_stored(self, reference: str) -> None:
        self._refuse_others(reference, OUTSIDE)

    def _refuse_others(self, reference: str, problem: Problem) -> None:
        if of_others([reference], principal(self.request)):
            raise refused(BundleErrors([problem]))


class StoredPartyLists(Stores, PartyListViewSet):
    section = "party_lists"


class StoredLicences(Stores, LicenceViewSet):
    section = "licences"


class StoredPolicyChanges(Stores, PolicyChangeViewSet):
    """Drafts are written; publishing and withdrawing are steps of their own."""

    section = "policy_changes"

    @extend_schema(
        responses={200: PolicyChangeSerializer, 201: PolicyChangeSerializer, 202: RevisionSerializer},
        parameters=[*WRITING, working_copy(200, 202)],
    )
    def update(self, request: Request, reference: str) -> HttpResponse:
        """201 where the change is new, 200 otherwise; a missing key leaves its value.

        What is published stays in force: the answer is 202 and the draft revision that waits to be published, or 200
        where it would alter nothing.
        """
        return super().update(request, reference)

    @extend_schema(
        responses={200: PolicyChangeSerializer, 202: RevisionSerializer},
        parameters=[*WRITING_READ, working_copy(200, 202)],
    )
    def partial_update(self, request: Request, reference: str) -> HttpResponse:
        """As PUT, of what the sender has read: 428 without `If-Match`, 412 where it is outdated, too by a revision."""
        return super().partial_update(request, reference)

    @extend_schema(parameters=[*READING, FIELDS_PARAMETER, working_copy(200)])
    def retrieve(self, request: Request, reference: str) -> HttpResponse:
        """The change as it is in force. A `Link` header with `rel="working-copy"` says that a revision is pending."""
        return super().retrieve(request, reference)

    def state(self, stored: Any) -> str | None:
        """A revision that is pending is part of what one has read."""
        current, revision = super().state(stored), stored and pending(stored)
        return current if revision is None else f'{(current or "")[:-1]}.{revision.pk}"'

    def answer(self, request: Request, stored: Any, code: int = status.HTTP_200_OK, **headers: str) -> HttpResponse:
        return super().answer(request, stored, code, **link_to_revision(stored))

    def keep(self, request: Request, reference: str, bundle: Bundle) -> HttpResponse:
        change = PolicyChange.objects.select_for_update().filter(reference=reference).first()
        if change is None or change.status != PolicyChange.Status.PUBLISHED:
            return super().keep(request, reference, bundle)
        revision = revise(change, bundle, by=principal(request), at=clock.now())
        if revision is None:
            return self.answer(request, self.get_object())
        answer = Response(RevisionSerializer(revision).data, status.HTTP_202_ACCEPTED, headers=link_to_revision(change))
        return tagged(request, answer, self.state(change) or "")

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
