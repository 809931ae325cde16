"""GET /changes: the delta feed over REST."""

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from alerts import feed
from alerts.checks.serializers import CheckSerializer
from alerts.serializers.flags import FlagSerializer
from contracts.serializers import ContractSerializer
from people import clock
from people.paging import whole_number
from people.principal import principal
from people.resources import Resource, refusal

NOW = "now"
MOST, DEFAULT = 1000, 100
SERIALIZERS: dict[str, Any] = {"check": CheckSerializer, "contract": ContractSerializer, "flag": FlagSerializer}


class Gone(APIException):
    """410: the feed cannot be continued; `members` say where it begins."""

    status_code = 410
    default_code = "token_too_old"

    def __init__(self, detail: str, **members: str) -> None:
        super().__init__(f"{detail} Read the lists that you mirror once more, beginning with a new token.")
        self.members = members


class ChangedSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(feed.TYPES)
    key = serializers.CharField(help_text="the reference of a contract, the id of a flag or of a check")
    version = serializers.IntegerField(help_text="never falls; the same version is the same state")
    object = serializers.JSONField(allow_null=True, help_text="its present state; null: deleted, or not yours any more")


class FeedSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(help_text="the token to ask with next time")
    more = serializers.BooleanField(help_text="there is more to be read at once")
    results = ChangedSerializer(many=True)


class ChangesViewSet(Resource):
    """What changed, of what one may see."""

    scope = "changes"
    writers = ()
    pagination_class: Any = None
    parameters: ClassVar[dict[str, tuple[str, ...]]] = {"changes": ("after", "types", "limit")}
    failures: ClassVar[dict[str, tuple[str, ...]]] = {"changes": ("410",)}

    @extend_schema(
        parameters=[
            OpenApiParameter("after", str, description="the token of the page before, or `now`; all without"),
            OpenApiParameter("types", str, description="of check, contract and flag, with commas between; all without"),
            OpenApiParameter("limit", int, description=f"changes of a page, 1 to {MOST}; {DEFAULT} without"),
        ],
        responses=FeedSerializer,
        filters=False,
    )
    def changes(self, request: Request) -> Response:
        """Contracts, flags and checks that changed since, each with its present state; all are told at least once.

        410 where the token is too old to be continued from.
        """
        at, types = clock.now(), _types(request.query_params.get("types"))
        after = request.query_params.get("after")
        limit = whole_number(request, "limit", MOST) or DEFAULT
        if after == NOW:
            return Response({"next": feed.token(feed.end(), types, at=at), "more": False, "results": []})
        try:
            place = None if after is None else feed.read_token(after, types, at=at, days=settings.FEED_DAYS)
        except feed.NotAToken as error:
            raise refusal([(("after",), "invalid_token", str(error))]) from None
        except feed.TooOld as error:
            raise Gone(str(error), restart=reverse("changes") + "?after=now") from None
        found = feed.page(place, types, limit=limit, seen_by=principal(request))
        following = feed.token(found.place, types, at=at)
        return Response({"next": following, "more": found.more, "results": [_shown(one) for one in found.changes]})


def _types(asked: str | None) -> list[str]:
    types = list(feed.TYPES) if asked is None else sorted(set(asked.split(",")))
    if unknown := [name for name in types if name not in feed.TYPES]:
        detail = f"there is no {unknown[0][:100]!r} among {', '.join(feed.TYPES)}"
        raise refusal([(("types",), "invalid_choice", detail)])
    return types


def _shown(changed: feed.Changed) -> dict[str, Any]:
    state = None if changed.stored is None else SERIALIZERS[changed.type](changed.stored).data
    return {"type": changed.type, "key": changed.key, "version": changed.version, "object": state}
