"""What people do about flags over REST: each act answers with the flag as it then stands, and repeats without harm."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from alerts import dispositions
from alerts.dispositions import NotPossible, Unsuitable
from alerts.models import Flag
from alerts.models.actions import Reason
from alerts.serializers.flags import WholeFlagSerializer
from alerts.views.reading import FlagViewSet
from people import clock
from people.conflict import Conflict
from people.fields import Choice, Day, Email, Text
from people.models import User
from people.principal import principal
from people.resources import refusal
from people.strict import Strict

LONGEST_TEXT = 5000


class Nothing(Strict):
    """No particulars."""


class Assignment(Strict):
    to = Email(required=True)


class Comment(Strict):
    text = Text(required=True, longest=LONGEST_TEXT)


class Mitigation(Comment):
    facts = Text(longest=16)


class Dismissal(Mitigation):
    reason = Choice(choices=Reason.choices, required=True)
    expires_on = Day(required=True)


class FlagActionsViewSet(FlagViewSet):
    """Takes the role buyer, policy_editor, policy_publisher or administrator, and a flag that one may see."""

    writers = dispositions.WORKERS  # type: ignore[assignment]

    @extend_schema(request=Nothing, responses=WholeFlagSerializer)
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Somebody has seen it and takes care of it."""
        return self._act(request, Nothing(), dispositions.acknowledge)

    @extend_schema(request=Assignment, responses=WholeFlagSerializer)
    def assign(self, request: Request, pk: str) -> Response:
        """Give it to a user who may see it."""
        return self._act(request, Assignment(), _assign)

    @extend_schema(request=Comment, responses=WholeFlagSerializer)
    def comment(self, request: Request, pk: str) -> Response:
        return self._act(request, Comment(), dispositions.comment)

    @extend_schema(request=Dismissal, responses=WholeFlagSerializer)
    def dismiss(self, request: Request, pk: str) -> Response:
        """Put it aside until the end of a day, as long as the facts stay. `facts` may name those that were read."""
        return self._act(request, Dismissal(), dispositions.dismiss)

    @extend_schema(request=Mitigation, responses=WholeFlagSerializer)
    def mitigate(self, request: Request, pk: str) -> Response:
        """What was to be done is done, as long as the facts stay. `facts` may name those that were read."""
        return self._act(request, Mitigation(), dispositions.mitigate)

    @extend_schema(request=Comment, responses=WholeFlagSerializer)
    def reopen(self, request: Request, pk: str) -> Response:
        """Take a dismissal or a mitigation back."""
        return self._act(request, Comment(), dispositions.reopen)

    def _act(self, request: Request, body: Strict, act: Callable[..., None]) -> Response:
        flag: Flag = self.get_object()
        said: dict[str, Any] = body.run_validation(request.data)
        if "facts" in said:
            said["seen"] = said.pop("facts")
        try:
            act(flag, **said, by=principal(request), at=clock.now())
        except Unsuitable as wrong:
            raise refusal([((wrong.field,), wrong.code, str(wrong))]) from None
        except NotPossible as error:
            raise Conflict(str(error)) from None
        return self.retrieve(request, pk=str(flag.pk))


def _assign(flag: Flag, *, to: str, **by: Any) -> None:
    user = User.objects.filter(email=to.strip().lower()).first()
    if user is None:
        raise Unsuitable("to", "cannot_see", f"{to} may not see this flag")
    dispositions.assign(flag, to=user, **by)
