"""Facts of a line that are not established, and values each may turn out to have.

Goods that are not the measure's come first, then those that it excepts or that a licence covers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from alerts.screening.reasons import Json, plain_number
from contracts.facts import ContentPart, ContractFacts, LineFacts
from policies.facts import CommodityEntry, LicenceFacts, MeasureFacts

COUNTRIES = ("AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB")
"""Examples of countries; the smallest that is not in the measure's list is given."""
CHAPTERS = tuple(f"{chapter:02d}" for chapter in range(1, 98) if chapter != 77)
"""The chapters of the Harmonized System; 77 is reserved."""
SUBDIVISIONS = tuple(f"{number:02d}" for number in (*range(10, 100, 10), *range(11, 100)))
HS_DIGITS = 6

Spared = tuple[CommodityEntry, ...]
ChangedLine = Iterable[tuple[Json, LineFacts]]


def spared_goods(measure: MeasureFacts, licences: Iterable[LicenceFacts]) -> Spared:
    """Goods that the measure excepts or a licence covers."""
    return (*measure.scope.except_commodities, *(entry for licence in licences for entry in licence.commodities))


def goods_gaps(line: LineFacts, measure: MeasureFacts, spared: Spared) -> Iterator[tuple[str, ChangedLine]]:
    """What would tell which goods these are."""
    if line.hs_code is None or len(line.hs_code) < HS_DIGITS:
        yield "hs_code", ((code, replace(line, hs_code=code)) for code in _finer(line.hs_code, spared))
    entries = (*measure.scope.commodities, *spared)
    for country in sorted({country for entry in entries for country, _ in entry.tariff}):
        yield f"tariff_codes/{country}", _tariff_codes(line, country, spared)
    if line.control_codes is None:
        held = sorted({code for entry in spared for code in entry.control_codes})
        yield "control_codes", ((list(codes), replace(line, control_codes=codes)) for codes in _none_or_one(held))
    if line.elements is None:
        symbols = sorted({symbol for entry in spared for symbol in entry.elements})
        yield "elements", ((list(held), replace(line, elements=held)) for held in _none_or_one(symbols))
    if line.purity is None:
        yield "purity", [(str(percent), replace(line, purity=Decimal(percent))) for percent in (0, 100)]
    yield from _content_gaps(line, spared)


def quantity_gaps(line: LineFacts, contract: ContractFacts) -> Iterator[tuple[str, ChangedLine]]:
    """What is delivered, cancelled or ordered so that nothing stays open."""
    delivered, cancelled = line.delivered or Decimal(0), line.cancelled or Decimal(0)
    if line.quantity is None:
        if contract.kind != "framework":
            done = delivered + cancelled
            yield "quantity", [(plain_number(done), replace(line, quantity=done))]
        return
    if line.delivered is None:
        rest = max(line.quantity - cancelled, Decimal(0))
        yield "delivered", [(plain_number(rest), replace(line, delivered=rest))]
    if line.cancelled is None:
        rest = max(line.quantity - delivered, Decimal(0))
        yield "cancelled", [(plain_number(rest), replace(line, cancelled=rest))]


def origin_gaps(line: LineFacts) -> Iterator[tuple[str, ChangedLine]]:
    if line.origin_country is None:
        yield "origin_country", [(country, replace(line, origin_country=country)) for country in COUNTRIES]


def _content_gaps(line: LineFacts, spared: Spared) -> Iterator[tuple[str, ChangedLine]]:
    origins = sorted({entry.min_value_share.origin for entry in spared if entry.min_value_share})
    if line.content is None:
        options: list[tuple[Json, LineFacts]] = [([], replace(line, content=()))]
        for origin in origins:
            whole = replace(line, content=(ContentPart(origin, Decimal(1)),))
            options.append(([{"origin": origin, "value_share": "1"}], whole))
        yield "content", options
    for at, part in enumerate(line.content or ()):
        if part.origin is None:
            countries = (*COUNTRIES, *origins)
            yield f"content/{at}/origin", [(c, _composed(line, at, replace(part, origin=c))) for c in countries]
        if part.value_share is None:
            shares = [(share, replace(part, value_share=Decimal(share))) for share in ("0", "1")]
            yield f"content/{at}/value_share", [(share, _composed(line, at, known)) for share, known in shares]


def _composed(line: LineFacts, at: int, part: ContentPart) -> LineFacts:
    content = line.content or ()
    return replace(line, content=(*content[:at], part, *content[at + 1 :]))


def _none_or_one(values: Iterable[str]) -> Iterator[tuple[str, ...]]:
    yield ()
    yield from ((value,) for value in values)


def _finer(code: str | None, spared: Spared) -> tuple[str, ...]:
    """HS codes that a code not established, or too coarse, may turn out to be; those spared first."""
    known = code or ""
    first = sorted({prefix for entry in spared for prefix in entry.hs if prefix != known and prefix.startswith(known)})
    return (*first, *(CHAPTERS if code is None else (code + subdivision for subdivision in SUBDIVISIONS)))


def _tariff_codes(line: LineFacts, country: str, spared: Spared) -> Iterator[tuple[Json, LineFacts]]:
    others = tuple(pair for pair in line.tariff_codes if pair[0] != country)
    own = dict(line.tariff_codes).get(country)
    start = own or (line.hs_code or CHAPTERS[0]).ljust(HS_DIGITS, "0")
    listed = sorted(code for entry in spared for of, codes in entry.tariff if of == country for code in codes)
    fitting = (code for code in listed if code != own and code.startswith(own or (line.hs_code or "")[:HS_DIGITS]))
    for code in (*fitting, *(start + subdivision for subdivision in ("00", *SUBDIVISIONS))):
        yield code, replace(line, tariff_codes=tuple(sorted((*others, (country, code)))))
