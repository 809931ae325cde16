"""Commodity facets at their edges: one case a line, one remark a case."""

from dataclasses import replace
from decimal import Decimal

import pytest

from contracts.facts import ContentPart
from policies.facts import CommodityEntry, MinValueShare, Scope
from tests.screening.small import certainty, contract, line, measure, policies

YES, MAYBE, NO = "matched", "needs_review", None


def says(entry: CommodityEntry, **line_facts: object) -> str | None:
    """What a ban on the entry says of a line; an exception of the same entry must say the opposite."""
    of = contract(line(**line_facts))
    answer = certainty(policies(measure(Scope(commodities=(entry,)))), of)
    excepted = certainty(policies(measure(Scope(except_commodities=(entry,)))), of)
    assert excepted == {YES: NO, MAYBE: MAYBE, NO: YES}[answer]
    return answer


@pytest.mark.parametrize(
    ("policy", "hs_code", "expected"),
    [
        (("280530",), "280530", YES),  # the same code
        (("2805",), "280530", YES),  # the line is finer
        (("280530",), "2805", MAYBE),  # the policy is finer and starts with the line's
        (("280530",), "28", MAYBE),  # by two levels
        (("280530",), "2804", NO),  # coarser, but another branch
        (("2805",), "2846", NO),  # same chapter, other heading
        (("28",), "280530", YES),  # a whole chapter
        (("280530",), None, MAYBE),  # no code
        (("280530", "2805"), "2805", YES),  # a certain match outweighs a possible one
        (("2846", "280530"), "2805", MAYBE),  # one of several may be it
        (("2846", "8505"), "2805", NO),  # none of several can be it
    ],
)
def test_hs_prefixes(policy, hs_code, expected):
    assert says(CommodityEntry(hs=policy), hs_code=hs_code) == expected


CN, JP = "CN", "JP"


@pytest.mark.parametrize(
    ("policy", "tariff_codes", "hs_code", "expected"),
    [
        ({CN: ("2805301910",)}, {CN: "2805301910"}, "280530", YES),  # the same line
        ({CN: ("28053019",)}, {CN: "2805301910"}, "280530", YES),  # the contract is finer
        ({CN: ("2805301910",)}, {CN: "28053019"}, "280530", MAYBE),  # the policy is finer
        ({CN: ("2805301910",)}, {CN: "2805301100"}, "280530", NO),  # another line of the same subheading
        ({CN: ("2805301910",)}, {CN: "2805301100"}, None, NO),  # the national code decides, no HS code needed
        ({CN: ("2805301910",)}, {}, "280530", MAYBE),  # no Chinese code, the HS code agrees
        ({CN: ("2805301910",)}, {}, "28", MAYBE),  # the HS code is coarser and agrees
        ({CN: ("2805301910",)}, {}, "280540", NO),  # the HS code is disjoint from the first six digits
        ({CN: ("2805301910",)}, {}, "2846", NO),  # a coarser HS code can be disjoint too
        ({CN: ("2805301910",)}, {}, None, MAYBE),  # nothing known
        ({CN: ("2805",)}, {}, "280530", MAYBE),  # a short policy code: the HS code lies within, yet is no national code
        ({CN: ("2805",)}, {}, "284690", NO),  # a short policy code, disjoint
        ({CN: ("2805301910",)}, {JP: "2805301910"}, "280530", MAYBE),  # a Japanese code says nothing of a Chinese one
        ({CN: ("2805301910",)}, {JP: "2805301910"}, "850511", NO),  # not even against a disjoint HS code
        ({CN: ("2805301910",), JP: ("280530200",)}, {JP: "280530200"}, "280530", YES),  # one country is enough
        ({CN: ("2805301910",), JP: ("280530200",)}, {CN: "2805301100"}, "280530", MAYBE),  # the other may still match
        ({CN: ("2805301910",)}, {CN: "2805301910"}, "850511", YES),  # a contradiction: the national code goes first
    ],
)
def test_national_tariff_lines(policy, tariff_codes, hs_code, expected):
    entry = CommodityEntry(tariff=tuple(sorted(policy.items())))
    assert says(entry, tariff_codes=tuple(sorted(tariff_codes.items())), hs_code=hs_code) == expected


@pytest.mark.parametrize(
    ("policy", "control_codes", "expected"),
    [
        (("CN-DUAL:1C117",), ("CN-DUAL:1C117",), YES),  # the code itself
        (("CN-DUAL:1C117",), ("CN-DUAL:1C117.d",), YES),  # a sub-item
        (("CN-DUAL:1C117",), ("CN-DUAL:1C117.d.1",), YES),  # a sub-item of a sub-item
        (("CN-DUAL:1C117",), ("CN-DUAL:1C1170",), NO),  # another code that begins with the same characters
        (("CN-DUAL:1C117.d",), ("CN-DUAL:1C117",), MAYBE),  # the line's code contains the policy's
        (("CN-DUAL:1C117.d",), ("CN-DUAL:1C117.e",), NO),  # the sub-item next to it
        (("CN-DUAL:1C117.d",), ("CN-DUAL",), MAYBE),  # the line says only the list
        (("CN-DUAL",), ("CN-DUAL:1C117.d",), YES),  # a bare list contains all its codes
        (("CN-DUAL",), ("CN-DUAL",), YES),  # and is contained in itself
        (("CN-DUAL",), ("CN-DUAL2:1C117",), MAYBE),  # a list whose name only begins alike is another list
        (("CN-DUAL:1C117",), ("US-CCL:3A001",), MAYBE),  # another list says nothing of this one
        (("CN-DUAL:1C117",), ("US-CCL:3A001", "CN-DUAL:1C905"), NO),  # the line has been classified in this list
        (("CN-DUAL:1C117", "US-CCL:3A001"), ("CN-DUAL:1C905",), MAYBE),  # each policy code by itself, then OR
        (("CN-DUAL:1C117", "US-CCL:3A001"), ("US-CCL:3A001",), YES),  # OR: one match is enough
        (("CN-DUAL:1C117",), (), NO),  # classified, not controlled
        (("CN-DUAL",), (), NO),  # by any list
        (("CN-DUAL:1C117",), None, MAYBE),  # never classified
        (("CN-DUAL:1C117.d",), ("CN-DUAL:1C117", "CN-DUAL:1C117.d"), YES),  # certain outweighs possible
    ],
)
def test_control_codes(policy, control_codes, expected):
    assert says(CommodityEntry(control_codes=policy), control_codes=control_codes) == expected


def content(*parts: tuple[str | None, str | None]) -> tuple[ContentPart, ...]:
    return tuple(ContentPart(origin, None if share is None else Decimal(share)) for origin, share in parts)


@pytest.mark.parametrize(
    ("share", "parts", "expected"),
    [
        ("0.001", content(("CN", "0.0010")), YES),  # exactly the share, written otherwise
        ("0.001", content(("CN", "0.0009")), NO),  # just below
        ("0.001", content(("CN", "0.0006"), ("CN", "0.0004")), YES),  # parts of one origin add up
        ("0.001", content(("CN", "0.0006"), ("JP", "0.9")), NO),  # parts of another do not
        ("0.001", content(("JP", "1")), NO),  # a list without the origin is 0
        ("0.001", content(), NO),  # and so is an empty one
        ("0.001", None, MAYBE),  # nothing known
        ("0.001", content((None, "0.0010")), MAYBE),  # an origin that may be it
        ("0.001", content((None, "0.0009")), NO),  # that may be it, but is too small whatever it is
        ("0.001", content(("CN", "0.0006"), (None, "0.0004")), MAYBE),  # enough together with what may be it
        ("0.001", content(("CN", "0.0006"), (None, "0.0003")), NO),  # not enough even then
        ("0.001", content(("CN", None)), MAYBE),  # a null share may be anything up to 1
        ("0.001", content(("JP", None)), NO),  # not where the origin is another
        ("0.001", content((None, None)), MAYBE),  # neither known
        ("0.001", content(("CN", "0.001"), (None, None)), YES),  # what is known suffices
        ("1", content((None, "0.5"), (None, "0.5")), MAYBE),  # all of it, if both are
        ("0", content(), YES),  # no share at all is reached by nothing
        ("0", None, MAYBE),  # but not established stays unknown
    ],
)
def test_value_share(share, parts, expected):
    entry = CommodityEntry(min_value_share=MinValueShare(Decimal(share), "CN"))
    assert says(entry, content=parts) == expected


@pytest.mark.parametrize(
    ("purity", "expected"),
    [
        ("99.99", YES),  # exactly
        ("99.990", YES),  # written otherwise
        ("99.98", NO),  # just below
        (None, MAYBE),  # unknown
    ],
)
def test_purity(purity, expected):
    entry = CommodityEntry(min_purity=Decimal("99.99"))
    assert says(entry, purity=None if purity is None else Decimal(purity)) == expected


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        (("Dy", "Nd"), YES),  # one of several
        (("Nd",), NO),  # another
        ((), NO),  # none in it
        (None, MAYBE),  # unknown
    ],
)
def test_elements(elements, expected):
    assert says(CommodityEntry(elements=("Dy", "Tb")), elements=elements) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"hs_code": "280530", "elements": ("Dy",)}, YES),  # all stated facets match
        ({"hs_code": "850511", "elements": None}, NO),  # one certainly fails, the other's doubt does not matter
        ({"hs_code": None, "elements": ("Nd",)}, NO),  # the other way round
        ({"hs_code": "28", "elements": ("Dy",)}, MAYBE),  # one in doubt
        ({"hs_code": None, "elements": None}, MAYBE),  # both in doubt
    ],
)
def test_the_facets_of_an_entry_are_and_ed(facts, expected):
    assert says(CommodityEntry(hs=("280530",), elements=("Dy",)), **facts) == expected


@pytest.mark.parametrize(
    ("commodity", "exception", "expected"),
    [
        ("280530", "280530", NO),  # excepted what is named
        ("280530", "850511", YES),  # the exception is of other goods
        ("28", "280530", NO),  # the line is in the exception
        ("2805", "28", NO),  # the exception is wider
    ],
)
def test_an_exception_takes_out_what_it_matches(commodity, exception, expected):
    scope = Scope(commodities=(CommodityEntry(hs=(commodity,)),), except_commodities=(CommodityEntry(hs=(exception,)),))
    assert certainty(policies(measure(scope))) == expected


def test_any_entry_of_several_is_enough():
    possible, certain = CommodityEntry(control_codes=("CN-DUAL",)), CommodityEntry(hs=("2805",))
    of = contract(line(control_codes=None))
    assert certainty(policies(measure(Scope(commodities=(possible,)))), of) == MAYBE
    assert certainty(policies(measure(Scope(commodities=(possible, certain)))), of) == YES
    assert certainty(policies(measure(Scope(commodities=(certain,), except_commodities=(possible,)))), of) == MAYBE
    assert certainty(policies(measure(Scope(except_commodities=(possible, certain)))), of) == NO


def test_of_a_contract_without_lines_nothing_is_known():
    of = replace(contract(), lines=())
    assert certainty(policies(measure(Scope(commodities=(CommodityEntry(hs=("28",)),)))), of) == MAYBE
    assert certainty(policies(measure(Scope(origin_countries=("CN",)))), of) == MAYBE
    assert certainty(policies(measure()), of) == MAYBE  # whether anything is open is not known either
