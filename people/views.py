"""Departments and log-in over REST."""

from typing import Any

from django.contrib.auth import authenticate
from drf_spectacular.utils import extend_schema
from knox.models import get_token_model
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from people.filters import UserFilter
from people.models import Department, Role, User
from people.resources import Bounded, Resource, StrictJSONParser
from people.serializers import DepartmentSerializer, UserSerializer


class DepartmentViewSet(ListModelMixin, Resource):
    queryset = Department.objects.all()
    serializer_class = DepartmentSerializer


class UserViewSet(ListModelMixin, Resource):
    """Who may log in, and who is away; kept by administrators. A new user has no password yet."""

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

    authentication_classes = ()
    permission_classes = (AllowAny,)
    parser_classes = (StrictJSONParser,)

    @extend_schema(request=LoginSerializer, responses={200: TokenSerializer}, auth=[])
    def post(self, request: Request) -> Response:
        given = LoginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        email = given.validated_data["email"].strip().lower()
        user = authenticate(request, username=email, password=given.validated_data["password"])
        if user is None:
            raise AuthenticationFailed("The address or the password is not right.")
        kept, token = get_token_model().objects.create(user=user)
        return Response({"token": token, "expiry": kept.expiry})

    def get_authenticate_header(self, request: Request) -> str:
        """A wrong password is a 401, and asks for nothing else."""
        return "Token"


class CurrentTokenView(APIView):
    """Gives the token that the request was made with back."""

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        if request.auth is not None:
            request.auth.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
