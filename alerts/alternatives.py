"""Who else supplies the goods of a flagged line, and may: suppliers in the book whom no measure hits for them.

A new contract with each is supposed, for the same buyer and end use, and screened like any other: about to be signed,
and in force. Who would be flagged, or might be, is no alternative.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from alerts.models import Flag
from alerts.portfolio import calendar, stored_policies
from alerts.screening import compile_policies
from contracts.facts import ContractFacts, LineFacts
from contracts.models import Contract, Line
from contracts.reading import contract_facts, line_facts
from contracts.stage import LIVE, NOT_CONCLUDED, Calendar, open_quantity, stage
from people.models import User
from people.row_security import unrestricted
from suppliers.models import Organization

GOODS = ("hs_code", "tariff_codes", "control_codes", "elements", "purity", "content", "origin_country")
MOST = 2_000
"""Kinds of goods looked at for one line."""
SHOWN_CONTRACTS = 20
HEADING = 4
"""Digits of an HS code that have to agree."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Goods that a supplier has sold before."""

    supplier: str
    goods: LineFacts


def alternatives(flag: Flag, *, seen_by: User, at: datetime) -> list[dict[str, Any]]:
    """Line by line, who else may supply; open contracts with them are those that the user may see."""
    contract = next(iter(Contract.objects.filter(pk=flag.contract_id).facts()), None)
    if contract is None:
        return []
    lines = [line for line in contract.lines if line.number in flag.lines]
    offers = {line.number: list(_offers(line, contract.supplier)) for line in lines}
    free = _unhit(contract, offers, at)
    return [_of_line(line, offers[line.number], free[line.number], seen_by, calendar(at)) for line in lines]


def same_goods(line: LineFacts) -> QuerySet[Line] | None:
    """Stored lines with the same code, as far as both go, and an element in common; None where neither is known."""
    if line.hs_code is None and not line.elements:
        return None
    found = Line.objects.all()
    if line.hs_code is not None:
        coarser = [line.hs_code[:digits] for digits in (HEADING, 6) if digits <= len(line.hs_code)]
        # By comparison: under row-level security an index serves no LIKE. Behind all digits comes the colon.
        finer = Q(hs_code__gte=line.hs_code, hs_code__lt=f"{line.hs_code}:")
        found = found.filter(Q(hs_code__in=coarser or [line.hs_code]) | finer)
    if line.elements:
        found = found.filter(elements__overlap=list(line.elements))
    return found


def _offers(line: LineFacts, supplier: str) -> Iterator[Offer]:
    """What others have sold of the same goods, each kind of it once."""
    found = same_goods(line)
    if found is None:
        return
    others = found.exclude(contract__supplier__reference=supplier).exclude(contract__supplier__is_supplier=False)
    with unrestricted():  # whom the house has bought the goods from, without a word about the contracts
        sold = list(others.order_by().values("contract__supplier__reference", *GOODS).distinct()[:MOST])
    for row in sold:
        yield Offer(row["contract__supplier__reference"], line_facts({**row, "number": line.number}))


def _unhit(contract: ContractFacts, offers: Mapping[int, Sequence[Offer]], at: datetime) -> dict[int, list[Offer]]:
    """By line, the offers that no measure hits, in one screening."""
    lines = {line.number: line for line in contract.lines}
    supposed: dict[str, tuple[int, Offer]] = {}
    contracts: list[ContractFacts] = []
    for number, some in offers.items():
        for offer in some:
            name = f"supposed {len(supposed)}"
            supposed[name] = (number, offer)
            contracts += _suppose(name, contract, lines[number], offer, at)
    verdicts = compile_policies(stored_policies(), calendar(at)).screen(contracts)
    hit = {verdict.contract.removesuffix(" signed") for verdict in verdicts}
    free: dict[int, list[Offer]] = defaultdict(list)
    for name, (number, offer) in supposed.items():
        if name not in hit:
            free[number].append(offer)
    return free


def _suppose(
    name: str, contract: ContractFacts, line: LineFacts, offer: Offer, at: datetime
) -> tuple[ContractFacts, ContractFacts]:
    """A contract about to be signed, and the same in force: what only threatens the one may end the other."""
    draft = ContractFacts(
        reference=name,
        kind="purchase",
        supplier=offer.supplier,
        buyer=contract.buyer,
        end_user=contract.end_user,
        destination_country=contract.destination_country,
        end_use=contract.end_use,
        negotiation="pending_signature",
        renewal="none",
        lines=(
            replace(
                offer.goods,
                quantity=Decimal(1),
                delivered=Decimal(0),
                cancelled=Decimal(0),
                ship_from=line.ship_from,
                ship_until=line.ship_until,
            ),
        ),
    )
    return draft, replace(draft, reference=f"{name} signed", negotiation=None, concluded_at=at)


def _of_line(
    line: LineFacts, offers: Sequence[Offer], free: Sequence[Offer], user: User, now: Calendar
) -> dict[str, Any]:
    by_supplier: defaultdict[str, list[Offer]] = defaultdict(list)
    for offer in free:
        by_supplier[offer.supplier].append(offer)
    names = Organization.objects.in_bulk(list(by_supplier), field_name="reference")
    contracts = _open_contracts(line, list(by_supplier), user, now)
    shown = [
        {
            "supplier": supplier,
            "name": names[supplier].name,
            "country": names[supplier].country,
            "offers": [_goods(offer.goods) for offer in some],
            "contracts": contracts.get(supplier, [])[:SHOWN_CONTRACTS],
        }
        for supplier, some in by_supplier.items()
    ]
    considered = {offer.supplier for offer in offers}
    return {
        "line": line.number,
        **_goods(line),
        "alternatives": sorted(shown, key=lambda one: (-len(one["contracts"]), one["supplier"])),
        "left_out": len(considered - by_supplier.keys()),
    }


def _open_contracts(
    line: LineFacts, suppliers: Sequence[str], user: User, now: Calendar
) -> Mapping[str, list[dict[str, Any]]]:
    """By supplier, open contracts for the same goods that the user may see, with what is still to be delivered."""
    found = same_goods(line)
    if found is None or not suppliers:
        return {}
    visible = Contract.objects.visible_to(user).filter(supplier__reference__in=suppliers, closed_as__isnull=True)
    lines = found.filter(contract__in=visible.order_by()).select_related("contract__supplier")
    open_ones: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in lines.order_by("contract__reference", "number")[:MOST]:
        contract = row.contract
        at_stage = stage(_dates(contract), now)
        quantity = open_quantity(line_facts(vars(row)))
        if at_stage in NOT_CONCLUDED or (at_stage in LIVE and quantity != 0):
            open_ones[contract.supplier.reference].append(
                {
                    "contract": contract.reference,
                    "line": row.number,
                    "stage": at_stage,
                    "open_quantity": None if quantity is None else f"{quantity.normalize():f}",
                    "unit": row.unit,
                    "expires_on": contract.expires_on and contract.expires_on.isoformat(),
                }
            )
    return open_ones


def _dates(contract: Contract) -> ContractFacts:
    """Enough of it to tell its stage."""
    return contract_facts({**vars(contract), "supplier": "", "buyer": ""})


def _goods(goods: LineFacts) -> dict[str, Any]:
    return {
        "hs_code": goods.hs_code,
        "elements": None if goods.elements is None else list(goods.elements),
        "control_codes": None if goods.control_codes is None else list(goods.control_codes),
        "origin_country": goods.origin_country,
    }
