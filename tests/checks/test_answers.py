"""The answer by effect, purpose and certainty, against the effect table of the bundle format; worst wins."""

import pytest

from tests.checks.conftest import Ask, World, document

# What a contract has to say for the step; of the purposes that ask about one in force.
LIVE = {"concluded_on": "2024-04-01", "expires_on": "2027-03-31"}
STEPS = {
    "new_contract": {"purpose": "new_contract"},
    "call_off": {"purpose": "call_off", "kind": "call_off", "framework": "F-1"},
    "framework": {"purpose": "call_off", "kind": "framework", "renewal": "none", **LIVE},
    "amendment": {"purpose": "amendment", "renewal": "none", **LIVE},
    "renewal_auto": {"purpose": "renewal", "renewal": "auto", **LIVE},
    "renewal_option": {"purpose": "renewal", "renewal": "option", **LIVE},
    "renewal_evergreen": {"purpose": "renewal", "renewal": "evergreen", **LIVE},
    "renewal_none": {"purpose": "renewal", "renewal": "none", **LIVE},
}
B, L, R, C = "blocked", "licence_required", "review", "clear"
# Column by column of the effect table: signing; calling off; live; live and renewing.
TABLE = {
    "ban": (B, B, B, B, B, B, B, B),
    # An option or an evergreen term may not be a new contract; without a right to renew it is one.
    "new_contracts_refused": (B, B, B, C, B, R, R, B),
    # The seller considers to end what is live; nobody forbids it.
    "termination_considered": (C, C, C, R, R, R, R, R),
    "licence_required": (L, L, L, L, L, L, L, L),
    "watch": (C, C, C, C, C, C, C, C),
}
CASES = [(effect, step, expected) for effect, row in TABLE.items() for step, expected in zip(STEPS, row, strict=True)]


@pytest.fixture
def framework(world: World) -> None:
    world.contract("F-1", kind="framework")


@pytest.mark.parametrize(("effect", "step", "expected"), CASES)
def test_the_answer_follows_the_effect_table(
    world: World, framework: None, ask: Ask, effect: str, step: str, expected: str
) -> None:
    world.change(measure={"effect": effect})
    (result,) = ask(document(**STEPS[step]))
    assert (result["decision"], result["errors"]) == (expected, [])
    assert result["lines"][0]["decision"] == expected


@pytest.mark.parametrize(("effect", "step", "expected"), CASES)
def test_what_is_not_established_is_reviewed_wherever_certainty_would_be_an_answer(
    world: World, framework: None, ask: Ask, effect: str, step: str, expected: str
) -> None:
    scope = {"commodities": [{"hs": ["2846"]}], "end_uses": ["military"]}
    world.change(measure={"effect": effect, "scope": scope})
    (unknown, civil) = ask(document(**STEPS[step], end_use=None), document(**STEPS[step], end_use="civil"))
    assert unknown["decision"] == (C if expected == C else R)
    assert civil["decision"] == C


def test_every_decision_has_its_next_step(world: World, ask: Ask) -> None:
    world.change(measure={"effect": "ban", "scope": {"end_uses": ["military"]}})
    world.change("LICENCE", measure={"effect": "licence_required", "scope": {"commodities": [{"hs": ["8505"]}]}})
    results = ask(
        document(),
        document(end_use="military"),
        document(end_use=None),
        document(line={"hs_code": "850511"}),
        document(purpose="gift"),
    )
    assert [(result["decision"], result["next_step"]) for result in results] == [
        ("clear", "commit"),
        ("blocked", "do_not_commit"),
        ("review", "establish_facts_or_release"),
        ("licence_required", "obtain_licence"),
        ("error", "correct_and_ask_again"),
    ]


def test_the_worst_line_is_the_documents_and_each_line_has_its_own(world: World, ask: Ask) -> None:
    world.change(measure={"effect": "ban", "scope": {"commodities": [{"hs": ["2846"]}]}})
    line = document()["lines"][0]
    lines = [
        {**line, "number": 10},
        {**line, "number": 20, "hs_code": "28"},  # coarser than the policy: may be
        {**line, "number": 30, "hs_code": "730110"},
    ]
    (result,) = ask(document(lines=lines))
    assert result["decision"] == "blocked"
    assert [(one["number"], one["decision"]) for one in result["lines"]] == [(10, B), (20, R), (30, C)]
    # The finding is a flag's: it names the lines of its certainty.
    assert [(one["certainty"], one["lines"]) for one in result["findings"]] == [("matched", [10])]


def test_a_document_without_lines_is_one_of_which_nothing_is_known(world: World, ask: Ask) -> None:
    world.change(measure={"effect": "ban", "scope": {"commodities": [{"hs": ["2846"]}]}})
    (result,) = ask(document(lines=[]))
    assert (result["decision"], result["lines"]) == ("review", [])


def test_reasons_and_what_would_clear_it_are_as_flags_have_them(world: World, ask: Ask) -> None:
    world.change(measure={"effect": "ban", "scope": {"end_uses": ["military"]}})
    (result,) = ask(document(end_use=None))
    (finding,) = result["findings"]
    assert finding["measure"] == "CN-REPORT/existing"
    assert finding["reasons"] == [
        {"line": 10, "criterion": "end_uses", "verdict": "unknown", "contract_says": None, "measure_says": ["military"]}
    ]
    assert finding["would_clear_if"] == [{"field": "end_use", "values": ["civil"]}]
    assert finding["exposure"] == {"amount": "1200000.00", "currency": "JPY"}
    assert (finding["kind"], finding["basis"], finding["act_by"]) == ("no_new_contracts", "reported", "2026-01-13")


def test_what_would_clear_a_renewal_is_asked_of_the_renewal(world: World, ask: Ask) -> None:
    world.change(measure={"effect": "new_contracts_refused", "scope": {"end_uses": ["military"]}})
    (result,) = ask(document(**STEPS["renewal_auto"], end_use=None))
    assert result["findings"][0]["would_clear_if"] == [{"field": "end_use", "values": ["civil"]}]


def test_a_call_off_is_barred_where_its_framework_is_named(world: World, framework: None, ask: Ask) -> None:
    world.change(measure={"effect": "new_contracts_refused", "scope": {"contracts": ["F-1"]}})
    world.contract("F-2", kind="framework")
    named, other = ask(document(**STEPS["call_off"]), document(**{**STEPS["call_off"], "framework": "F-2"}))
    assert (named["decision"], other["decision"]) == ("blocked", "clear")


# What cannot be asked: the purpose does not fit what the document says of itself.
MISFITS = [
    ({"purpose": "call_off"}, "purpose_does_not_fit", "#/documents/0/purpose"),
    ({"purpose": "call_off", "kind": "call_off"}, "required", "#/documents/0/framework"),
    ({"purpose": "call_off", "kind": "framework"}, "purpose_does_not_fit", "#/documents/0/purpose"),
    ({"purpose": "amendment"}, "purpose_does_not_fit", "#/documents/0/purpose"),
    ({"purpose": "renewal"}, "purpose_does_not_fit", "#/documents/0/purpose"),
    ({"purpose": "renewal", **LIVE, "terminated_on": "2026-06-30"}, "purpose_does_not_fit", "#/documents/0/purpose"),
    (
        {"purpose": "renewal", "concluded_on": "2024-04-01", "expires_on": "2025-12-31"},
        "purpose_does_not_fit",
        "#/documents/0/purpose",
    ),
    ({"closed_as": "completed"}, "purpose_does_not_fit", "#/documents/0/purpose"),
    ({"terminated_on": "2026-01-13"}, "purpose_does_not_fit", "#/documents/0/purpose"),
]


@pytest.mark.parametrize(("says", "code", "pointer"), MISFITS)
def test_a_step_that_does_not_fit_is_an_error_and_never_clear(
    world: World, ask: Ask, says: dict[str, str], code: str, pointer: str
) -> None:
    (result,) = ask(document(**says))
    assert result["decision"] == "error"
    assert [(one["code"], one["pointer"]) for one in result["errors"]] == [(code, pointer)]
    assert "receipt" not in result


def test_a_new_contract_is_asked_about_before_it_is_concluded_whatever_its_date(world: World, ask: Ask) -> None:
    world.change(measure={"effect": "new_contracts_refused"})
    (result,) = ask(document(concluded_on="2026-01-13"))
    assert result["decision"] == "blocked"
