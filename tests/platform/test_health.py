"""What the health addresses and the error documents say."""

import json

import pytest
from django.db import connection
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from config import health
from config.problem import pointer


def test_live_asks_nobody(client):
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


@pytest.mark.django_db
def test_ready_where_database_and_broker_answer(client):
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["broker"]) == ("ready", "available")
    assert answer.json()["transactions_held_back"] >= 0


@pytest.mark.django_db
def test_a_lost_broker_is_told_but_takes_no_web_server_away(client, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["broker"]) == (200, "unavailable")


@pytest.mark.django_db
def test_not_ready_before_it_is_migrated(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")  # undone with the test
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"], answer.json()["missing"]) == (503, "not migrated", 1)


def test_not_ready_without_a_database(client, monkeypatch):
    class Lost:
        def cursor(self):
            raise health.Error("connection refused")

    monkeypatch.setattr(health, "connection", Lost())
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "database unavailable")


class Closed(APIView):
    """A resource as any other, with the settings' own authentication."""

    def get(self, request):
        raise AssertionError("nobody may come here")


def test_errors_are_problem_documents():
    answer = Closed.as_view()(APIRequestFactory().get("/api/v1/closed")).render()
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = json.loads(answer.content)
    assert (body["status"], body["title"], body["instance"]) == (401, "Unauthorized", "/api/v1/closed")
    assert body["type"] == "urn:tocsin:problem:client_error"
    assert body["errors"] == [{"code": "not_authenticated", "detail": body["detail"], "pointer": None}]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (None, None),
        ("non_field_errors", None),
        ("title", "#/title"),
        ("lines.0.hs_code", "#/lines/0/hs_code"),
        ("lines.0.non_field_errors", "#/lines/0"),
        ("tariff_codes.a/b~c", "#/tariff_codes/a~1b~0c"),  # RFC 6901, section 3
    ],
)
def test_errors_point_at_the_field(path, expected):
    assert pointer(path) == expected
