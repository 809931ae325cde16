"""What `make run` starts it also ends, with all that it started in turn."""

import time
from pathlib import Path

from config.run.children import Children


def test_what_does_not_stop_is_killed_with_all_it_started(tmp_path: Path) -> None:
    children, note = Children(tmp_path / "logs"), tmp_path / "pid"
    children.start("web", "tests.platform.stubborn", str(note))
    while not note.exists() or not note.read_text():
        time.sleep(0.01)
    started = Path("/proc") / note.read_text()
    assert "sleep" in (started / "cmdline").read_text()
    children.stop(["web"], patience=0.2)
    assert children.dead() is None
    deadline = time.monotonic() + 5
    while started.exists() and "State:\tZ" not in (started / "status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
