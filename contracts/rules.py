"""Rules that a contract's facts have to keep together."""

from collections.abc import Iterator, Mapping
from typing import Any

from people.faults import Fault, in_order, once


def concluded_once(values: Mapping[str, Any]) -> Iterator[Fault]:
    """The moment of conclusion is known as an instant or as a date, not as both."""
    if values.get("concluded_at") is not None and values.get("concluded_on") is not None:
        yield Fault(("concluded_on",), "concluded_twice", "give concluded_at or concluded_on, not both")


def not_its_own_framework(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values.get("framework") is not None and values["framework"] == values.get("reference"):
        yield Fault(("framework",), "own_framework", "a contract cannot be called off from itself")


LINE_RULES = (in_order("ship_from", "ship_until"),)
CONTRACT_RULES = (
    concluded_once,
    not_its_own_framework,
    in_order("effective_on", "expires_on"),
    in_order("termination_notice_on", "terminated_on"),
    once("lines", "number"),
)
