"""The server does what its OpenAPI document says, as far as a minute of generated cases can tell."""

import pytest

from tests.conformance.__main__ import main


@pytest.mark.xdist_group("faults")
def test_generated_cases_find_no_difference(capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["--examples", "2", "--phases", "examples,fuzzing"])
    told = capfd.readouterr().out
    assert code == 0, told[-20_000:]
    assert told.count("Selected: 106/106") == 2, "a new operation belongs in this number"
