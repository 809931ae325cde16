"""How one is told of what can wait, over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from alerts.digests.choices import choose, chosen_by
from alerts.models import Cadence
from people import clock
from people.fields import Choice, choices
from people.principal import principal
from people.resources import READERS, Resource
from people.strict import Strict

CHOSEN = ("normal", "review", "closing")


class DigestsWritten(Strict):
    """A missing key leaves its value. What is urgent nobody changes."""

    urgent = choices([Cadence.AT_ONCE])
    normal = choices([Cadence.AT_ONCE, Cadence.DAILY])
    review = Choice(choices=Cadence.values)
    closing = Choice(choices=Cadence.values)


class DigestsSerializer(serializers.Serializer[Any]):
    urgent = serializers.CharField(help_text="always `at_once`: certain, and in force or a possible termination")
    normal = serializers.ChoiceField(choices=[Cadence.AT_ONCE, Cadence.DAILY], help_text="what else is certain")
    review = serializers.ChoiceField(choices=Cadence.values, help_text="what is not certain")
    closing = serializers.ChoiceField(choices=Cadence.values, help_text="what is no longer flagged")


class DigestsViewSet(Resource):
    """How one is told of what can wait: at once, or in a digest when a working day, or a week, begins."""

    scope = "digests"
    writers = READERS
    serializer_class = DigestsSerializer

    @extend_schema(responses=DigestsSerializer)
    def retrieve(self, request: Request) -> Response:
        found = chosen_by(principal(request))
        shown = {name: getattr(found, name) for name in CHOSEN}
        return Response(DigestsSerializer({"urgent": Cadence.AT_ONCE, **shown}).data)

    @extend_schema(request=DigestsWritten, responses=DigestsSerializer)
    def update(self, request: Request) -> Response:
        """What waits for a digest when the choice changes is told at once."""
        said = DigestsWritten().run_validation(request.data)
        user = principal(request)
        before = chosen_by(user)
        chosen = {name: said.get(name) or getattr(before, name) for name in CHOSEN}
        choose(user, **chosen, at=clock.now())
        return self.retrieve(request)
