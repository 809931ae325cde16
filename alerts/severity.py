"""How urgent it is that somebody hears of a flag and sees to it: decided here, for escalation and for digests. Pure."""

from alerts.models import EventKind, Severity


def severity(kind: str, certainty: str, basis: str) -> Severity:
    """Urgent is what certainly may end or is certainly forbidden today; what is not certain is to be reviewed."""
    if certainty != "matched":
        return Severity.REVIEW
    return Severity.URGENT if basis == "in_force" or kind == "possible_termination" else Severity.NORMAL


def of_event(event: str, kind: str, certainty: str, basis: str) -> Severity | None:
    """The severity of what happened to a flag; None where it is no longer open.

    That somebody committed the company under a flag is urgent, however certain the flag is.
    """
    if event == EventKind.CONCLUDED:
        return Severity.URGENT
    return None if event == EventKind.CLOSED else severity(kind, certainty, basis)
