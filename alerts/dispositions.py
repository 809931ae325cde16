"""What people do about a flag: each act is kept for good, and doing the same twice changes nothing.

A dismissal or mitigation is bound to the facts it was made on; alerts/reopening.py undoes it when they change.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from alerts.binding import grounds, token
from alerts.changelog import TABLE
from alerts.models import Act, Disposition, Flag, FlagAction, Standing
from alerts.models.actions import PUT_ASIDE, Because
from alerts.portfolio import calendar, stored_policies
from contracts.models import Contract
from people.models import Role, User
from policies.models import Measure

WORKERS = (Role.BUYER, Role.POLICY_EDITOR, Role.POLICY_PUBLISHER, Role.ADMINISTRATOR)
"""Who may work on the flags they see; viewers look on."""
LONGEST = timedelta(days=366)
"""How far ahead a dismissal may end: nothing is dismissed for good."""
PATIENCE = "15s"

log = structlog.get_logger(__name__)


class NotPossible(ValueError):  # noqa: N818
    """The flag stands in a way that does not allow the act, or is not what the person saw."""


class Unsuitable(ValueError):  # noqa: N818
    """What was said about the act is wrong; `field` names it."""

    def __init__(self, field: str, code: str, detail: str) -> None:
        self.field, self.code = field, code
        super().__init__(detail)


def acknowledge(flag: Flag, *, by: User, at: datetime) -> None:
    """Somebody has seen it and takes care of it."""
    with _held(flag) as held:
        if held.standing in PUT_ASIDE:
            raise NotPossible(f"the flag is {held.standing}: re-open it first")
        if held.standing != Standing.ACKNOWLEDGED:
            held.standing, held.to_tell = Standing.ACKNOWLEDGED, False
            _keep(held, Act.ACKNOWLEDGED, by, at)


def assign(flag: Flag, *, to: User, by: User, at: datetime) -> None:
    """Give it to somebody who may see it. Unsuitable for anybody else."""
    if not to.is_active or not to.has_role(*Role) or not Flag.objects.visible_to(to).filter(pk=flag.pk).exists():
        raise Unsuitable("to", "cannot_see", f"{to.email} may not see this flag")
    with _held(flag) as held:
        if held.assignee_id != to.pk:
            held.assignee = to
            _keep(held, Act.ASSIGNED, by, at, assignee=to)


def comment(flag: Flag, *, text: str, by: User, at: datetime) -> None:
    """Say something about it; the same words of the same person twice in a row are said once."""
    with _held(flag, closed=True) as held:
        last = FlagAction.objects.filter(flag=flag).order_by("-id").first()
        if not (last and last.act == Act.COMMENTED and last.by_id == by.pk and last.text == text):
            _keep(held, Act.COMMENTED, by, at, text=text)


def dismiss(
    flag: Flag, *, reason: str, text: str, expires_on: date, by: User, at: datetime, seen: str | None = None
) -> None:
    """Put it aside until the end of a day in the business time zone, for as long as the facts stay what they are.

    `seen` is the token of the grounds the person saw: NotPossible where they are others by now.
    """
    today = calendar(at).today
    if not today <= expires_on <= today + LONGEST:
        detail = f"has to be a day from {today} to {today + LONGEST}"
        raise Unsuitable("expires_on", "out_of_range", detail)
    _put_aside(flag, Act.DISMISSED, by, at, seen, reason=reason, text=text, expires_on=expires_on)


def mitigate(flag: Flag, *, text: str, by: User, at: datetime, seen: str | None = None) -> None:
    """What was to be done is done; it holds, like a dismissal, for as long as the facts stay what they are."""
    _put_aside(flag, Act.MITIGATED, by, at, seen, text=text)


def reopen(flag: Flag, *, text: str, by: User, at: datetime) -> None:
    """Take a dismissal or a mitigation back, and have those in charge told; one not put aside stays as it is."""
    with _held(flag) as held:
        if held.standing in PUT_ASIDE:
            held.standing, held.expires_on, held.grounds, held.to_tell = Standing.OPEN, None, {}, True
            _keep(held, Act.REOPENED, by, at, text=text, because=Because.PERSON)


def grounds_now(flag: Flag) -> dict[str, str]:
    """The grounds of a flag on the stored facts; empty where its contract is gone."""
    contracts = Contract.objects.filter(pk=flag.contract_id).facts()
    (measure,) = Measure.objects.filter(pk=flag.measure_id).facts()
    return grounds(flag, contracts[0], measure, stored_policies()) if contracts else {}


def _put_aside(flag: Flag, act: Act, by: User, at: datetime, seen: str | None, **said: Any) -> None:
    with _nobody_screens(), _held(flag) as held:
        flag.refresh_from_db()
        found = grounds_now(flag)
        if not found:
            raise NotPossible("its contract is gone: the flag is about to close")
        if seen is not None and seen != token(found):
            raise NotPossible("the facts have changed since you looked: read the flag again")
        last = FlagAction.objects.filter(flag=flag, act__in=[Act.DISMISSED, Act.MITIGATED]).order_by("-id").first()
        same = last and last.act == act and all(getattr(last, name) == value for name, value in said.items())
        if same and held.standing == Standing(act.value) and held.grounds == found:
            return
        held.standing, held.expires_on, held.grounds = Standing(act.value), said.get("expires_on"), found
        held.to_tell = False
        _keep(held, act, by, at, **said)


@contextmanager
def _held(flag: Flag, *, closed: bool = False) -> Iterator[Disposition]:
    """The flag's disposition, locked. NotPossible for a closed flag, unless `closed` ones are welcome."""
    with transaction.atomic():
        if not closed and not Flag.objects.open().filter(pk=flag.pk).exists():
            raise NotPossible("the flag is closed")
        Disposition.objects.get_or_create(flag=flag)
        yield Disposition.objects.select_for_update().get(flag=flag)


@contextmanager
def _nobody_screens() -> Iterator[None]:
    """A transaction that no screening run overlaps: what is bound is what the last run saw, and the next one compares.

    NotPossible where a run does not end soon.
    """
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
                cursor.execute(f"LOCK TABLE {TABLE} IN ROW EXCLUSIVE MODE")
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise NotPossible("contracts are being screened: try again in a moment") from error
        raise


def _keep(held: Disposition, act: Act, by: User, at: datetime, **said: Any) -> None:
    held.save()
    FlagAction.objects.create(flag_id=held.flag_id, act=act, by=by, at=at, **said)
    log.info("flag", flag=held.flag_id, act=str(act), by=by.email)
