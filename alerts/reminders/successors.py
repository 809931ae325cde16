"""Who is reminded instead, where the recipient of a queued reminder is away or no longer in charge when it leaves."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from alerts.mail.language import language_of
from alerts.messages import CHANNEL, message_id
from alerts.models import Message, Purpose
from alerts.outbox.redirect import departments_left, departments_of, tried
from alerts.recipients import Directory, Recipient, may_no_longer_have
from contracts.models import Contract
from people.models import User


def lost_contracts(message: Message, *, at: datetime) -> tuple[list[int], list[int]]:
    """The contracts of whose dates the recipient is reminded, and the others, queued for who comes next.

    In the caller's transaction. Nobody is asked again who stands in the chain of messages behind it.
    """
    contracts = list(Contract.objects.filter(pk__in=message.contracts).select_related("department").order_by("pk"))
    directory = Directory(contracts, at)
    left = departments_left(message)
    asked = tried(message)
    lost: list[Contract] = []
    by_address: defaultdict[str, list[int]] = defaultdict(list)
    to: dict[str, Recipient] = {}
    because: defaultdict[str, dict[tuple[str, str | None], None]] = defaultdict(dict)
    for contract in contracts:
        why: tuple[str, str | None]
        if may_no_longer_have(contract, message.recipient, left, directory):
            following = directory.instead(contract, asked)
            why = ("owner", None) if following and following.capacity == "owner" else ("no_access", message.recipient)
        elif directory.awaits(contract, message.recipient):
            if not (following := directory.stand_in(contract, message.recipient, asked)):
                continue
            why = (following.capacity, following.owner)
        else:
            continue
        lost.append(contract)
        if following:
            to[following.address] = following
            by_address[following.address].append(contract.pk)
            because[following.address][why] = None
    for address, ids in by_address.items():
        _queue(message, to[address], ids, list(because[address]))
    gone = {contract.pk for contract in lost}
    return [id for id in message.contracts if id not in gone], sorted(gone)


def queue_rest(message: Message, contracts: Sequence[int]) -> None:
    """Queue what a withheld reminder's recipient may still have; its stored text says more than that."""
    user = User.objects.filter(email=message.recipient).first()
    to = Recipient(message.recipient, user, "owner")
    _queue(message, to, contracts, [tuple(pair) for pair in message.capacities])


def _queue(
    message: Message, to: Recipient, contracts: Sequence[int], capacities: Sequence[tuple[str, str | None]]
) -> None:
    key = f"{CHANNEL}:instead-of-{message.pk}:{to.address}"
    queued = Message(
        recipient=to.address,
        channel=CHANNEL,
        purpose=Purpose.REMINDER,
        dedup_key=key,
        message_id=message_id(key),
        contracts=list(contracts),
        capacities=[list(pair) for pair in capacities],
        departments=departments_of(to.user),
        at=message.at,
        language=language_of(to.user),
        in_place_of=message,
    )
    Message.objects.bulk_create([queued], ignore_conflicts=True)
