"""The receiver of webhooks of a run: `python -m tests.faults.receiver CONTROL LOG PORT`; its log is the truth.

How it behaves stands in the control file, one word. Each line of the log is a delivery that it answered with 200.
"""

import json
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

MODES = ("500", "429", "410", "redirect", "slow")
"""Besides `200`."""
SLOW_SECONDS = 6


def main(control: Path, log: Path, port: int) -> None:
    """Answer until killed."""
    lines, one_at_a_time = log.open("a", buffering=1), Lock()

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            mode = control.read_text()
            if mode == "slow":
                time.sleep(SLOW_SECONDS)
            status = {"redirect": 307, "slow": 200}.get(mode) or int(mode)
            if status == 200:
                with one_at_a_time:
                    lines.write(json.dumps({"path": self.path, "id": self.headers["webhook-id"]}) + "\n")
            with suppress(OSError):
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                if status == 429:
                    self.send_header("Retry-After", "1")
                self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Hook)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
