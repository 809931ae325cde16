"""How a mail leaves: one SMTP session for a round of messages, and an outcome that says exactly how far each came."""

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.header import Header
from email.utils import format_datetime, parseaddr
from types import TracebackType
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import sanitize_address
from django.core.mail.utils import DNS_NAME

from alerts.models import Fate, Message, Stage

OK, OK_FORWARDED, GO_AHEAD, SERVICE_NOT_AVAILABLE, PERMANENT, TOO_LARGE = 250, 251, 354, 421, 500, 552
"""Replies of RFC 5321, section 4.2.2."""
NOT_LOGGED_IN = (530, 534, 535, 538)
"""Replies of RFC 4954, section 6: without a log-in that it likes, the server takes no mail of ours."""
_FATE_OF_LOST_CONNECTION = {
    Stage.CONNECT: Fate.UNREACHABLE,
    Stage.EHLO: Fate.UNREACHABLE,
    Stage.TLS: Fate.UNREACHABLE,
    Stage.AUTH: Fate.UNREACHABLE,
    Stage.MAIL: Fate.UNREACHABLE,
    # The server was there and took mail: it may be this message that it cannot bear.
    Stage.RCPT: Fate.DEFERRED,
    Stage.DATA: Fate.DEFERRED,
    Stage.AFTER_DOT: Fate.UNCLEAR,
}
SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


POLICY = re.compile(r"\s*5\.7\.\d")
"""The enhanced status codes of RFC 3463 for what is refused though the recipient exists."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt; `of_message` where the mail server spoke of this message, and so takes mail."""

    fate: Fate
    stage: Stage
    answer: str
    of_message: bool = False


def mail_of(message: Message) -> EmailMultiAlternatives:
    """The stored text and HTML; the same Message-ID and date however often it is sent."""
    mail = EmailMultiAlternatives(
        subject=_encoded(message.subject),
        body=message.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[message.recipient],
        headers={
            "Message-ID": message.message_id,
            "Date": format_datetime(message.created_at),
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    mail.attach_alternative(message.html, "text/html")
    return mail


class _Session(smtplib.SMTP):
    """An SMTP session that tells of its socket before it first waits for an answer on it."""

    def __init__(self, opened: Callable[[socket.socket], None], *server: Any, **options: Any) -> None:
        self._opened = opened
        super().__init__(*server, **options)

    def getreply(self) -> tuple[int, bytes]:
        if self.sock is not None:
            self._opened(self.sock)
        return super().getreply()


class _SessionOverTLS(_Session, smtplib.SMTP_SSL):
    """The same, secured from its first byte."""


def _encoded(subject: str) -> str:
    """As words of RFC 2047 of which the first fits on the header's first line: Django would leave that line empty, and
    some readers show the fold as a space."""
    return subject if subject.isascii() else Header(subject, "utf-8", header_name="Subject").encode(linesep=" ")


class Transport:
    """A session with the mail server of the settings, opened with the first message and reused for the next."""

    def __init__(self) -> None:
        self._smtp: smtplib.SMTP | None = None
        self._socket: socket.socket | None = None
        self._stage = Stage.CONNECT
        self._backend: BaseEmailBackend | None = None

    def __enter__(self) -> "Transport":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close()

    def break_off(self) -> None:
        """End what is waited for, from another thread: the attempt then fails at its stage."""
        if self._socket is not None:
            with suppress(OSError):
                # Not that of a TLS socket, which would also let go of what the other thread reads with.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def send(self, message: Message, before_text: Callable[[], None], before_dot: Callable[[], None]) -> Outcome:
        """Send one message; either callable may raise to hold it back, before DATA is asked for or the text leaves."""
        if settings.EMAIL_BACKEND != SMTP_BACKEND:
            return self._by_backend(message, before_text)
        try:
            reused = self._smtp is not None
            outcome = self._by_smtp(message, before_text, before_dot)
            if reused and outcome.fate == Fate.UNREACHABLE and outcome.stage == Stage.MAIL:
                # A server may end a session after so many mails: that says nothing about the next session.
                outcome = self._by_smtp(message, before_text, before_dot)
        except BaseException:
            self._drop()  # in the middle of a mail: what follows on this session would be taken for part of it
            raise
        return outcome

    def _by_smtp(self, message: Message, before_text: Callable[[], None], before_dot: Callable[[], None]) -> Outcome:
        try:
            smtp = self._session()
            self._stage = Stage.MAIL
            content = wire_form(mail_of(message))
            answer = smtp.mail(_envelope(settings.DEFAULT_FROM_EMAIL), _size(smtp, content))
            if answer[0] == OK:
                self._stage = Stage.RCPT
                answer = smtp.rcpt(_envelope(message.recipient))
            if answer[0] in (OK, OK_FORWARDED) and self._stage == Stage.RCPT:
                before_text()
                self._stage = Stage.DATA
                answer = smtp.docmd("data")
            if answer[0] == GO_AHEAD:
                text = _dotted(content)
                before_dot()
                smtp.send(text)
                self._stage = Stage.AFTER_DOT
                answer = smtp.getreply()
                if answer[0] == OK:
                    return Outcome(Fate.SENT, Stage.ACCEPTED, _text(answer), of_message=True)
            return self._refused(self._stage, answer)
        except smtplib.SMTPResponseException as error:  # an answer to greeting, STARTTLS or log-in
            self._drop()
            return Outcome(Fate.UNREACHABLE, self._stage, _text((error.smtp_code, error.smtp_error)))
        except (OSError, smtplib.SMTPException) as error:  # SMTPException is an OSError too, but need not stay one
            self._drop()
            return Outcome(_FATE_OF_LOST_CONNECTION[self._stage], self._stage, f"{type(error).__name__}: {error}")
        except ValueError as error:
            self._drop()
            return Outcome(Fate.REFUSED, self._stage, f"cannot be written as a mail: {error}")

    def _session(self) -> smtplib.SMTP:
        if self._smtp is None:
            self._stage = Stage.CONNECT
            context = ssl.create_default_context()
            server, timeout = (settings.EMAIL_HOST, settings.EMAIL_PORT), settings.EMAIL_TIMEOUT
            options: dict[str, Any] = {"local_hostname": DNS_NAME.get_fqdn(), "timeout": timeout}
            if settings.EMAIL_USE_SSL:
                smtp: smtplib.SMTP = _SessionOverTLS(self._opened, *server, **options, context=context)
            else:
                smtp = _Session(self._opened, *server, **options)
            self._smtp = smtp  # from here on it is closed whatever happens
            self._stage = Stage.EHLO
            smtp.ehlo_or_helo_if_needed()
            if settings.EMAIL_USE_TLS:
                self._stage = Stage.TLS
                smtp.starttls(context=context)
                self._stage = Stage.EHLO
                smtp.ehlo_or_helo_if_needed()
            if settings.EMAIL_HOST_USER:
                self._stage = Stage.AUTH
                smtp.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
        return self._smtp

    def _opened(self, opened: socket.socket) -> None:
        self._socket = opened

    def _refused(self, stage: Stage, answer: tuple[int, bytes]) -> Outcome:
        """The server said no: whose fault it is follows from when and how it said so."""
        code, said = answer[0], _text(answer)
        of_server = code == SERVICE_NOT_AVAILABLE or (stage == Stage.MAIL and code != TOO_LARGE)
        if of_server or code < 0:  # it speaks of itself or of our sending at all, or talks nonsense
            self._drop()
            unclear = code < 0 and stage == Stage.AFTER_DOT
            return Outcome(Fate.UNCLEAR if unclear else Fate.UNREACHABLE, stage, said)
        self._reset()
        if code in NOT_LOGGED_IN or (code >= PERMANENT and POLICY.match(said[3:])):
            return Outcome(Fate.POLICY, stage, said)
        return Outcome(Fate.REFUSED if code >= PERMANENT else Fate.DEFERRED, stage, said, of_message=True)

    def _by_backend(self, message: Message, before_text: Callable[[], None]) -> Outcome:
        """To a folder or the console: it is written, or it is not."""
        before_text()
        try:
            self._backend = self._backend or get_connection()
            self._backend.send_messages([mail_of(message)])
        except OSError as error:
            return Outcome(Fate.UNREACHABLE, Stage.DATA, f"{type(error).__name__}: {error}")
        return Outcome(Fate.SENT, Stage.ACCEPTED, settings.EMAIL_BACKEND, of_message=True)

    def _reset(self) -> None:
        """Have the server forget the mail it refused; one that does not is spoken to anew."""
        try:
            if self._smtp is not None:
                self._smtp.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _close(self) -> None:
        """End the session as one should."""
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
        self._drop()

    def _drop(self) -> None:
        """End the session at once: whoever answers nothing, or a byte at a time, is told nothing either."""
        smtp, self._smtp, self._socket = self._smtp, None, None
        if smtp is not None:
            smtp.close()


def wire_form(mail: EmailMultiAlternatives) -> bytes:
    """The mail with its header, lines ended as SMTP ends them."""
    lines = mail.message().as_bytes().replace(b"\r\n", b"\n")
    return lines.replace(b"\n", b"\r\n")


def _envelope(address: str) -> str:
    return sanitize_address(parseaddr(address)[1] or address, "utf-8")


def _size(smtp: smtplib.SMTP, content: bytes) -> list[str]:
    return [f"size={len(content)}"] if smtp.has_extn("size") else []


def _dotted(content: bytes) -> bytes:
    """With leading dots doubled and the final dot, as RFC 5321 section 4.5.2 has it."""
    text = content.replace(b"\r\n.", b"\r\n..")
    text = b"." + text if text.startswith(b".") else text
    return text + (b"" if text.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _text(answer: tuple[int, bytes | str]) -> str:
    code, said = answer
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {words}"[:900]
