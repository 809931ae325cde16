"""Preview, publish, withdraw: how a policy change comes into effect and out of it over REST."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import preview_report
from alerts.bundle.kinds import KINDS
from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors, Problem, flattened
from alerts.bundle.references import unresolved
from alerts.policy import ConfirmationNeeded, NotPublishable, publish, withdraw
from alerts.preview import preview
from alerts.views.conflict import Conflict
from alerts.views.storing import inside, refused, stored_references
from people import clock
from people.fields import Whole
from people.models import Role
from people.principal import has_role, principal
from people.strict import Strict
from policies.views import PolicyChangeViewSet

SECTION = "policy_changes"


class Confirmation(Strict):
    """`confirm_owners` is the number of owners who will be mailed, where that takes a confirmation."""

    confirm_owners = Whole(most=10_000_000)


class PublishedPolicyChanges(PolicyChangeViewSet):
    """The steps of a policy change."""

    @extend_schema(
        request=KINDS[SECTION].serializer.__class__, responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT}
    )
    def preview(self, request: Request, reference: str) -> Response:
        """What publishing it would do, compared with now; written nowhere. A body is the change as it would be."""
        bundle = self._bundle(request.data, reference) if request.data else None
        if bundle is None:
            self.get_object()
        try:
            outlook = preview([reference], at=clock.now(), bundle=bundle)
        except BundleErrors as found:
            raise refused([inside(problem) for problem in found.problems]) from None
        return Response(preview_report.as_json(outlook, seen_by=principal(request)))

    @extend_schema(request=Confirmation, responses={200: PolicyChangeViewSet.serializer_class})
    def publish(self, request: Request, reference: str) -> Response:
        """From now on its measures raise flags; publishing a published change does nothing.

        409 for whoever edited it last, and, with `owners`, where so many would be mailed that it takes a confirmation.
        """
        self._check_role(request)
        said = Confirmation().run_validation(request.data or {})
        change = self.get_object()
        try:
            publish(change, by=principal(request), at=clock.now(), confirm_owners=said.get("confirm_owners"))
        except ConfirmationNeeded as needed:
            raise Conflict(str(needed), owners=needed.owners) from None
        except NotPublishable as error:
            raise Conflict(str(error)) from None
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses={200: PolicyChangeViewSet.serializer_class})
    def withdraw(self, request: Request, reference: str) -> Response:
        """Its flags are closed; withdrawing a withdrawn change does nothing."""
        self._check_role(request)
        change = self.get_object()
        try:
            withdraw(change, by=principal(request), at=clock.now())
        except NotPublishable as error:
            raise Conflict(str(error)) from None
        return Response(self.get_serializer(self.get_object()).data)

    def _check_role(self, request: Request) -> None:
        if not has_role(request, Role.POLICY_PUBLISHER, Role.ADMINISTRATOR):
            self.permission_denied(request, "This takes the role policy_publisher.", "permission_denied")

    @staticmethod
    def _bundle(body: Any, reference: str) -> Bundle:
        values, errors = KINDS[SECTION].serializer.examine(body)
        problems = list(flattened(errors, ()))
        if values.get("reference", reference) != reference:
            problems.append(Problem(("reference",), "other_reference", f"the address is that of {reference[:64]!r}"))
        bundle = Bundle(policy_changes=[values])
        problems += [inside(problem) for problem in unresolved([bundle], stored_references)[0]]
        if problems:
            raise refused(problems)
        return bundle
