"""The local mail server of `make run`: every mail becomes an .eml file, and a .txt that one can read at once.

`python -m config.run.mail_sink DIRECTORY FD` serves SMTP on a listening socket that it inherits.
"""

import asyncio
import re
import signal
import socket
import sys
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Folder:
    """Keeps each mail under the next number; the .eml file appears whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._last = max((int(found.name[:5]) for found in directory.glob("[0-9]" * 5 + "-*.eml")), default=0)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        self._last += 1
        recipients = ", ".join(envelope.rcpt_tos)
        stem = f"{self._last:05d}-{re.sub(r'[^A-Za-z0-9.@+-]', '_', recipients)[:80]}"
        (self._directory / f"{stem}.txt").write_text(_as_text(content, recipients), encoding="utf-8")
        draft = self._directory / f".{stem}.eml"
        draft.write_bytes(content)
        draft.rename(self._directory / f"{stem}.eml")
        return "250 kept"


def _as_text(content: bytes, recipients: str) -> str:
    message = message_from_bytes(content, EmailMessage, policy=policy.default)
    body = message.get_body(("plain", "html"))
    text = body.get_content() if body else ""
    return (
        f"From: {message['From']}\nTo: {recipients}\nDate: {message['Date']}\nSubject: {message['Subject']}\n\n{text}"
    )


async def serve(directory: Path, listening: socket.socket) -> None:
    """Receive mail until SIGTERM."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    folder = Folder(directory)
    server = await loop.create_server(lambda: SMTP(folder, enable_SMTPUTF8=True), sock=listening)
    async with server:
        await stopping.wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))))
