"""`python -m tests.rest.large`: bodies just below the limit at every address of a running server that takes one.

Prints a table of address, body, status, seconds of processors (server and database) and seconds of waiting. Ends with 1
where one is answered with 5xx or not at all, or where a bad one takes two seconds of processors or more.
"""

import argparse
import http.client
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import django
import requests

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from config.embedded.places import CHECKOUT  # noqa: E402
from tests.conformance.__main__ import SCENARIO, _wait  # noqa: E402
from tests.faults import processes  # noqa: E402
from tests.faults.stack import Stack  # noqa: E402
from tests.matrix.test_role_matrix import addresses  # noqa: E402
from tests.rest.large_bodies import GOOD, bodies, own_bodies  # noqa: E402

SECONDS = 2
TICK = os.sysconf("SC_CLK_TCK")
WHO = "administrator@conformance.example"


@dataclass(frozen=True)
class Asked:
    """An address, a body, and what became of it."""

    where: str
    body: str
    good: bool
    status: int
    busy: float
    waited: float
    told: bytes

    @property
    def wrong(self) -> bool:
        return not 200 <= self.status < 500 or (self.busy >= SECONDS and not self.good)

    def __str__(self) -> str:
        mark = "WRONG " if self.wrong else "slow  " if self.busy >= SECONDS else "      "
        took = f"{self.busy:6.2f} s {self.waited:6.2f} s"
        return f"{mark}{self.status} {took}  {len(self.told):>9,}  {self.where}  {self.body}"


class Server:
    """A web server and its database, with January loaded and an administrator."""

    def __init__(self, directory: Path) -> None:
        self.stack = Stack(directory)
        quotas = ("LOGIN_ATTEMPTS", "REQUESTS_PER_MINUTE", "REQUESTS_PER_MINUTE_PER_ADDRESS")
        self.stack.environment |= dict.fromkeys(quotas, "0")

    def start(self) -> None:
        self.stack.prepare()
        password = secrets.token_urlsafe()
        commands = (
            ["manage.py", "load", SCENARIO],
            ["manage.py", "sweep"],
            ["-m", "tests.conformance.principals", password],
        )
        for command in commands:
            subprocess.run([sys.executable, *command], cwd=CHECKOUT, env=self.stack.environment, check=True)
        self.stack.start("web")
        self.url = f"http://127.0.0.1:{self.stack.ports['web']}"
        _wait(self.url)
        told = requests.post(f"{self.url}/api/v1/auth/token", json={"email": WHO, "password": password}, timeout=30)
        self.token = told.json()["token"]

    def make(self) -> dict[str, str]:
        """The values of the addresses' parameters, of what there is or is made."""
        for section, good in GOOD.items():
            self.ask_json("PUT", f"{section.replace('_', '-')}/{good.get('reference') or good['email']}", good)
        contract = GOOD["contracts"]
        self.ask_json("PUT", "service-accounts/large-machine@example.com", {"roles": ["buyer"]})
        credential = self.ask_json(
            "POST",
            "service-accounts/large-machine@example.com/credentials",
            {"name": "x", "scopes": ["contracts:read"]},
        )
        check = self.ask_json("POST", "checks", {"documents": [{**contract, "purpose": "new_contract"}]})
        flag = self.ask_json("GET", "flags?limit=1")["results"][0]
        self.flag = str(flag["id"])
        return {"uuid": check["results"][0]["id"], "credential": str(credential["id"])}

    def ask_json(self, method: str, address: str, body: object = None) -> dict:
        headers = {"Authorization": f"Token {self.token}"}
        answer = requests.request(method, f"{self.url}/api/v1/{address}", json=body, headers=headers, timeout=60)
        if not answer.ok:
            raise SystemExit(f"{method} {address}: {answer.text}")
        return answer.json()

    def ask(self, method: str, address: str, content: bytes, content_type: str) -> tuple[int, bytes, float, float]:
        """Status (0: no answer), answer, seconds of processors, seconds."""
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.ports["web"], timeout=300)
        headers = {"Authorization": f"Token {self.token}", "Content-Type": content_type}
        if method == "PATCH":
            headers["If-Match"] = "*"
        before, began = self.busy(), time.perf_counter()
        try:
            connection.request(method, address, content, headers)
            answer = connection.getresponse()
            status, told = answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            status, told = 0, repr(error).encode()
        finally:
            connection.close()
        return status, told, self.busy() - before, time.perf_counter() - began

    def busy(self) -> float:
        """Seconds that the web server and the database have computed; of those that have ended, too."""
        postgres = self.stack.postgres._process
        assert postgres is not None
        family = [one for pid in (self.stack.running["web"].running.pid, postgres.pid) for one in processes.family(pid)]
        return sum(sum(map(int, processes.stat(pid)[11:15])) for pid in family) / TICK


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tests.rest.large", description=__doc__)
    parser.add_argument("--own", action="store_true", help="without those that are bad everywhere")
    parser.add_argument("--only", default="", help="addresses or bodies that hold this regular expression")
    asked = parser.parse_args(arguments)
    directory = CHECKOUT / ".tocsin" / "large" / str(os.getpid())
    directory.mkdir(parents=True, mode=0o700)
    server = Server(directory)
    try:
        server.start()
        found = []
        for one in measured(server, asked.only, own=asked.own):
            print(one, flush=True)
            found.append(one)
            if one.wrong and one.told:
                print("     ", one.told[:300])
    finally:
        server.stack.stop()
    wrong = [one for one in found if one.wrong]
    print(
        f"{len(found)} bodies, {len(wrong)} wrong, {sum(one.busy >= SECONDS for one in found)} of {SECONDS} s or more"
    )
    if not wrong:
        shutil.rmtree(directory)
    return bool(wrong)


def measured(server: Server, only: str, *, own: bool) -> Iterator[Asked]:
    keys = server.make()
    for address in addresses():
        if not address.template.startswith("/api/v1/") or address.name == "nothing":
            continue
        for method in sorted(address.methods & {"POST", "PUT", "PATCH"}):
            where = at(address, keys, server.flag)
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            for body in own_bodies(address.name) if own else bodies(address.name):
                label = f"{method} {where}"
                if not re.search(only, f"{label} {body.name}"):
                    continue
                content_type = kind if body.content_type == "application/json" else body.content_type
                status, told, busy, waited = server.ask(method, where, body.content, content_type)
                yield Asked(label, body.name, body.good, status, busy, waited, told)


def at(address: object, keys: dict[str, str], flag: str) -> str:
    name = address.name
    values = {
        "reference": "large@example.com" if name.startswith("users") else "LARGE",
        "pk": flag,
        "uuid": keys["uuid"],
    }
    if name.startswith(("service", "credentials")):
        values |= {"reference": "large-machine@example.com", "pk": keys["credential"]}
    return address.at(values)


if __name__ == "__main__":
    sys.exit(main())
