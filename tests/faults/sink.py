"""The mail server of a run: `python -m tests.faults.sink CONTROL LOG PORT`; its log of what it accepted is the truth.

How it behaves stands in the control file, one word, looked at with every step of a session. Each line of the log is an
accepted mail: its Message-ID, its recipient, and whether the sender was told so in plain words.
"""

import asyncio
import json
import signal
import sys
from email import message_from_bytes
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

MODES = ("refuse", "421", "451", "451 after the text", "535", "550", "drop", "drop the text", "trickle")
"""Besides `accept`."""
USER, PASSWORD = "tocsin", "correct horse"
TRICKLE_SECONDS = 0.5
TRICKLE_LINES = 12


class Sink:
    """Does as the control file says."""

    def __init__(self, control: Path, log: Path) -> None:
        self._control = control
        self._log = log.open("a", buffering=1)

    @property
    def mode(self) -> str:
        return self._control.read_text()

    def log_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, words: Any) -> AuthResult:
        return AuthResult(success=self.mode != "535", handled=False)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mode == "421":
            return "421 4.3.2 closing down"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.mode == "550":
            return "550 5.1.1 no such mailbox"
        if self.mode == "451":
            return "451 4.2.1 come again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mode = self.mode
        if mode == "451 after the text":
            return "451 4.3.0 come again later"
        if mode != "drop the text":
            self._accept(envelope, told=mode not in ("drop", "trickle"))
        if mode.startswith("drop"):
            server.transport.abort()
        if mode == "trickle":
            for _ in range(TRICKLE_LINES):
                await asyncio.sleep(TRICKLE_SECONDS)
                server.transport.write(b"250-well\r\n")
        return "250 OK"

    def _accept(self, envelope: Envelope, *, told: bool) -> None:
        header = message_from_bytes(envelope.original_content or b"")
        line = {"id": header["Message-ID"].strip(), "to": envelope.rcpt_tos[0], "told": told}
        self._log.write(json.dumps(line) + "\n")


async def serve(sink: Sink, port: int) -> None:
    """Receive mail until SIGTERM; in the mode `refuse` nobody listens."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    listening: asyncio.Server | None = None
    for _ in count():
        if listening is not None and sink.mode == "refuse":
            listening.close()
            listening = None
        if listening is None and sink.mode != "refuse":
            listening = await loop.create_server(lambda: _session(sink), "127.0.0.1", port)
        if stopping.is_set():
            return
        await asyncio.sleep(0.05)


def _session(sink: Sink) -> SMTP:
    return SMTP(sink, authenticator=sink.log_in, auth_required=True, auth_require_tls=False)


if __name__ == "__main__":
    asyncio.run(serve(Sink(Path(sys.argv[1]), Path(sys.argv[2])), int(sys.argv[3])))
