"""Pages of service accounts and their credentials: a secret is shown when it is made, and never again."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db import models
from django.db.models import Max, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminIntegerFieldWidget

from people import credentials
from people.admin.pages import FactsAdmin, StepAdmin, StepForm
from people.credentials import LONGEST_OVERLAP_HOURS, NotPossible
from people.models import Credential, Role, ServiceAccount, Token, User
from people.principal import principal
from people.scopes import SCOPES
from people.service_accounts import OVERLAP_HOURS


class ServiceAccountForm(forms.ModelForm):  # type: ignore[type-arg]
    roles = forms.MultipleChoiceField(
        choices=Role.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        label=gettext_lazy("roles"),
    )

    class Meta:
        model = ServiceAccount
        fields = ("email", "name", "roles", "departments", "is_active")

    def clean_email(self) -> str:
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email=email).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("There is a user with this address."))
        return email

    def clean_name(self) -> str | None:
        return self.cleaned_data["name"] or None


@admin.register(ServiceAccount)
class ServiceAccountAdmin(FactsAdmin):
    readers = (Role.ADMINISTRATOR,)
    form = ServiceAccountForm
    list_display = ("email", "name", "shown_roles", "shown_departments", "is_active")
    list_display_links = ("email",)
    list_filter = ("is_active", "departments")
    search_fields = ("email", "name")
    autocomplete_fields = ("departments",)
    fields = (("email", "name"), "roles", "departments", "is_active")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("departments")

    def save_model(self, request: HttpRequest, obj: ServiceAccount, form: Any, change: bool) -> None:
        if not change:
            obj.is_service = True
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    @display(description=gettext_lazy("roles"))
    def shown_roles(self, account: ServiceAccount) -> str:
        return ", ".join(str(Role(role).label) for role in account.roles)

    @display(description=gettext_lazy("departments"))
    def shown_departments(self, account: ServiceAccount) -> str:
        return ", ".join(department.reference for department in account.departments.all())


def days_field() -> forms.IntegerField:
    most = settings.CREDENTIAL_DAYS
    return forms.IntegerField(
        label=gettext_lazy("Days for which the secret is good"),
        min_value=1,
        max_value=most,
        initial=most,
        widget=UnfoldAdminIntegerFieldWidget,
    )


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(
        choices=[(scope, f"{scope} – {meaning}") for scope, meaning in SCOPES.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        label=gettext_lazy("scopes"),
    )
    days = days_field()

    class Meta:
        model = Credential
        fields = ("account", "name", "scopes")


class RotateForm(StepForm):
    days = days_field()
    overlap_hours = forms.IntegerField(
        label=gettext_lazy("Hours for which the old secret is good"),
        min_value=0,
        max_value=LONGEST_OVERLAP_HOURS,
        initial=OVERLAP_HOURS,
        widget=UnfoldAdminIntegerFieldWidget,
    )


@admin.register(Credential)
class CredentialAdmin(StepAdmin):
    step_template = "people/credential_step.html"
    readers = (Role.ADMINISTRATOR,)
    form = CredentialForm
    list_display = ("name", "account", "shown_state", "shown_secrets", "expires_at", "last_used_at", "created_at")
    list_display_links = ("name",)
    list_select_related = ("account",)
    search_fields = ("name", "account__email")
    ordering = ("-id",)
    sortable_by = ()
    fieldsets = (
        (None, {"fields": (("account", "name"), "client_id", "scopes")}),
        (
            gettext_lazy("How it stands"),
            {
                "fields": (
                    ("state", "shown_secrets"),
                    ("expires_at", "last_used_at"),
                    ("created_at", "created_by"),
                    ("revoked_at", "revoked_by"),
                )
            },
        ),
    )
    actions_detail = ("rotate", "revoke")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        secret = Q(tokens__kind=Token.Kind.SECRET)
        found = super().get_queryset(request).select_related("account").prefetch_related("tokens")
        return found.annotate(until=Max("tokens__expiry", filter=secret), used=Max("tokens__last_used_at"))

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """What it allows was agreed on with its secret: for anything else there is another credential."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """It is revoked, and stays in the list."""
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fieldsets if obj is not None else ((None, {"fields": ("account", "name", "scopes", "days")}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else tuple(name for _title, part in self.fieldsets for name in _flat(part["fields"]))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "account":
            options["queryset"] = ServiceAccount.objects.all()
        return super().formfield_for_foreignkey(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: Credential, form: Any, change: bool) -> None:
        issued = credentials.issue(
            ServiceAccount.objects.get(pk=obj.account_id),
            name=obj.name,
            scopes=form.cleaned_data["scopes"],
            days=form.cleaned_data["days"],
            by=principal(request),
            at=timezone.now(),
        )
        obj.pk, obj.client_id = issued.credential.pk, issued.credential.client_id
        form.secret = issued.secret

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        request.secret = form.secret  # type: ignore[attr-defined]  # for the answer to this very request

    def response_add(self, request: HttpRequest, obj: Credential, post_url_continue: str | None = None) -> Any:
        """The one page that shows the secret, in place of a way back to the list."""
        return self.secret_page(request, obj, request.secret)  # type: ignore[attr-defined]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        if not Credential.objects.filter(pk=object_id, revoked_at__isnull=True).exists():
            return []
        return super().get_actions_detail(request, object_id)

    def has_step_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)

    @action(description=gettext_lazy("Rotate secret"), permissions=["step"], icon="key")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        credential = self.get_object(request, object_id)
        if not isinstance(credential, Credential):
            return HttpResponseRedirect(reverse("admin:people_credential_changelist"))
        form = RotateForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self.step_page(request, credential, _("Rotate secret"), form=form)
        try:
            secret = credentials.rotate(credential, **form.cleaned_data, by=principal(request), at=timezone.now())
        except NotPossible as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(self.page_of(credential))
        return self.secret_page(request, credential, secret)

    @action(description=gettext_lazy("Revoke"), permissions=["step"], icon="block")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        credential = self.get_object(request, object_id)
        if not isinstance(credential, Credential):
            return HttpResponseRedirect(reverse("admin:people_credential_changelist"))
        if request.method != "POST":
            return self.step_page(request, credential, _("Revoke"), form=StepForm())
        credentials.revoke(credential, by=principal(request), at=timezone.now())
        messages.success(request, _("Nothing can be done with it any more."))
        return HttpResponseRedirect(self.page_of(credential))

    @display(description=gettext_lazy("state"), label={"good": "success", "expired": "warning", "revoked": "danger"})
    def shown_state(self, credential: Any) -> tuple[str, Any]:
        if credential.revoked_at is not None:
            return "revoked", _("revoked")
        if credential.until is None or credential.until <= timezone.now():
            return "expired", _("expired")
        return "good", _("good")

    @display(description=gettext_lazy("state"))
    def state(self, credential: Credential) -> str:
        return str(self.shown_state(credential)[1])

    @display(description=gettext_lazy("secrets"))
    def shown_secrets(self, credential: Credential) -> str:
        """By their last four characters, the newest last."""
        return ", ".join(str(token) for token in credential.tokens.all() if token.kind == Token.Kind.SECRET)

    @display(description=gettext_lazy("expires"))
    def expires_at(self, credential: Any) -> Any:
        return credential.until

    @display(description=gettext_lazy("last used"))
    def last_used_at(self, credential: Any) -> Any:
        return credential.used


def _flat(fields: Any) -> list[str]:
    return [name for part in fields for name in ([part] if isinstance(part, str) else part)]
