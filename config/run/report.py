"""What `make run` tells at the end: what is there, what screening found, what was mailed."""

from pathlib import Path

from django.db.models import Count, Q

from alerts.models import Flag, Message
from contracts.models import Contract

_WAITING = ("pending", "sending", "failed")


def unsent() -> int:
    """Messages still on their way; dead ones are not."""
    return Message.objects.filter(state__in=_WAITING).count()


def scenario(mail: Path) -> str:
    """Contracts, open flags by kind and certainty, and mails, as lines for a terminal."""
    flags = (
        Flag.objects.filter(closed_at=None)
        .values("kind")
        .annotate(matched=Count("id", Q(certainty="matched")), review=Count("id", Q(certainty="needs_review")))
        .order_by("kind")
    )
    flagged = Flag.objects.filter(closed_at=None).values("contract").distinct().count()
    states = dict(Message.objects.values_list("state").annotate(Count("id")).order_by("state"))
    written, sent = sum(states.values()), states.get("sent", 0)
    counts = [f"{flag['kind']:22}{flag['matched']:4} matched{flag['review']:5} need review" for flag in flags]
    lines = [
        f"  contracts   {Contract.objects.count()} loaded, {flagged} of them flagged",
        *(f"  {'flags' if number == 0 else '':12}{count}" for number, count in enumerate(counts)),
        f"  mails       {written} written, {sent} delivered"
        + "".join(f", {count} {state}" for state, count in states.items() if state != "sent"),
        f"              read them in {mail} (.eml, and .txt for the eye)",
    ]
    return "\n".join(lines)
