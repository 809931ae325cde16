"""Who works with Tocsin: departments, users and their absences; and the change log that everything else writes to."""

from typing import Any, ClassVar, Self
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, F, Func, Q
from django.db.models.functions import Lower
from knox.models import AbstractAuthToken

from people import changelog, constraints, lookups  # noqa: F401  the lookups register themselves
from people.provenance import Provenance


def provenance_field() -> "models.JSONField[Provenance, Provenance]":
    """Who stands behind each fact; see people/provenance.py."""
    return models.JSONField(default=dict, blank=True, editable=False)


def reference_field() -> "models.CharField[str, str]":
    return models.CharField(max_length=64, unique=True)


def country_field() -> "models.CharField[str | None, str | None]":
    """ISO 3166-1 alpha-2, or not established."""
    return models.CharField(max_length=2, null=True, blank=True)


class Department(models.Model):
    """A department owns contracts; its users see them and no others."""

    reference = reference_field()
    name = models.CharField(max_length=500, null=True, blank=True)
    mailbox = models.EmailField(null=True, blank=True)
    head = models.EmailField(null=True, blank=True, help_text="the address of a user")
    country = country_field()
    provenance = provenance_field()

    class Meta:
        ordering = ["reference"]
        constraints = [
            constraints.well_formed("reference", constraints.REFERENCE, "department_reference_format"),
            constraints.countries("country", name="department_country_format"),
        ]

    def __str__(self) -> str:
        return self.name or self.reference


class Role(models.TextChoices):
    VIEWER = "viewer"
    BUYER = "buyer"
    POLICY_EDITOR = "policy_editor"
    POLICY_PUBLISHER = "policy_publisher"
    ADMINISTRATOR = "administrator"


class Language(models.TextChoices):
    EN = "en", "English"
    JA = "ja", "日本語"
    ZH_HANS = "zh-hans", "简体中文"


class UserManager(BaseUserManager["User"]):
    """Addresses are kept in lower case, so that a log-in and an owner's address find their user however written."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user with a password, or with none that works."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{"is_superuser": True, "roles": [Role.ADMINISTRATOR], **fields})


class User(AbstractBaseUser, PermissionsMixin):
    """A person or a machine client, known by e-mail address."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=500, null=True, blank=True)
    departments = models.ManyToManyField(Department, related_name="users", blank=True)
    roles = ArrayField(models.CharField(max_length=32, choices=Role), default=list, blank=True)
    language = models.CharField(max_length=8, choices=Language, null=True, blank=True)
    country = country_field()
    timezone = models.CharField(max_length=64, null=True, blank=True)
    deputy = models.EmailField(null=True, blank=True, help_text="who acts while the user is away")
    is_active = models.BooleanField(default=True)
    is_service = models.BooleanField(default=False, db_default=False, editable=False)
    provenance = provenance_field()

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [
            CheckConstraint(name="user_email_lower_case", condition=Q(email=Lower("email"))),
            CheckConstraint(name="user_roles_known", condition=Q(roles__contained_by=Role.values)),
            constraints.one_of("language", Language.values, "user_language_known"),
            constraints.countries("country", name="user_country_format"),
            CheckConstraint(
                name="service_account_without_password",
                condition=Q(is_service=False) | Q(password__startswith="!"),  # noqa: S106
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        """Whoever has a role may open the admin; what they see there is decided elsewhere."""
        return self.is_superuser or bool(self.roles)

    def has_role(self, *roles: Role) -> bool:
        """Whether the user has one of the roles; a superuser has all."""
        return self.is_superuser or any(role in self.roles for role in roles)


class ServiceAccountManager(models.Manager["ServiceAccount"]):
    def get_queryset(self) -> "models.QuerySet[ServiceAccount]":
        return super().get_queryset().filter(is_service=True)


class ServiceAccount(User):
    """A user that is a machine: without a password, it authenticates with credentials."""

    objects: ClassVar[ServiceAccountManager] = ServiceAccountManager()  # type: ignore[assignment]

    class Meta:
        proxy = True
        ordering = ["email"]


class Credential(models.Model):
    """What a service account may be used for and until when, under a name; its secrets take turns."""

    account = models.ForeignKey(User, models.CASCADE, related_name="credentials")
    name = models.CharField(max_length=100)
    client_id = models.UUIDField(default=uuid4, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=40))
    created_at = models.DateTimeField()
    created_by = models.EmailField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.EmailField(null=True, blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Token(AbstractAuthToken):
    """What is sent with a request, stored as its SHA-512: of a person's log-in, or of a credential.

    A credential's secret is a token itself, and is exchanged for access tokens that live for minutes. Only these have
    scopes of their own, a part of the credential's. All times are real ones, whatever people/clock.py shows.
    """

    class Kind(models.TextChoices):
        LOGIN = "login"
        SECRET = "secret"  # noqa: S105
        ACCESS = "access"

    kind = models.CharField(max_length=8, choices=Kind, default=Kind.LOGIN)
    credential = models.ForeignKey(Credential, models.CASCADE, null=True, blank=True, related_name="tokens")
    scopes = ArrayField(models.CharField(max_length=40), null=True, blank=True)
    last_four = models.CharField(max_length=4, default="")
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created"]
        constraints = [
            constraints.one_of("kind", ["login", "secret", "access"], "token_kind_known"),
            CheckConstraint(
                name="login_token_without_credential",
                condition=Q(kind="login", credential=None) | (~Q(kind="login") & Q(credential__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"...{self.last_four}"

    def granted(self) -> frozenset[str] | None:
        """The scopes it stands for; None of a person's log-in, which does what the roles allow."""
        if self.credential is None:
            return None
        whole = frozenset(self.credential.scopes)
        return whole if self.scopes is None else whole & frozenset(self.scopes)


class Absence(models.Model):
    """Days on which a user is away, both inclusive; null is open. The deputy is told instead."""

    user = models.ForeignKey(User, models.CASCADE, related_name="absences")
    from_on = models.DateField(null=True, blank=True)
    until_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [constraints.in_order("from_on", "until_on", "absence_days_in_order")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.from_on or '...'} - {self.until_on or '...'}"


class CurrentTransaction(Func):
    """The id of the running transaction, comparable with the bounds of a snapshot."""

    template = "pg_current_xact_id()::text::bigint"
    output_field = models.BigIntegerField()


class WallClock(Func):
    """The time of the row, not of its transaction's start."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


class ChangeEntryQuerySet(models.QuerySet["ChangeEntry"]):
    def settled(self) -> Self:
        """Entries of transactions older than every one still running: no earlier entry can appear among them."""
        return self.filter(
            xid__lt=Func(
                template="pg_snapshot_xmin(pg_current_snapshot())::text::bigint", output_field=models.BigIntegerField()
            )
        )


class ChangeEntry(models.Model):
    """A version of an object, written by trigger in the transaction that made it, never changed or removed."""

    class Kind(models.TextChoices):
        ORGANIZATION = "organization"
        CONTRACT = "contract"
        POLICY_CHANGE = "policy_change"
        PARTY_LIST = "party_list"
        LICENCE = "licence"

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Kind)
    object_id = models.BigIntegerField()
    reference = models.CharField(max_length=64)
    version = models.BigIntegerField()
    xid = models.BigIntegerField(db_default=CurrentTransaction())
    at = models.DateTimeField(db_default=WallClock())

    objects = ChangeEntryQuerySet.as_manager()

    class Meta:
        ordering = ["xid", "id"]
        verbose_name_plural = "change entries"
        indexes = [
            models.Index(F("xid"), F("id"), name="changeentry_xid_id"),
            models.Index("kind", "object_id", "version", name="changeentry_object"),
        ]
        triggers = changelog.append_only_triggers()

    def __str__(self) -> str:
        return f"{self.kind} {self.reference} v{self.version}"


class KeptAnswer(models.Model):
    """The answer to a POST under its Idempotency-Key, see people/idempotency.py; none yet while `status` is null.

    All moments are on the database's clock. `body` is packed; null where the answer was too long to be kept.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, address, content type and body")
    token = models.UUIDField(help_text="of the request that answers")
    lease_until = models.DateTimeField(help_text="until when that request is taken to be at work")
    expires_at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="one_answer_per_user_and_key", fields=["user", "key"])]
        indexes = [models.Index("expires_at", name="keptanswer_expires_at")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.key}"
