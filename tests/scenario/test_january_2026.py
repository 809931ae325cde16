"""The January 2026 scenario gives exactly the flags that were derived for it by hand, and the February one its own."""

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from stdnum import lei
from stdnum.cn import uscc
from stdnum.jp import cn as corporate_number

HERE = Path(__file__).parent
SCENARIOS = HERE.parents[1] / "scenarios"
JANUARY = SCENARIOS / "january-2026.json"
FEBRUARY = SCENARIOS / "february-2026.json"

Flags = list[dict[str, Any]]


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def screened(path: Path, at: str) -> Flags:
    """The flags of `manage.py screen`, reduced to what the expectations state."""
    out = StringIO()
    call_command("screen", str(path), f"--at={at}", stdout=out)
    keys = ("contract", "measure", "kind", "certainty", "basis", "lines")
    return [{key: flag[key] for key in keys} for flag in json.loads(out.getvalue())]


def stated(expected: Mapping[str, Any]) -> Flags:
    flags = [{"contract": name, **flag} for name, one in expected["contracts"].items() for flag in one["flags"]]
    return sorted(flags, key=lambda flag: (flag["contract"], flag["measure"], flag["kind"]))


@pytest.mark.django_db
def test_january_gives_the_flags_that_were_derived_by_hand() -> None:
    expected = read(HERE / "expected.json")
    assert screened(JANUARY, expected["at"]) == stated(expected)


@pytest.mark.django_db
def test_february_adds_the_flags_of_the_two_lists(tmp_path: Path) -> None:
    """An organization that February names again keeps what January said of it."""
    expected = read(HERE / "expected_february.json")
    january, february = read(JANUARY), read(FEBRUARY)
    organizations = {one["reference"]: one for one in january["organizations"]}
    for one in february["organizations"]:
        organizations[one["reference"]] = {**organizations.get(one["reference"], {}), **one}
    merged = january | {
        "organizations": list(organizations.values()),
        "party_lists": january["party_lists"] + february["party_lists"],
        "policy_changes": january["policy_changes"] + february["policy_changes"],
    }
    both = tmp_path / "both.json"
    both.write_text(json.dumps(merged), encoding="utf-8")
    flags = [flag for flag in screened(both, expected["at"]) if flag["measure"] in expected["measures"]]
    assert flags == stated(expected)


def test_every_contract_has_an_expectation_and_about_half_are_untouched() -> None:
    expected = read(HERE / "expected.json")["contracts"]
    assert sorted(expected) == sorted(contract["reference"] for contract in read(JANUARY)["contracts"])
    untouched = sum(not one["flags"] for one in expected.values())
    assert 0.4 < untouched / len(expected) < 0.6


@pytest.mark.parametrize("path", [JANUARY, FEBRUARY], ids=lambda path: path.stem)
def test_identifiers_have_valid_check_digits_and_are_visibly_invented(path: Path) -> None:
    schemes = {"LEI": (lei, "FICTION"), "CN-USCC": (uscc, "FAKE"), "JP-CN": (corporate_number, "99999999")}
    identifiers = [one for organization in read(path)["organizations"] for one in organization.get("identifiers", [])]
    assert identifiers
    for identifier in identifiers:
        scheme, mark = schemes[identifier["scheme"]]
        assert scheme.is_valid(identifier["value"]), identifier
        assert mark in identifier["value"], identifier


def test_every_mail_address_is_in_a_domain_that_cannot_exist() -> None:
    january = read(JANUARY)
    addresses = [user["email"] for user in january["users"]]
    addresses += [department["mailbox"] for department in january["departments"]]
    addresses += [contract["owner"] for contract in january["contracts"] if contract["owner"]]
    assert all(address.endswith("@aomizu-group.example") for address in addresses)
