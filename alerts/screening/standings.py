"""In which columns of the effect table a contract stands: by its stage, or by the step that a check asks about.

A check asks before the step is taken. What is about to be signed or called off is judged as not concluded, whatever
dates it bears already; an amendment as the live contract it becomes part of; a renewal as ahead, however far its notice
deadline lies, beside what is live. A contract without a right to renew is renewed by signing a new one.
"""

from typing import Literal, NamedTuple, get_args

from contracts.facts import Terms
from contracts.stage import LIVE, NOT_CONCLUDED, Place, renewal_ahead_at, stage_at

Purpose = Literal["new_contract", "call_off", "amendment", "renewal"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
NO, MAYBE, YES = 0, 1, 2
"""A truth in a column."""


class Standing(NamedTuple):
    """The columns of the effect table; `renewal` is a truth."""

    signing: bool
    live: bool
    renewal: int
    calling_off: bool


SIGNING = Standing(signing=True, live=False, renewal=NO, calling_off=False)
CALLING_OFF = Standing(signing=False, live=False, renewal=NO, calling_off=True)


def standing(terms: Terms, place: Place) -> Standing:
    """By its stage."""
    at_stage = stage_at(terms, place)
    ahead = renewal_ahead_at(terms, place)
    return Standing(
        signing=at_stage in NOT_CONCLUDED,
        live=at_stage in LIVE,
        renewal=MAYBE if ahead is None else YES if ahead else NO,
        calling_off=terms.kind == "framework" and at_stage in ("concluded", "active"),
    )


def standing_for(purpose: Purpose, terms: Terms, place: Place) -> Standing:
    """By the step asked about; whether the contract allows it is the caller's business."""
    if purpose == "new_contract":
        return SIGNING
    if purpose == "call_off":
        return CALLING_OFF if terms.kind == "framework" else SIGNING
    own = standing(terms, place)
    if purpose == "amendment":
        return own._replace(signing=False, renewal=NO)
    anew = terms.renewal == "none"
    return own._replace(signing=anew, renewal=NO if anew else YES)
