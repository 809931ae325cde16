"""The embedded services: shared while anybody uses them, gone when nobody does, however the users ended."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

from config.embedded.places import CHECKOUT, EmbeddedError, make_private, secret
from tests.platform.machine import Machine


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path / "state")
    yield machine
    machine.clean()


def test_what_one_command_starts_has_stopped_when_it_ends(machine):
    command, said = machine.hold()
    assert said == "started"
    names = " ".join(machine.processes().values())
    assert "postgres" in names
    assert "valkey" in names
    machine.end(command)
    assert machine.gone_within(1) == {}


def test_the_first_to_finish_does_not_stop_it_under_the_second(machine):
    first, said_first = machine.hold()
    second, said_second = machine.hold()
    assert (said_first, said_second) == ("started", "joined")
    machine.end(first)
    time.sleep(0.5)
    with machine.connect("tocsin_app") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    machine.end(second)
    assert machine.gone_within(1) == {}


@pytest.mark.slow
def test_many_at_the_same_moment_share_one(machine):
    commands = [machine.begin() for _ in range(5)]
    assert {machine.word(command) for command in commands} <= {"started", "joined"}
    assert len([words for words in machine.processes().values() if "bin/postgres -D" in words]) == 1
    for command in commands:
        machine.end(command)
    assert machine.gone_within(1) == {}


@pytest.mark.slow
def test_one_after_the_other_without_a_pause(machine):
    for _ in range(4):
        command, said = machine.hold()
        assert said == "started"
        machine.end(command)


def test_a_killed_command_leaves_no_orphan(machine):
    command, _ = machine.hold()
    command.send_signal(signal.SIGKILL)
    assert machine.gone_within(15) == {}


def test_a_killed_keeper_leaves_no_orphan_and_can_be_replaced(machine):
    machine.hold()
    os.kill(machine.keeper(), signal.SIGKILL)
    assert machine.gone_within(15) == {}
    _, said = machine.hold()
    assert said == "started"


def test_it_stops_when_its_state_directory_is_removed(machine):
    machine.hold()
    shutil.rmtree(machine.state)
    assert machine.gone_within(15) == {}


def test_what_was_stored_is_there_the_next_time(machine):
    command, _ = machine.hold()
    with machine.connect("tocsin_owner") as connection:
        connection.execute("CREATE TABLE kept AS SELECT '磁石' AS word")
    machine.end(command)
    machine.hold()
    with machine.connect("tocsin_owner") as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("磁石",)


def test_the_cluster_knows_japanese_and_chinese_letters(machine):
    machine.hold()
    with machine.connect("tocsin_owner") as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        assert connection.execute("SELECT similarity('稀土磁石有限公司', '稀土磁石公司') > 0.3").fetchone() == (True,)


def test_nobody_else_can_reach_the_sockets(machine):
    machine.hold()
    here = machine.places
    for directory in (here.sockets, here.postgres_sockets, here.state):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_directory_of_somebody_else_is_not_used(tmp_path):
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o755)
    with pytest.raises(EmbeddedError, match="not a private directory"):
        make_private(open_to_all)
    link = tmp_path / "link"
    (tmp_path / "target").mkdir(mode=0o700)
    link.symlink_to(tmp_path / "target")
    with pytest.raises(EmbeddedError, match="not a private directory"):
        make_private(link)


def test_a_secret_is_made_once_and_nobody_else_can_read_it(tmp_path):
    first = secret(tmp_path / "state", "word")
    assert secret(tmp_path / "state", "word") == first
    assert len(first) >= 40
    assert stat.S_IMODE((tmp_path / "state" / "word").stat().st_mode) == 0o600


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@needs_root
@pytest.mark.slow
def test_root_without_user_namespaces_runs_it_as_nobody(tmp_path):
    machine = Machine(tmp_path / "state", TOCSIN_NO_USERNS="1")  # pytest's directory is 0700: nobody cannot enter it
    try:
        command, said = machine.hold()
        assert said == "started"
        host = machine.places.postgres_sockets
        assert host.stat().st_uid == 65534
        with machine.connect("tocsin_app") as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("tocsin_app",)
        machine.end(command)
        assert machine.gone_within(1) == {}
    finally:
        machine.clean()


AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
STARTS_ITSELF = "import subprocess, sys, django, config; subprocess.run([sys.executable, '-c', ''], check=True)"


def interpreter_for_nobody() -> str | None:
    """Ours, or, where it lies below root's home, the system's own of the same version with our packages."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for interpreter in (sys.executable, f"/usr/bin/python{version}"):
        command = [*AS_NOBODY, interpreter, "-c", STARTS_ITSELF]
        environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
        if (
            Path(interpreter).exists()
            and not subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True).returncode
        ):
            return interpreter
    return None


@needs_root
@pytest.mark.slow
def test_an_ordinary_user_runs_it_as_itself():
    interpreter = interpreter_for_nobody()
    if interpreter is None:
        pytest.skip("an ordinary user cannot read this checkout or its interpreter")
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="ordinary-") as home:
        os.chown(home, 65534, 65534)
        machine = Machine(Path(home) / "state", user=65534, PYTHONPATH=sysconfig.get_path("purelib"))
        machine.command = [*AS_NOBODY, interpreter]
        try:
            command, said = machine.hold()
            assert said == "started"
            owners = {Path(f"/proc/{process}").stat().st_uid for process in machine.processes()}
            assert owners == {65534}
            machine.end(command)
            assert machine.gone_within(1) == {}
        finally:
            machine.clean()
