"""Of many who write over the same state at once one succeeds."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections
from rest_framework.test import APIClient

from contracts.models import Contract
from tests.alerts.conftest import World, live_world

__all__ = ["live_world"]


def test_of_fifty_on_one_etag_one_succeeds(live_world: World) -> None:
    live_world.contract("C-1", title="Before")
    user = live_world.user("erp@example.com", roles=["administrator"])
    together = Barrier(10)

    def client() -> APIClient:
        found = APIClient()
        found.force_authenticate(user)
        return found

    tag = client().get("/api/v1/contracts/C-1")["ETag"]

    def send(number: int) -> int:
        own = client()
        together.wait(timeout=30)
        try:
            body = {"title": f"Written by {number}"}
            return own.patch("/api/v1/contracts/C-1", body, format="json", headers={"if-match": tag}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send, range(50)))
    winner = answers.index(200)
    assert sorted(answers) == [200, *[412] * 49]
    assert Contract.objects.get().title == f"Written by {winner}"
