"""The REST resources under /api/v1/."""

from typing import Any

from django.urls import URLPattern, URLResolver, path, re_path

from alerts.views import (
    acting,
    bulk,
    calendar,
    changes,
    contracts,
    digests,
    documentation,
    insight,
    messages,
    publishing,
    reading,
    revising,
    storing,
    webhooks,
)
from alerts.views.checks import CheckChangesViewSet, ChecksViewSet, KeysView, ReleasesViewSet
from people.oauth import OAuthTokenView
from people.service_accounts import CredentialViewSet, ServiceAccountViewSet
from people.views import CurrentTokenView, TokenView


def _written(name: str, viewset: Any) -> list[URLPattern]:
    """A list, and objects under their references that are read and written whole."""
    return [
        path(name, viewset.as_view({"get": "list"}), name=f"{name}-list"),
        path(f"{name}/<str:reference>", viewset.as_view({"get": "retrieve", "put": "update"}), name=f"{name}-detail"),
    ]


def _stored(name: str, viewset: Any) -> list[URLPattern]:
    """The same, where parts of an object can be changed, and what nothing hangs on be deleted."""
    verbs = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
    return [
        path(name, viewset.as_view({"get": "list"}), name=f"{name}-list"),
        path(f"{name}/<str:reference>", viewset.as_view(verbs), name=f"{name}-detail"),
    ]


def _read(name: str, viewset: Any, key: str = "pk") -> list[URLPattern]:
    """A list, and rows under their numbers or references."""
    return [
        path(name, viewset.as_view({"get": "list"}), name=f"{name}-list"),
        path(f"{name}/<str:{key}>", viewset.as_view({"get": "retrieve"}), name=f"{name}-detail"),
    ]


def _step(name: str) -> URLPattern:
    view = publishing.PublishedPolicyChanges.as_view({"post": name})
    return path(f"policy-changes/<str:reference>/{name}", view, name=f"policy-changes-{name}")


def _act(name: str) -> URLPattern:
    view = acting.FlagActionsViewSet.as_view({"post": name})
    return path(f"flags/<str:pk>/{name}", view, name=f"flags-{name}")


def _hook(name: str) -> URLPattern:
    view = webhooks.WebhookViewSet.as_view({"post": name})
    return path(f"webhooks/<str:reference>/{name}", view, name=f"webhooks-{name}")


def _credential(name: str) -> URLPattern:
    view = CredentialViewSet.as_view({"post": name})
    return path(f"service-accounts/<str:reference>/credentials/<str:pk>/{name}", view, name=f"credentials-{name}")


urlpatterns: list[URLPattern | URLResolver] = [
    path("contracts/bulk", bulk.BulkContracts.as_view({"post": "bulk"}), name="contracts-bulk"),
    path("contracts/bulk/close", bulk.CloseContracts.as_view({"post": "close"}), name="contracts-bulk-close"),
    path("organizations/bulk", bulk.BulkOrganizations.as_view({"post": "bulk"}), name="organizations-bulk"),
    *_stored("departments", storing.StoredDepartments),
    *_stored("users", storing.StoredUsers),
    *_stored("organizations", storing.StoredOrganizations),
    *_read("suppliers", storing.StoredSuppliers, "reference"),
    *_stored("contracts", storing.StoredContracts),
    path(
        "contracts/<str:reference>/reminders",
        calendar.ContractRemindersViewSet.as_view({"get": "retrieve", "put": "update"}),
        name="contracts-reminders",
    ),
    *_read("jobs", bulk.JobViewSet),
    path("jobs/<str:pk>/results", bulk.JobViewSet.as_view({"get": "results"}), name="jobs-results"),
    path("jobs/<str:pk>/absent", bulk.JobViewSet.as_view({"get": "absent"}), name="jobs-absent"),
    path("changes", changes.ChangesViewSet.as_view({"get": "changes"}), name="changes"),
    path(
        "contracts/<str:reference>/history",
        contracts.ContractHistoryViewSet.as_view({"get": "history"}),
        name="contracts-history",
    ),
    path(
        "contracts/<str:reference>/flags",
        contracts.ContractFlagsViewSet.as_view({"get": "list"}),
        name="contracts-flags",
    ),
    *_stored("policy-changes", storing.StoredPolicyChanges),
    _step("preview"),
    _step("publish"),
    _step("withdraw"),
    path(
        "policy-changes/<str:reference>/revision",
        revising.RevisionViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="policy-changes-revision",
    ),
    *_stored("party-lists", storing.StoredPartyLists),
    *_stored("licences", storing.StoredLicences),
    *_read("flags", reading.FlagViewSet),
    *map(_act, ("acknowledge", "assign", "comment", "dismiss", "mitigate", "reopen")),
    path(
        "flags/<str:pk>/alternatives",
        insight.AlternativesViewSet.as_view({"get": "retrieve"}),
        name="flags-alternatives",
    ),
    path("gaps", insight.GapsViewSet.as_view({"get": "list"}), name="gaps"),
    *_read("messages", reading.MessageViewSet),
    path("messages/<str:pk>/again", messages.MessageActionsViewSet.as_view({"post": "again"}), name="messages-again"),
    *_read("runs", reading.RunViewSet),
    path("set-aside", reading.SetAsideViewSet.as_view({"get": "list"}), name="set-aside-list"),
    path("checks", ChecksViewSet.as_view({"get": "list", "post": "ask"}), name="checks-list"),
    path("checks/keys", KeysView.as_view(), name="checks-keys"),
    path("checks/verify", ChecksViewSet.as_view({"post": "verify"}), name="checks-verify"),
    path("checks/changes", CheckChangesViewSet.as_view({"get": "list"}), name="checks-changes"),
    path(
        "checks/changes/acknowledge",
        CheckChangesViewSet.as_view({"post": "acknowledge"}),
        name="checks-changes-acknowledge",
    ),
    path("checks/<str:uuid>", ChecksViewSet.as_view({"get": "retrieve"}), name="checks-detail"),
    path("checks/<str:uuid>/release", ReleasesViewSet.as_view({"post": "release"}), name="checks-release"),
    path("checks/<str:uuid>/take-back", ReleasesViewSet.as_view({"post": "take_back"}), name="checks-take-back"),
    *_written("webhooks", webhooks.WebhookViewSet),
    *map(_hook, ("rotate", "ping", "replay", "disable", "enable")),
    *_read("webhook-deliveries", webhooks.DeliveryViewSet),
    path(
        "webhook-deliveries/<str:pk>/again",
        webhooks.DeliveryViewSet.as_view({"post": "again"}),
        name="webhook-deliveries-again",
    ),
    path(
        "calendar",
        calendar.CalendarViewSet.as_view({"get": "retrieve", "post": "create", "delete": "destroy"}),
        name="calendar",
    ),
    path("digests", digests.DigestsViewSet.as_view({"get": "retrieve", "put": "update"}), name="digests"),
    *_written("service-accounts", ServiceAccountViewSet),
    path(
        "service-accounts/<str:reference>/credentials",
        CredentialViewSet.as_view({"get": "list", "post": "issue"}),
        name="credentials-list",
    ),
    path(
        "service-accounts/<str:reference>/credentials/<str:pk>",
        CredentialViewSet.as_view({"get": "retrieve"}),
        name="credentials-detail",
    ),
    *map(_credential, ("rotate", "revoke")),
    path("oauth/token", OAuthTokenView.as_view(), name="oauth-token"),
    path("auth/token", TokenView.as_view(), name="token"),
    path("auth/token/current", CurrentTokenView.as_view(), name="current-token"),
    path("schema", documentation.SchemaView.as_view(), name="schema"),
    path("docs", documentation.DocumentationView.as_view(url_name="schema"), name="docs"),
    re_path(r".*", reading.Nothing.as_view(), name="nothing"),
]
