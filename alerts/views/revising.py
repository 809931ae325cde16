"""The draft revision of a published policy change: shown, discarded, and pointed to by the change."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from alerts.policy import discard_revision
from alerts.revisions import pending
from alerts.serializers.revisions import RevisionSerializer
from people import clock
from people.principal import principal
from policies.models import PolicyChange
from policies.views import PolicyChangeViewSet

NONE_PENDING = "No revision of this policy change is pending."


class RevisionViewSet(PolicyChangeViewSet):
    """What a published change is to become; PUT of the change writes it."""

    @extend_schema(responses=RevisionSerializer)
    def retrieve(self, request: Request, reference: str) -> Response:
        """What it says, what it makes of the change, and what differs from what is in force; 404 where none is
        pending."""
        revision = pending(self.get_object())
        if revision is None:
            raise NotFound(NONE_PENDING)
        return Response(RevisionSerializer(revision).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, reference: str) -> Response:
        """Discard it; 404 where none is pending."""
        if not discard_revision(self.get_object(), by=principal(request), at=clock.now()):
            raise NotFound(NONE_PENDING)
        return Response(status=status.HTTP_204_NO_CONTENT)


def link_to_revision(change: PolicyChange) -> dict[str, str]:
    """The header that says that a revision is pending (RFC 8288; the relation is RFC 5829's)."""
    if pending(change) is None:
        return {}
    address = reverse("policy-changes-revision", args=[change.reference])
    return {"Link": f'<{address}>; rel="working-copy"'}


def working_copy(*codes: int) -> OpenApiParameter:
    """The same header in the schema of the answers with these status codes."""
    words = 'the pending revision, as `rel="working-copy"`; not there where none is pending'
    return OpenApiParameter("Link", str, OpenApiParameter.HEADER, description=words, response=list(codes))
