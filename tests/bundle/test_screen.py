"""The command `screen`: a bundle alone, no database, the flags as JSON."""

import json

import pytest
from django.core.management import call_command

from tests.screening.bundles import CASES, read


def screened(bundle, at, tmp_path, capsys):
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(bundle))
    call_command("screen", str(file), "--at", at)
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_example_gives_exactly_what_it_expects(path, tmp_path, capsys):
    case = read(path)
    flags = screened(case["bundle"], case["at"], tmp_path, capsys)
    expected = ("contract", "measure", "kind", "certainty", "basis", "lines")
    assert [{field: flag[field] for field in expected} for flag in flags] == case["expect"]


def test_a_flag_has_the_shape_that_the_bundle_format_gives(tmp_path, capsys):
    bundle = {
        "organizations": [{"reference": "A"}, {"reference": "B"}],
        "policy_changes": [
            {
                "reference": "CN-MOFCOM-2026-1",
                "timezone": "Asia/Shanghai",
                "formality": "official",
                "status": "published",
                "measures": [
                    {
                        "key": "1",
                        "effect": "ban",
                        "timeline": [{"status": "in_force", "from": "2026-01-06"}],
                        "scope": {"end_uses": ["military"]},
                    }
                ],
            }
        ],
        "contracts": [
            {
                "reference": "C-1",
                "kind": "purchase",
                "supplier": "A",
                "buyer": "B",
                "concluded_on": "2025-04-01",
                "renewal": "none",
                "currency": "JPY",
                "lines": [
                    {"number": 10, "quantity": "100.5", "unit_price": "12000", "delivered": "0.5", "cancelled": "0"}
                ],
            }
        ],
    }
    assert screened(bundle, "2026-03-01T00:00:00+09:00", tmp_path, capsys) == [
        {
            "contract": "C-1",
            "measure": "CN-MOFCOM-2026-1/1",
            "kind": "possible_termination",
            "certainty": "needs_review",
            "basis": "in_force",
            "lines": [10],
            "reasons": [
                {
                    "line": 10,
                    "criterion": "end_uses",
                    "verdict": "unknown",
                    "contract_says": None,
                    "measure_says": ["military"],
                }
            ],
            "would_clear_if": [{"field": "end_use", "values": ["civil"]}],
            "act_by": "2026-02-28",
            "exposure": {"amount": "1200000.00", "currency": "JPY"},
        }
    ]


def test_an_instant_without_an_offset_is_refused(tmp_path):
    with pytest.raises(Exception, match="no offset"):
        call_command("screen", "bundle.json", "--at", "2026-03-01T00:00:00")
