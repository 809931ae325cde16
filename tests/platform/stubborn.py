"""A process that does not stop when it is asked, nor does what it started: `python -m tests.platform.stubborn FILE`."""

import signal
import subprocess
import sys
import time
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
started = subprocess.Popen(["sleep", "600"])
Path(sys.argv[1]).write_text(str(started.pid))
time.sleep(600)
