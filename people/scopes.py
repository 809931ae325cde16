"""What a credential may be used for: one table for addresses, OpenAPI document and docs/erp.md.

A scope is a resource and a verb. It allows nothing by itself: what the account's roles do not allow stays forbidden.
"""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from people.models import Token

SCOPES = {
    "contracts:read": "contracts with their history and reminders",
    "contracts:write": "write contracts one by one or in bulk, close and delete them, set their reminders",
    "organizations:read": "organizations and suppliers",
    "organizations:write": "write organizations one by one or in bulk, delete them",
    "departments:read": "departments",
    "departments:write": "write and delete departments",
    "users:read": "users with their roles and absences",
    "users:write": "write and delete users",
    "policy-changes:read": "policy changes with their drafts, revisions and previews",
    "policy-changes:write": "write drafts and revisions, delete them",
    "policy-changes:publish": "publish and withdraw policy changes",
    "party-lists:read": "party lists",
    "party-lists:write": "write and delete party lists",
    "licences:read": "licences",
    "licences:write": "write and delete licences",
    "flags:read": "flags with their reasons, alternatives and data gaps",
    "flags:write": "acknowledge, assign, comment, dismiss, mitigate and reopen flags",
    "checks:read": "checks with their receipts, releases and turns; verify receipts",
    "checks:write": "ask checks, acknowledge their turns",
    "checks:release": "release checks, take releases back",
    "changes:read": "the feed of contracts, flags and checks as they change",
    "jobs:read": "bulk jobs, their results and what is absent from snapshots",
    "messages:read": "messages with their attempts",
    "messages:write": "send messages again",
    "runs:read": "screening runs, contracts that are set aside",
    "webhooks:read": "webhook endpoints and deliveries",
    "webhooks:write": "keep webhook endpoints, send and replay deliveries",
    "calendar:read": "whether there is a calendar of the account's own",
    "calendar:write": "make and revoke that calendar's address",
    "digests:read": "how the account is told of what can wait",
    "digests:write": "choose how it is told",
    "service-accounts:read": "service accounts and their credentials, without secrets",
    "service-accounts:write": "keep service accounts; issue, rotate and revoke credentials of no more scopes",
}
ANY = "any"
"""The `scope` of a view that any token may call."""


class InsufficientScope(PermissionDenied):
    """403: the token is good, and its credential does not have the scope. The challenge is that of RFC 6750, 3.1."""

    default_code = "insufficient_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This credential does not have the scope {scope}.")
        self.members = {"scope": scope}
        self.auth_header = f'Bearer error="insufficient_scope", scope="{scope}"'


class ScopePermission(BasePermission):
    """Tokens of credentials need the scope of what they call; a person's token and session do what the roles allow."""

    def has_permission(self, request: Request, view: Any) -> bool:
        granted = request.auth.granted() if isinstance(request.auth, Token) else None
        if granted is None:
            return True
        method = request.method if request.method in view.allowed_methods else "GET"  # the latter is a 405
        scope = needed(view, method)
        if scope is not None and scope not in granted:
            raise InsufficientScope(scope)
        return True


def needed(view: Any, method: str | None) -> str | None:
    """The scope that a request needs; None where any token will do.

    A view names its resource in `scope`, and in `verbs` those actions that neither read nor write by their method.
    """
    if view.scope == ANY:
        return None
    verb = view.verbs.get(getattr(view, "action", None)) or ("read" if method in SAFE_METHODS else "write")
    return f"{view.scope}:{verb}"
