"""Preview, publish, withdraw: how a policy change comes into effect and out of it over REST."""

from collections.abc import Mapping
from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import preview_report
from alerts.bundle.kinds import KINDS
from alerts.bundle.problems import BundleErrors
from alerts.bundle.single import inside, single
from alerts.policy import ConfirmationNeeded, NotPublishable, publish, withdraw
from alerts.preview import preview
from alerts.revisions import preview_pending
from alerts.views.storing import refused
from people import clock
from people.conflict import Conflict
from people.fields import Whole
from people.models import Role
from people.paging import LONGEST_ID
from people.principal import has_role, principal
from people.strict import Strict
from policies.views import PolicyChangeViewSet

SECTION = "policy_changes"


class Confirmation(Strict):
    """`confirm_owners` is the number of owners who will be mailed, where that takes a confirmation; `revision` that of
    the revision one has seen, so that no other is published in its place."""

    confirm_owners = Whole(most=10_000_000)
    revision = Whole(most=LONGEST_ID)


class PublishedPolicyChanges(PolicyChangeViewSet):
    """The steps of a policy change."""

    verbs: ClassVar[Mapping[str, str]] = {"preview": "read", "publish": "publish", "withdraw": "publish"}

    @extend_schema(request=KINDS[SECTION].serializer.__class__, responses=OpenApiTypes.OBJECT)
    def preview(self, request: Request, reference: str) -> Response:
        """What publishing it would do, compared with now; written nowhere. A body is the change as it would be.

        Without a body it is a draft as it is stored, or a published change with its pending revision.
        """
        if request.data == {}:
            return self._preview_stored(request)
        try:
            bundle = single(SECTION, request.data, reference)
        except BundleErrors as found:
            raise refused(found) from None
        try:
            outlook = preview([reference], at=clock.now(), bundle=bundle, source=principal(request).email)
        except BundleErrors as found:
            raise refused(BundleErrors(map(inside, found.problems))) from None
        return Response(preview_report.as_json(outlook, seen_by=principal(request)))

    def _preview_stored(self, request: Request) -> Response:
        try:
            outlook = preview_pending(self.get_object(), at=clock.now())
        except BundleErrors as found:
            raise Conflict(f"the pending revision does not fit any more: {found}") from None
        return Response(preview_report.as_json(outlook, seen_by=principal(request)))

    @extend_schema(request=Confirmation, responses={200: PolicyChangeViewSet.serializer_class})
    def publish(self, request: Request, reference: str) -> Response:
        """From now on its measures raise flags; of a published change, its pending revision comes into force.

        Publishing a published change with nothing pending does nothing. 409 for whoever edited it last, where the
        change was altered after its revision was made, and, with `owners`, where so many would be mailed that it takes
        a confirmation.
        """
        self._check_role(request)
        said = Confirmation().run_validation(request.data)
        change = self.get_object()
        try:
            publish(change, by=principal(request), at=clock.now(), **said)
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
