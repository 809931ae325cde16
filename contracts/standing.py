"""Where many contracts stand at an instant, by the rules of `contracts/stage.py`."""

from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.columns import Column, Contracts, Dated, together
from contracts.facts import Terms
from contracts.stage import Calendar, Stage, is_concluded, place_of, places, stage_at
from contracts.turning import notice_days


def where_they_stand(contracts: Contracts | Dated, now: Calendar) -> npt.NDArray[Any]:
    """Each contract's place, as a number (see `place_of`)."""
    found: npt.NDArray[Any] = places(
        concluded=contracts.conclusion.array(np.bool_, is_concluded, now),
        effective=contracts.effective,
        expires=contracts.expires,
        notice_given=contracts.notice_given,
        terminated=contracts.terminated,
        notice_days=np.maximum(contracts.terms.array(np.int64, notice_days), 0),
        now=now,
    )
    return found


def stages(contracts: Contracts | Dated, now: Calendar) -> Column:
    """Each contract's stage."""
    return together(_stage, contracts.terms, where_they_stand(contracts, now))


def _stage(terms: Terms, place: int) -> Stage:
    return stage_at(terms, place_of(place))
