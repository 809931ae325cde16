"""Slots: the measures that can still bite at an instant, and their days as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from contracts.columns import Bools
from contracts.days import NO_END, Days, Window, last_day
from policies.facts import MeasureFacts
from policies.timeline import Stretch, biting_days

Stretches = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Slots:
    """Measures by slot, with the day it is in each measure's zone and the stretches of days on which it bites.

    `confirmed` and `unconfirmed` hold (slot, stretch, first and last day), padded with empty stretches.
    """

    measures: tuple[MeasureFacts, ...]
    todays: tuple[date, ...]
    today: Days
    performed_by: Days
    bites_today: Bools
    effect: npt.NDArray[np.str_]
    reported: Bools
    confirmed: Stretches
    unconfirmed: Stretches

    @classmethod
    def of(cls, measures: Sequence[MeasureFacts], at: datetime) -> "Slots":
        """Published measures, announced by now, with a biting day today or later; in order of their names."""
        kept: list[tuple[MeasureFacts, date, tuple[Stretch, ...]]] = []
        for measure in sorted(measures, key=lambda measure: measure.name):
            today = at.astimezone(ZoneInfo(measure.timezone)).date()
            if measure.status != "published" or measure.effect == "watch":
                continue
            if measure.announced_on is not None and today < measure.announced_on:
                continue
            ahead = tuple(s for s in biting_days(measure.timeline) if s.until_on is None or s.until_on >= today)
            if ahead:
                kept.append((measure, today, ahead))
        return cls(
            measures=tuple(measure for measure, _, _ in kept),
            todays=tuple(today for _, today, _ in kept),
            today=np.array([today.toordinal() for _, today, _ in kept], dtype=np.int32),
            performed_by=np.array([last_day(_performed_by(measure)) for measure, _, _ in kept], dtype=np.int32),
            bites_today=np.array(
                [any(s.confirmed and s.from_on <= today for s in ahead) for _, today, ahead in kept], dtype=np.bool_
            ),
            effect=np.array([measure.effect for measure, _, _ in kept], dtype=np.str_),
            reported=np.array([measure.formality in ("reported", "oral") for measure, _, _ in kept], dtype=np.bool_),
            confirmed=_columns([[s for s in ahead if s.confirmed] for _, _, ahead in kept]),
            unconfirmed=_columns([[s for s in ahead if not s.confirmed] for _, _, ahead in kept]),
        )

    def first_confirmed(self, slot: npt.NDArray[np.intp], days: Window) -> Days:
        """The first confirmed biting day of each slot within the window, NO_END where there is none."""
        return _first(self.confirmed[slot], days)

    def first_unconfirmed(self, slot: npt.NDArray[np.intp], days: Window) -> Days:
        return _first(self.unconfirmed[slot], days)


def _performed_by(measure: MeasureFacts) -> date | None:
    exemption = measure.scope.exempt_concluded_before
    return exemption.performed_by if exemption else None


def _columns(stretches: list[list[Stretch]]) -> Stretches:
    """Padded with stretches that begin after every day."""
    columns = np.full((len(stretches), max(map(len, stretches), default=0), 2), NO_END, dtype=np.int32)
    for slot, of_slot in enumerate(stretches):
        for position, stretch in enumerate(of_slot):
            columns[slot, position] = stretch.from_on.toordinal(), last_day(stretch.until_on)
    return columns


def _first(stretches: Stretches, days: Window) -> Days:
    first = np.full(len(days.first), NO_END, dtype=np.int32)
    for position in range(stretches.shape[1]):
        begin = np.maximum(stretches[:, position, 0], days.first)
        met = begin <= np.minimum(stretches[:, position, 1], days.last)
        first = np.where(met, np.minimum(first, begin), first)
    return first
