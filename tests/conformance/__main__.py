"""`make schemathesis SEED= EXAMPLES=`: cases made of the OpenAPI document against a running server with January loaded,
as an administrator and as a buyer. Ends with 1 where the server and the document differ.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from config.embedded.places import CHECKOUT
from tests.faults.stack import Stack

WHO = ("administrator", "buyer")
SCENARIO = "scenarios/january-2026.json"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _options(arguments)
    directory = CHECKOUT / ".tocsin" / "conformance" / str(os.getpid())
    directory.mkdir(parents=True, mode=0o700)
    stack = Stack(directory)
    quotas = ("LOGIN_ATTEMPTS", "LOGIN_ATTEMPTS_PER_ADDRESS", "REQUESTS_PER_MINUTE", "REQUESTS_PER_MINUTE_PER_ADDRESS")
    stack.environment |= dict.fromkeys(quotas, "0")
    try:
        stack.prepare()
        password = secrets.token_urlsafe()
        for command in (["manage.py", "load", SCENARIO], ["-m", "tests.conformance.principals", password]):
            subprocess.run([sys.executable, *command], cwd=CHECKOUT, env=stack.environment, check=True)
        stack.start("web")
        url = f"http://127.0.0.1:{stack.ports['web']}"
        _wait(url)
        codes = [_run(who, url, password, asked, stack) for who in WHO]
    finally:
        stack.stop()
    if not any(codes):
        shutil.rmtree(directory)
    return max(codes)


def _run(who: str, url: str, password: str, asked: argparse.Namespace, stack: Stack) -> int:
    print(f"--- as {who}, seed {asked.seed}", flush=True)
    environment = {
        **stack.environment,
        "SCHEMATHESIS_HOOKS": "tests.conformance.hooks",
        "CONFORMANCE_URL": url,
        "CONFORMANCE_WHO": f"{who}@conformance.example",
        "CONFORMANCE_PASSWORD": password,
    }
    schema = stack.directory / "openapi.yaml"
    subprocess.run(
        [sys.executable, "manage.py", "spectacular", "--file", str(schema)],
        cwd=CHECKOUT, env=environment, check=True,
    )  # fmt: skip
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION), "run", str(schema),
        "--url", url,
        "--seed", str(asked.seed), "--max-examples", str(asked.examples), "--phases", asked.phases,
        "--generation-database", "none", "--no-color", "--continue-on-failure",
        "--request-timeout", "20", "--max-response-time", "2",
        *asked.more,
    ]  # fmt: skip
    return subprocess.run(command, cwd=stack.directory, env=environment).returncode


def _wait(url: str) -> None:
    ends = time.monotonic() + 60
    while True:
        try:
            if requests.get(f"{url}/health/live", timeout=2).ok:
                return
        except requests.ConnectionError:
            if time.monotonic() > ends:
                raise
        time.sleep(0.2)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.conformance", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=50, help="cases made at random per operation and person")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("more", nargs="*", help="options of schemathesis run, behind --")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
