"""`make faults SEED= MINUTES=`: faults from a seed while people work, and then the question what was missed.

Prints what was injected, the figures and what is wrong; ends with 1 where anything is.
"""

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

from config.embedded.places import CHECKOUT
from tests.faults.options import Options, options
from tests.faults.stack import Stack

if TYPE_CHECKING:
    from tests.faults.oracle import Findings


def main() -> None:
    """Run, tell, and clean up unless something is wrong: then the logs stay."""
    asked = options()
    directory = CHECKOUT / ".tocsin" / "faults" / f"{asked.seed}-{os.getpid()}"
    directory.mkdir(parents=True, mode=0o700)
    stack = Stack(directory, asked.bug)
    try:
        found = run(stack, asked)
    finally:
        stack.stop()
    print(json.dumps(found.figures, indent=1))
    for one in found.wrong:
        print(f"WRONG: {one}")
    if asked.report:
        asked.report.write_text(json.dumps({"figures": found.figures, "wrong": found.wrong}, indent=1))
    if not asked.keep and not found.wrong:
        shutil.rmtree(directory)
    print(f"seed {asked.seed}: {'red, see ' + str(directory) if found.wrong else 'green'}")
    sys.exit(1 if found.wrong else 0)


def run(stack: Stack, asked: Options) -> "Findings":
    """The whole of it; Django reads its settings from the environment of the stack."""
    os.environ.update(stack.environment)
    stack.prepare()
    from tests.faults.course import Course  # noqa: PLC0415  needs the settings

    return Course(stack, asked).run()


if __name__ == "__main__":
    main()
