"""Service accounts over REST: machines as users without a password, and the credentials they authenticate with."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Prefetch, QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from people import clock, credentials
from people.conflict import Conflict
from people.credentials import NotPossible
from people.describing import FIELDS_PARAMETER
from people.fields import Email
from people.models import Credential, Department, Role, ServiceAccount, Token, User
from people.principal import principal
from people.provenance import record
from people.resources import FIELDS, KEYS, Resource, refusal
from people.serializers import (
    CredentialRotation,
    CredentialSerializer,
    CredentialWritten,
    NewCredentialSerializer,
    Nothing,
    ServiceAccountSerializer,
    ServiceAccountWritten,
)

OVERLAP_HOURS = 24
NO_STORE = {"Cache-Control": "no-store"}


def keep(email: str, values: dict[str, Any], *, by: User) -> tuple[ServiceAccount, bool]:
    """Store what is said of a service account, and whether it is new. ValueError where a person has the address."""
    values = dict(values)
    departments = values.pop("departments", None)
    with transaction.atomic():
        user = User.objects.select_for_update().filter(email=email).first()
        if user is not None and not user.is_service:
            raise ValueError(email)
        created = user is None
        account = user or User(email=email, is_service=True)
        if created:
            account.set_unusable_password()
        for name, value in values.items():
            setattr(account, name, value)
        stated = [*values, *(["departments"] if departments is not None else [])]
        account.provenance = record(account.provenance, stated, source=by.email, at=clock.now())
        account.save()
        if departments is not None:
            account.departments.set(departments)
    return ServiceAccount.objects.get(pk=account.pk), created


class ServiceAccountViewSet(ListModelMixin, Resource):
    """Kept by administrators. A machine may do what its roles allow and the scopes of its credential name, both."""

    scope = "service-accounts"
    failures: ClassVar[Mapping[str, Sequence[str]]] = {"update": ("409",)}
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {"retrieve": (FIELDS,)}
    readers = (Role.ADMINISTRATOR,)
    queryset = ServiceAccount.objects.prefetch_related("departments")
    serializer_class = ServiceAccountSerializer
    lookup_field = "email"
    lookup_url_kwarg = "reference"
    page_key = "email"

    @extend_schema(responses=ServiceAccountSerializer, parameters=[FIELDS_PARAMETER])
    def retrieve(self, request: Request, reference: str) -> Response:
        return Response(self.asked(ServiceAccountSerializer(self.get_object())).data)

    @extend_schema(
        request=ServiceAccountWritten, responses={200: ServiceAccountSerializer, 201: ServiceAccountSerializer}
    )
    def update(self, request: Request, reference: str) -> Response:
        """201 where the account is new, 200 otherwise; a missing key leaves its value. `active: false` shuts it out."""
        email = Email(required=True).run_validation(reference)
        said = ServiceAccountWritten().run_validation(request.data)
        if said.pop("email", email) not in (email, None):
            raise refusal([(("email",), "other_reference", f"the address is that of {email}")])
        values = {name: value for name, value in said.items() if value is not None or name == "name"}
        if "departments" in values:
            values["departments"] = _departments(values["departments"])
        try:
            account, created = keep(email, values, by=principal(request))
        except ValueError:
            raise refusal([(("email",), "taken", "this address is that of a person")]) from None
        except IntegrityError:
            raise Conflict("Somebody else wrote the same account at the same moment; send it again.") from None
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(ServiceAccountSerializer(account).data, code)


def _departments(references: Collection[str]) -> list[Department]:
    found = list(Department.objects.filter(reference__in=references))
    unknown = set(references) - {department.reference for department in found}
    raise_for = [
        (("departments", place), "unknown_reference", f"there is no {reference} among the departments")
        for place, reference in enumerate(references)
        if reference in unknown
    ]
    if raise_for:
        raise refusal(raise_for)
    return found


class CredentialViewSet(ListModelMixin, Resource):
    """The credentials of a service account; secrets are shown when they are made, and never again."""

    scope = "service-accounts"
    secret_actions = ("issue", "rotate")
    failures: ClassVar[Mapping[str, Sequence[str]]] = {"rotate": ("409",)}
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {"retrieve": (FIELDS,)}
    readers = (Role.ADMINISTRATOR,)
    queryset = Credential.objects.prefetch_related(
        Prefetch("tokens", Token.objects.filter(kind=Token.Kind.SECRET), to_attr="secrets")
    )
    serializer_class = CredentialSerializer
    lookup_field = "pk"
    page_key = "pk"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not re.fullmatch(KEYS["email"], str(self.kwargs["reference"]), re.ASCII):
            raise Http404

    def get_queryset(self) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset()
        return found.filter(account__email=self.kwargs["reference"], account__is_service=True)

    @extend_schema(responses=CredentialSerializer(many=True))
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """404 where there is no such service account."""
        self._account()
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=CredentialSerializer, parameters=[FIELDS_PARAMETER])
    def retrieve(self, request: Request, reference: str, pk: str) -> Response:
        return Response(self.asked(CredentialSerializer(self.get_object())).data)

    @extend_schema(request=CredentialWritten, responses={201: NewCredentialSerializer})
    def issue(self, request: Request, reference: str) -> Response:
        """The answer holds the `secret`, this once. Without `days` it is good for as long as one may be.

        A credential issues only such scopes as it has itself.
        """
        account = self._account()
        said = CredentialWritten().run_validation(request.data)
        self._check_own(said["scopes"])
        issued = credentials.issue(
            account,
            name=said["name"],
            scopes=set(said["scopes"]),
            days=said.get("days") or settings.CREDENTIAL_DAYS,
            by=principal(request),
            at=timezone.now(),
        )
        return self._told(issued.credential, issued.secret, status.HTTP_201_CREATED)

    @extend_schema(request=CredentialRotation, responses=NewCredentialSerializer)
    def rotate(self, request: Request, reference: str, pk: str) -> Response:
        """A new `secret`, shown this once; the one before is good for `overlap_hours` (24) more, 0 voids it at once."""
        credential = self.get_object()
        said = CredentialRotation().run_validation(request.data)
        self._check_own(credential.scopes)
        hours = said.get("overlap_hours")
        try:
            secret = credentials.rotate(
                credential,
                days=said.get("days") or settings.CREDENTIAL_DAYS,
                overlap_hours=OVERLAP_HOURS if hours is None else hours,
                by=principal(request),
                at=timezone.now(),
            )
        except NotPossible as error:
            raise Conflict(str(error)) from None
        return self._told(credential, secret)

    @extend_schema(request=Nothing, responses=CredentialSerializer)
    def revoke(self, request: Request, reference: str, pk: str) -> Response:
        """Void at once and for good, with every access token it was exchanged for."""
        credential = self.get_object()
        Nothing().run_validation(request.data)
        credentials.revoke(credential, by=principal(request), at=timezone.now())
        return self.retrieve(request, reference, pk)

    def _told(self, credential: Credential, secret: str, code: int = status.HTTP_200_OK) -> Response:
        shown = self.get_queryset().get(pk=credential.pk)
        shown.secret = secret
        return Response(NewCredentialSerializer(shown).data, code, headers=NO_STORE)

    def _account(self) -> ServiceAccount:
        account: ServiceAccount | None = ServiceAccount.objects.filter(email=self.kwargs["reference"]).first()
        if account is None:
            raise Http404
        return account

    def _check_own(self, scopes: Collection[str]) -> None:
        token = self.request.auth
        granted = token.granted() if isinstance(token, Token) else None
        if granted is not None and (others := [scope for scope in scopes if scope not in granted]):
            raise refusal([(("scopes",), "not_yours", f"this credential does not have {others[0]} itself")])
