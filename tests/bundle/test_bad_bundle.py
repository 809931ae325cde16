"""A bad bundle: every fault at once, by JSON pointer, and nothing changed."""

from pathlib import Path

import pytest
from django.core.management import call_command

from alerts.bundle.parse import parse
from alerts.bundle.problems import BundleErrors
from people.models import ChangeEntry

BAD = Path(__file__).parent / "bad.json"

FAULTS = [
    ("/organizations/0/name", "nul"),
    ("/organizations/0/country", "invalid_country"),
    ("/organizations/0/identifiers/0/value", "invalid_identifier"),
    ("/organizations/0/owners", "more_than_all"),
    ("/organizations/1/name", "surrogate"),
    ("/policy_changes/0/timezone", "invalid_timezone"),
    ("/policy_changes/0/measures/0/timeline/0/until", "ends_before_it_begins"),
    ("/contracts/0/colour", "unknown_key"),
    ("/contracts/0/buyer", "unknown_reference"),
    ("/contracts/1/lines/0/hs_code", "invalid_hs_code"),
    ("/contracts/1/lines/0/quantity", "not_a_string"),
    ("/contracts/1/reference", "duplicate_reference"),
]


def test_twelve_different_faults_give_twelve_errors():
    with pytest.raises(BundleErrors) as raised:
        parse(BAD.read_bytes())
    assert [(problem.pointer, problem.code) for problem in raised.value.problems] == FAULTS


def test_both_places_of_a_duplicate_are_named():
    with pytest.raises(BundleErrors) as raised:
        parse(BAD.read_bytes())
    (problem,) = (problem for problem in raised.value.problems if problem.code == "duplicate_reference")
    assert problem.pointer == "/contracts/1/reference"
    assert "/contracts/0/reference" in problem.detail


@pytest.mark.django_db
def test_load_says_so_on_standard_error_and_changes_nothing(capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("load", str(BAD))
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    *errors, summary = printed.err.splitlines()
    assert [line.partition(":")[0] for line in errors] == [pointer for pointer, _ in FAULTS]
    assert summary == "12 errors; nothing was changed"
    assert not ChangeEntry.objects.exists()


def test_screen_says_so_too(capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("screen", str(BAD), "--at", "2026-03-01T00:00:00+09:00")
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 13


@pytest.mark.django_db
def test_a_good_file_is_not_stored_beside_a_bad_one(tmp_path, capsys):
    good = tmp_path / "good.json"
    good.write_text('{"organizations": [{"reference": "A"}]}')
    with pytest.raises(SystemExit):
        call_command("load", str(good), str(BAD))
    assert f"{BAD}: /contracts/0/colour: " in capsys.readouterr().err
    assert not ChangeEntry.objects.exists()
