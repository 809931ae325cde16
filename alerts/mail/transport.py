"""How a mail leaves: one SMTP session for a round of messages, and an outcome that says exactly how far each came."""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import format_datetime, parseaddr
from enum import StrEnum
from types import TracebackType

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import sanitize_address
from django.core.mail.utils import DNS_NAME

from alerts.models import Message

OK, OK_FORWARDED, GO_AHEAD, SERVICE_NOT_AVAILABLE, PERMANENT, TOO_LARGE = 250, 251, 354, 421, 500, 552
"""Replies of RFC 5321, section 4.2.2."""
SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


class Stage(StrEnum):
    """How far an attempt got: what was under way when it ended."""

    CONNECT = "connect"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    AFTER_DOT = "after-dot"
    ACCEPTED = "accepted"


class Fate(StrEnum):
    """What an attempt means for the message."""

    SENT = "sent"
    REFUSED = "refused"  # for good, and this message alone
    DEFERRED = "deferred"  # for now, and this message alone
    UNCLEAR = "unclear"  # the whole text left, and no answer came: it may have arrived
    UNREACHABLE = "unreachable"  # nothing is wrong with the message: no mail leaves at present


@dataclass(frozen=True, slots=True)
class Outcome:
    fate: Fate
    stage: Stage
    answer: str


def mail_of(message: Message) -> EmailMultiAlternatives:
    """The stored text and HTML; the same Message-ID and date however often it is sent."""
    mail = EmailMultiAlternatives(
        subject=message.subject,
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


class Transport:
    """A session with the mail server of the settings, opened with the first message and reused for the next."""

    def __init__(self) -> None:
        self._smtp: smtplib.SMTP | None = None
        self._backend: BaseEmailBackend | None = None

    def __enter__(self) -> "Transport":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._close()

    def send(self, message: Message, at_stage: Callable[[Stage], None]) -> Outcome:
        """Send one message; `at_stage` is told before the text leaves, and may raise to hold it back."""
        if settings.EMAIL_BACKEND != SMTP_BACKEND:
            return self._by_backend(message, at_stage)
        reused = self._smtp is not None
        outcome = self._by_smtp(message, at_stage)
        if reused and outcome.fate == Fate.UNREACHABLE and outcome.stage == Stage.MAIL:
            # A server may end a session after so many mails: that says nothing about the next session.
            outcome = self._by_smtp(message, at_stage)
        return outcome

    def _by_smtp(self, message: Message, at_stage: Callable[[Stage], None]) -> Outcome:
        stage = Stage.CONNECT
        try:
            smtp = self._session()
            stage = Stage.MAIL
            content = _wire_form(mail_of(message))
            answer = smtp.mail(_envelope(settings.DEFAULT_FROM_EMAIL), _size(smtp, content))
            if answer[0] == OK:
                stage = Stage.RCPT
                answer = smtp.rcpt(_envelope(message.recipient))
            if answer[0] in (OK, OK_FORWARDED) and stage == Stage.RCPT:
                stage = Stage.DATA
                at_stage(stage)
                answer = smtp.docmd("data")
            if answer[0] == GO_AHEAD:
                smtp.send(_dotted(content))
                stage = Stage.AFTER_DOT
                answer = smtp.getreply()
                if answer[0] == OK:
                    return Outcome(Fate.SENT, Stage.ACCEPTED, _text(answer))
            return self._refused(stage, answer)
        except smtplib.SMTPAuthenticationError as error:
            self._close()
            return Outcome(Fate.UNREACHABLE, Stage.AUTH, _text((error.smtp_code, error.smtp_error)))
        except (OSError, smtplib.SMTPException) as error:  # SMTPException is an OSError too, but need not stay one
            self._close()
            fate = Fate.UNCLEAR if stage == Stage.AFTER_DOT else Fate.UNREACHABLE
            return Outcome(fate, stage, f"{type(error).__name__}: {error}")
        except ValueError as error:
            self._close()
            return Outcome(Fate.REFUSED, stage, f"cannot be written as a mail: {error}")

    def _session(self) -> smtplib.SMTP:
        if self._smtp is None:
            context = ssl.create_default_context()
            server, timeout = (settings.EMAIL_HOST, settings.EMAIL_PORT), settings.EMAIL_TIMEOUT
            if settings.EMAIL_USE_SSL:
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(*server, DNS_NAME.get_fqdn(), timeout=timeout, context=context)
            else:
                smtp = smtplib.SMTP(*server, DNS_NAME.get_fqdn(), timeout=timeout)
            self._smtp = smtp  # from here on it is closed whatever happens
            if settings.EMAIL_USE_TLS:
                smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
            if settings.EMAIL_HOST_USER:
                smtp.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
        return self._smtp

    def _refused(self, stage: Stage, answer: tuple[int, bytes]) -> Outcome:
        """The server said no: whose fault it is follows from when and how it said so."""
        code = answer[0]
        of_server = code == SERVICE_NOT_AVAILABLE or (stage == Stage.MAIL and code != TOO_LARGE)
        if of_server or code < 0:  # it speaks of itself or of our sending at all, or talks nonsense
            self._close()
            unclear = code < 0 and stage == Stage.AFTER_DOT
            return Outcome(Fate.UNCLEAR if unclear else Fate.UNREACHABLE, stage, _text(answer))
        if self._smtp is not None:
            self._smtp.rset()
        return Outcome(Fate.REFUSED if code >= PERMANENT else Fate.DEFERRED, stage, _text(answer))

    def _by_backend(self, message: Message, at_stage: Callable[[Stage], None]) -> Outcome:
        """To a folder or the console: it is written, or it is not."""
        try:
            at_stage(Stage.DATA)
            self._backend = self._backend or get_connection()
            self._backend.send_messages([mail_of(message)])
        except OSError as error:
            return Outcome(Fate.UNREACHABLE, Stage.DATA, f"{type(error).__name__}: {error}")
        return Outcome(Fate.SENT, Stage.ACCEPTED, settings.EMAIL_BACKEND)

    def _close(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            try:
                smtp.quit()
            except (OSError, smtplib.SMTPException):
                smtp.close()


def _wire_form(mail: EmailMultiAlternatives) -> bytes:
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
