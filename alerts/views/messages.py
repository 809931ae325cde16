"""Messages over REST: read by whom they concern, and sent again where they were given up."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import doorbell
from alerts.outbox.again import SENDERS, NotPossible, send_again
from alerts.serializers.messages import WholeMessageSerializer
from alerts.views.reading import MessageViewSet
from alerts.webhooks.serializers import Nothing
from people.conflict import Conflict
from people.principal import principal


class MessageActionsViewSet(MessageViewSet):
    writers = SENDERS  # type: ignore[assignment]

    @extend_schema(request=Nothing, responses={202: WholeMessageSerializer})
    def again(self, request: Request, pk: str) -> Response:
        """Send one that was given up once more, from its first attempt; one that waits for its next, at once."""
        Nothing().run_validation(request.data)
        try:
            send_again(self.get_object(), by=principal(request))
        except NotPossible as error:
            raise Conflict(str(error)) from None
        doorbell.ring()
        return Response(WholeMessageSerializer(self.get_object()).data, status.HTTP_202_ACCEPTED)
