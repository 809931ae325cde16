"""What schemathesis is told beyond the OpenAPI document: who asks."""

import os

import requests
import schemathesis
from schemathesis import AuthContext, Case

LOG_IN = os.environ["CONFORMANCE_URL"] + "/api/v1/auth/token"
WHO = {"email": os.environ["CONFORMANCE_WHO"], "password": os.environ["CONFORMANCE_PASSWORD"]}


@schemathesis.auth(refresh_interval=None)
class Token:
    """One token for all cases; giving back takes one of its own, or everybody would be logged out."""

    def __init__(self) -> None:
        self._shared: str | None = None

    def get(self, case: Case, context: AuthContext) -> str:
        if case.operation.path.endswith("/auth/token/current"):
            return _token()
        self._shared = self._shared or _token()
        return self._shared

    def set(self, case: Case, data: str, context: AuthContext) -> None:
        case.headers["Authorization"] = f"Token {data}"


def _token() -> str:
    answer = requests.post(LOG_IN, json=WHO, timeout=30)
    answer.raise_for_status()
    return str(answer.json()["token"])
