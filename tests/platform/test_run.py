"""`make run` as its user meets it: it shows the scenario, shares what it started, and stops whole."""

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.request

import pytest

from config.embedded.places import CHECKOUT
from config.run.record import current
from tests.platform.machine import Machine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("run")]
_SECONDS = 240


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """One state directory for the module: the first test makes and migrates it, the others come back to it."""
    machine = Machine(tmp_path_factory.mktemp("run") / "state")
    yield machine
    machine.clean()


def run(machine, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env=machine.environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def shown(machine):
    """What the first run on the state says; every test comes after it, whichever process has it."""
    return run(machine, "-m", "config.run", "--exit")


def begin_run(machine):
    """Start the run that stays, and read what it prints until everything is up."""
    command = machine.begin("-m", "config.run")
    lines = []
    for line in command.stdout:
        lines.append(line)
        if "Ctrl-C stops it" in line:
            return command, "".join(lines)
    raise AssertionError("".join(lines) + command.stderr.read())


def test_exit_shows_the_scenario_with_all_mails_delivered_and_leaves_nothing(machine, shown):
    assert shown.returncode == 0, shown.stderr
    counts = next(line for line in shown.stdout.splitlines() if line.startswith("  mails")).split()
    assert (counts[2], counts[4]) == ("written,", "delivered")
    assert counts[1] == counts[3] != "0"
    assert len(list((machine.state / "mail").glob("*.eml"))) == int(counts[1])
    password = machine.state / "admin-password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert password.read_text() in shown.stdout
    assert machine.gone_within(1) == {}


def test_it_comes_back_on_the_same_state_shares_it_and_stops_on_ctrl_c(machine, shown):
    mails = set((machine.state / "mail").glob("*.eml"))
    command, said = begin_run(machine)
    assert "contracts" in said

    record = current(machine.state)
    with urllib.request.urlopen(f"{record.url}/health/ready", timeout=10) as answer:
        assert json.load(answer)["status"] == "ready"

    second = run(machine, "-m", "config.run", "--exit")
    assert (second.returncode, "already running" in second.stderr) == (1, True)

    shell = "from people.clock import now; print(now().isoformat())"
    beside = run(machine, "manage.py", "shell", "--no-imports", "-c", shell)
    assert beside.stdout.startswith("2026-01-13T00:"), beside.stderr
    assert "already running" in beside.stderr

    command.send_signal(signal.SIGINT)
    rest = command.stdout.read()
    assert command.wait(60) == 0
    assert rest.index("stopping web, beat, worker, mail") < rest.index("stopping Valkey and PostgreSQL")
    assert machine.gone_within(1) == {}
    assert set((machine.state / "mail").glob("*.eml")) == mails  # nothing is mailed twice


def test_killing_the_supervisor_leaves_no_orphan(machine):
    command, _ = begin_run(machine)
    assert len(machine.processes()) > 8
    os.kill(command.pid, signal.SIGKILL)
    assert machine.gone_within(90) == {}  # seconds where the machine is idle; the worker finishes its task


def test_a_commands_standard_output_is_its_own(machine):
    done = run(machine, "manage.py", "shell", "--no-imports", "-c", "print('only this')")
    assert done.stdout == "only this\n"
    assert "started for this command" in done.stderr


def test_a_command_without_database_starts_none(machine):
    done = run(machine, "manage.py", "check")
    assert (done.returncode, done.stderr.count("embedded database")) == (0, 0)
