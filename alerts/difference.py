"""What the difference between a flag as it was and as it should be means for people. Pure."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from alerts.models import EventKind, Flag
from alerts.screening.verdicts import BASES, Basis, Certainty, Money, Verdict

A_FIFTH_MORE = Decimal("1.2")


@dataclass(frozen=True, slots=True)
class Content:
    """What a flag says, apart from the contract, measure and kind that make it what it is."""

    certainty: Certainty
    basis: Basis
    lines: tuple[int, ...]
    unknowns: tuple[int, ...]
    act_by: date
    exposure: Money | None

    @classmethod
    def of(cls, verdict: Verdict) -> "Content":
        return cls(verdict.certainty, verdict.basis, verdict.lines, verdict.unknowns, verdict.act_by, verdict.exposure)

    @classmethod
    def of_flag(cls, flag: Flag) -> "Content":
        return cls.of(flag.verdict("", ""))


def only_today_moved(old: Content, new: Content, today: date) -> bool:
    """The measure bites already, so that the day to act by is always today: a new day is no news.

    `today` is the latest day that has begun in the zones that concern the flag.
    """
    return replace(old, act_by=new.act_by) == new and max(old.act_by, new.act_by) <= today


def meaning(old: Content, new: Content, told: Decimal | None, today: date) -> EventKind:
    """What became of the flag; what is worse outweighs what is better.

    `told` is the exposure people last heard of, in the old currency: many small steps are one large one.
    """
    if new.certainty == "matched" != old.certainty:
        return EventKind.BECAME_CERTAIN
    stronger = BASES.index(new.basis) - BASES.index(old.basis)
    # Days up to today are one and the same: at once.
    sooner = (max(old.act_by, today) - max(new.act_by, today)).days
    if stronger > 0 or sooner > 0 or _grew(old.exposure, new.exposure, told):
        return EventKind.WORSENED
    if stronger < 0 or sooner < 0 or new.certainty != old.certainty:
        return EventKind.EASED
    return EventKind.CHANGED


def _grew(old: Money | None, new: Money | None, told: Decimal | None) -> bool:
    """By a fifth or more; amounts in two currencies, or not established, do not compare."""
    if old is None or new is None or told is None or old.currency != new.currency:
        return False
    return new.amount > told and new.amount >= told * A_FIFTH_MORE
