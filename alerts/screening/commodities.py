"""Whether a contract line is one of the goods a policy names, facet by facet.

Source: "Commodity facets" of the bundle format (docs/bundle.md). Every rule answers True, False or None (unknown).
"""

from collections.abc import Callable, Hashable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from alerts.screening.kleene import Truth, any_of
from contracts.facts import ContentPart, Goods
from policies.facts import CommodityEntry, MinValueShare

WHOLE = Decimal(1)

TariffKey = tuple[tuple[tuple[str, str], ...], str | None]
TariffLines = tuple[tuple[str, tuple[str, ...]], ...]


def hs(policy: tuple[str, ...], code: str | None) -> Truth:
    """A line's HS code starts with a policy code; a line coarser than the policy may."""
    if code is None:
        return None
    if code.startswith(policy):
        return True
    return None if code in _coarser(policy) else False


def _headings(code: str | None) -> Iterable[Hashable]:
    """All that a line's code starts with, and the code itself."""
    return [None] if code is None else [("itself", code), *(code[:digits] for digits in range(1, len(code) + 1))]


def _touching(policy: tuple[str, ...]) -> Iterable[Hashable]:
    """Codes that start with one of the policy's, that are coarser than one, or that nobody knows."""
    return [None, *policy, *(("itself", code) for code in _coarser(policy))]


@lru_cache(maxsize=4096)
def _coarser(policy: tuple[str, ...]) -> frozenset[str]:
    """Every code that is coarser than one of the policy's and contains it."""
    return frozenset(code[:digits] for code in policy for digits in range(1, len(code)))


def tariff(policy: TariffLines, line: TariffKey) -> Truth:
    """National lines are compared within their country; without one the first six digits and the HS code decide."""
    national, hs_code = dict(line[0]), line[1]

    def of_country(country: str, codes: tuple[str, ...]) -> Truth:
        own = national.get(country)
        if own is not None:
            return hs(codes, own)
        if hs_code is None:
            return None
        international = [code[:6] for code in codes]
        touching = any(code.startswith(hs_code) or hs_code.startswith(code) for code in international)
        return None if touching else False

    return any_of(of_country(country, codes) for country, codes in policy)


def control_codes(policy: tuple[str, ...], codes: tuple[str, ...] | None) -> Truth:
    """A code contains its sub-items, and a bare list name its codes; each policy code by itself, then OR."""
    if codes is None:
        return None

    def of_code(wanted: str) -> Truth:
        if any(_contains(wanted, code) for code in codes):
            return True
        if any(_contains(code, wanted) for code in codes):
            return None
        classified = not codes or any(_list_of(code) == _list_of(wanted) for code in codes)
        return False if classified else None

    return any_of(of_code(wanted) for wanted in policy)


def _list_of(code: str) -> str:
    return code.partition(":")[0]


def _contains(whole: str, part: str) -> bool:
    return part == whole or part.startswith(whole + ("." if ":" in whole else ":"))


def elements(policy: tuple[str, ...], held: tuple[str, ...] | None) -> Truth:
    return None if held is None else not set(policy).isdisjoint(held)


def min_purity(policy: Decimal, purity: Decimal | None) -> Truth:
    return None if purity is None else purity >= policy


def min_value_share(policy: MinValueShare, content: tuple[ContentPart, ...] | None) -> Truth:
    """Content of the origin is at least the share; a part of unknown origin or share may add up to all it can."""
    if content is None:
        return None
    shares = [(part.origin, part.value_share) for part in content if part.origin in (policy.origin, None)]
    established = sum((share for origin, share in shares if origin and share is not None), Decimal(0))
    if established >= policy.share:
        return True
    at_most = sum((WHOLE if share is None else share for _, share in shares), Decimal(0))
    return None if at_most >= policy.share else False


Marks = Callable[[Any], Iterable[Hashable]]


class Facet(NamedTuple):
    """A facet: what an entry states of it (falsy or None: nothing), what a line says of it, and the rule between.

    `marks` gives the marks of what a line may say and those that a statement looks for: what has none of them cannot
    be meant, and need not be asked.
    """

    name: str
    stated: Callable[[CommodityEntry], Hashable]
    says: Callable[[Goods], Hashable]
    rule: Callable[..., Truth]
    marks: tuple[Marks, Marks] | None = None


FACETS = (
    Facet("hs", lambda entry: entry.hs, lambda line: line.hs_code, hs, (_headings, _touching)),
    Facet("tariff", lambda entry: entry.tariff, lambda line: (line.tariff_codes, line.hs_code), tariff),
    Facet("control_codes", lambda entry: entry.control_codes, lambda line: line.control_codes, control_codes),
    Facet("elements", lambda entry: entry.elements, lambda line: line.elements, elements),
    Facet("min_purity", lambda entry: entry.min_purity, lambda line: line.purity, min_purity),
    Facet("min_value_share", lambda entry: entry.min_value_share, lambda line: line.content, min_value_share),
)

Profile = tuple[Hashable, ...]
"""What a line says of each facet, in the order of FACETS."""


def profile(goods: Goods) -> Profile:
    return tuple(facet.says(goods) for facet in FACETS)


def is_stated(value: object) -> bool:
    """Whether an entry's facet or a measure's criterion is stated: neither missing nor an empty list."""
    return value is not None and value != ()
