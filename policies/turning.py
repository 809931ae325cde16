"""The days on which the calendar alone may change what a measure, a list or a licence says. Pure."""

from collections.abc import Iterator
from datetime import date

from policies.facts import LicenceFacts, MeasureFacts, PartyListFacts
from policies.timeline import ONE_DAY, biting_days


def _day_after(day: date | None) -> Iterator[date]:
    if day is not None and day < date.max:
        yield day + ONE_DAY


def days_of_measure(measure: MeasureFacts) -> Iterator[date]:
    """Days in the measure's zone: announced, biting, no longer biting, confirmed or not, no longer exempt."""
    if measure.announced_on is not None:
        yield measure.announced_on
    for stretch in biting_days(measure.timeline):
        yield stretch.from_on
        yield from _day_after(stretch.until_on)
    exemption = measure.scope.exempt_concluded_before
    if exemption:
        yield from _day_after(exemption.performed_by)


def days_of_list(listing: PartyListFacts) -> Iterator[date]:
    """Days in the list's zone."""
    for entry in listing.entries:
        if entry.from_on is not None:
            yield entry.from_on
        yield from _day_after(entry.until_on)


def days_of_licence(licence: LicenceFacts) -> Iterator[date]:
    """Days in the zones of the measures it was granted under."""
    if licence.valid_from is not None:
        yield licence.valid_from
    yield from _day_after(licence.valid_until)
