"""Bugs that a run of the driver has to find: each is put into the product's processes from outside, one at a time.

`make faults-planted` runs the driver with each and ends with 1 where a run stays green: then the driver is too weak.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from config.embedded.places import CHECKOUT


@dataclass(frozen=True, slots=True)
class Bug:
    """What goes wrong, in words, and which functions of tests/faults/wrong.py stand in which places."""

    words: str
    instead: dict[str, str]


BUGS = {
    "mark-before-send": Bug("a message is marked as sent before it is", {"alerts.delivery:attempt": "marked_before"}),
    "no-fencing": Bug(
        "whoever was stopped goes on with a message that somebody else has taken over",
        {
            "alerts.outbox.queue:held": "held_by_anybody",
            "alerts.outbox.keeper:renew": "renewed_for_anybody",
            "alerts.outbox.keeper:Keeper.check": "nothing",
        },
    ),
    "on-commit-only": Bug(
        "what changed is screened when the doorbell rings after the commit, and never swept",
        {"alerts.tasks:screen_due": "nothing"},
    ),
    "no-take-over": Bug("nobody takes over from a lost sender", {"alerts.outbox.queue:take_over": "nothing"}),
    "highest-id": Bug(
        "the change log is read up to the newest transaction seen, not to the oldest that is open",
        {"alerts.changelog:Reading.mark_screened": "highest_seen"},
    ),
    "no-dedup-key": Bug(
        "messages have no key, and a run is put into messages without its lock",
        {"alerts.messages:_compose_run": "without_lock_and_mark", "alerts.messages:dedup_key": "never_the_same"},
    ),
    "temporary-is-sent": Bug(
        "a temporary refusal is swallowed, and the message marked as sent",
        {"alerts.outbox.queue:settle": "deferred_is_sent"},
    ),
    "sweeper-off": Bug("workers keep no sweeper", {"config.sweeper:SweeperStep._keep": "nothing"}),
    "unclear-is-deferred": Bug(
        "a mail that may have arrived is sent again like one that has not",
        {"alerts.outbox.queue:settle": "unclear_is_deferred"},
    ),
    "everybody-is-refused": Bug(
        "what a mail server refuses all our mail is taken for a refusal of the message",
        {"alerts.outbox.queue:record": "all_refused"},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.planted", description="One run for each planted bug")
    parser.add_argument("--only", nargs="*", choices=BUGS, default=list(BUGS))
    parser.add_argument("--seed", default="1")
    parser.add_argument("--minutes", default="1.5")
    asked = parser.parse_args()
    green = [bug for bug in asked.only if not _turns_red(bug, asked.seed, asked.minutes)]
    if green:
        sys.exit(f"the driver does not see: {', '.join(green)}")


def _turns_red(bug: str, seed: str, minutes: str) -> bool:
    """Say what the run found."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        options = ["--bug", bug, "--seed", seed, "--minutes", minutes, "--report", str(report)]
        subprocess.run([sys.executable, "-m", "tests.faults", *options], cwd=CHECKOUT, stdout=subprocess.DEVNULL)
        wrong = json.loads(report.read_text())["wrong"]
    print(f"{bug} ({BUGS[bug].words}): {'red' if wrong else 'GREEN'}", *wrong, sep="\n  ", flush=True)
    return bool(wrong)


if __name__ == "__main__":
    main()
