"""Departments, users and log-in over REST."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib.auth import authenticate
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from people import credentials
from people.filters import UserFilter
from people.models import Department, Role, Token, User
from people.resources import Bounded, Resource, StrictJSONParser
from people.scopes import ANY
from people.serializers import DepartmentSerializer, UserSerializer


class DepartmentViewSet(ListModelMixin, Resource):
    scope = "departments"
    queryset = Department.objects.all()
    serializer_class = DepartmentSerializer


class UserViewSet(ListModelMixin, Resource):
    """Who may log in, and who is away; kept by administrators. A new user has no password yet."""

    scope = "users"
    readers = (Role.ADMINISTRATOR,)
    queryset = User.objects.prefetch_related("departments", "absences")
    serializer_class = UserSerializer
    filterset_class = UserFilter
    lookup_field = "email"
    lookup_url_kwarg = "reference"
    page_key = "email"


class LoginSerializer(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False, write_only=True)


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(help_text="send it as `Authorization: Token ...`; it is shown this once")
    expiry = serializers.DateTimeField()


class TokenView(Bounded):
    """Exchanges an address and a password for a token that expires."""

    scope = ANY
    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (StrictJSONParser,)
    secret_actions = ("post",)
    failures: ClassVar[Mapping[str, Sequence[str]]] = {"post": ("401",)}

    @extend_schema(request=LoginSerializer, responses=TokenSerializer, auth=[])
    def post(self, request: Request) -> Response:
        given = LoginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        email = given.validated_data["email"].strip().lower()
        user = authenticate(request._request, username=email, password=given.validated_data["password"])
        if not isinstance(user, User):
            raise AuthenticationFailed("The address or the password is not right.")
        kept, token = credentials.log_in(user, at=timezone.now())
        return Response({"token": token, "expiry": kept.expiry}, headers={"Cache-Control": "no-store"})

    def get_authenticate_header(self, request: Request) -> str:
        """A wrong password is a 401, and asks for nothing else."""
        return "Token, Bearer"


class CurrentTokenView(Bounded):
    """Gives the token that the request was made with back: it is good for nothing from now on."""

    scope = ANY

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        if isinstance(request.auth, Token):
            credentials.give_back(request.auth, at=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
