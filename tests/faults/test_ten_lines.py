"""The ten lines of docs/erp.md, executed as they are printed there, against a server with an empty database."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from alerts import feed
from people.models import User
from tests.faults.test_feed import oldest_of_this_database

pytestmark = pytest.mark.django_db(transaction=True)
GUIDE = Path(__file__).parents[2] / "docs" / "erp.md"
PASSWORD = "a password for ten lines"


def test_the_ten_lines_lead_to_the_first_check_and_the_first_change(live_server, monkeypatch):
    monkeypatch.setattr(feed, "oldest_running", oldest_of_this_database)
    User.objects.create_superuser("admin@tocsin.example", PASSWORD)
    (lines,) = re.findall(r"## In ten lines.*?```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(re.findall(r"^(?:send|TOKEN=|NEXT=)(?!\()", lines, re.MULTILINE)) == 10
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        env={**os.environ, "TOCSIN": f"{live_server.url}/api/v1", "PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    decoder, answers, text = json.JSONDecoder(), [], ran.stdout
    while text := text.strip():
        answer, end = decoder.raw_decode(text)
        answers.append(answer)
        text = text[end:]
    *_, contract, flags, checks, changes = answers
    assert (contract["end_use"], contract["lines"][0]["hs_code"]) == ("civil", "280530")
    assert flags["results"] == []
    assert checks["results"][0]["decision"] == "clear"
    changed = {one["type"]: one for one in changes["results"]}
    assert len(changes["results"]) == len(changed) == 2
    assert (changed["contract"]["key"], changed["contract"]["object"]["destination_country"]) == ("4600000001", "JP")
    assert (changed["check"]["key"], changed["check"]["object"]["stands"]) == (checks["results"][0]["id"], "clear")
