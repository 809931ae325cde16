"""Checks of the stored contracts agree with the flags these contracts have."""

from typing import Any

from alerts.checks.decisions import SEVERITY, Decision, decision_of, worst
from alerts.models import Flag
from contracts.models import Contract
from contracts.stage import Calendar
from people import clock
from tests.checks.test_agreement import step


def test_checks_of_the_stored_contracts_documents_agree_with_their_flags(administrator: Any) -> None:
    now = Calendar(clock.now(), "Asia/Tokyo", 180)
    steps = {facts.reference: step(facts, now) for facts in Contract.objects.facts()}
    asked = {reference: purpose for reference, purpose in steps.items() if purpose}
    documents = [
        {**administrator.get(f"/api/v1/contracts/{reference}").json(), "purpose": purpose}
        for reference, purpose in asked.items()
    ]
    answer = administrator.post("/api/v1/checks", {"documents": documents, "receipts": False}, format="json").json()
    expected: dict[str, Decision] = {}
    for reference in asked:
        flags = Flag.objects.open().filter(contract__reference=reference).select_related("measure")
        expected[reference] = worst(decision_of(flag.certainty, flag.kind, flag.measure.effect) for flag in flags)
    told = {result["document"]: result["decision"] for result in answer["results"]}
    assert told == {reference: str(decision) for reference, decision in expected.items()}
    assert len(told) == len(asked) > 10
    assert len(set(told.values())) > 2
    assert set(told.values()) <= {str(decision) for decision in SEVERITY}
