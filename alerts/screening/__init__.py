"""The screening core: pure, typed, no Django. Policies are compiled once, contracts are screened in batches."""

from alerts.screening.clearing import Clearances, Clearing, would_clear_if
from alerts.screening.policy_set import Policies, PolicySet, compile_policies
from alerts.screening.reasons import Json, Reason, reasons
from alerts.screening.standings import PURPOSES, Purpose
from alerts.screening.verdicts import Basis, Certainty, Kind, Money, Verdict
from contracts.stage import Calendar

__all__ = [
    "PURPOSES",
    "Basis",
    "Calendar",
    "Certainty",
    "Clearances",
    "Clearing",
    "Json",
    "Kind",
    "Money",
    "Policies",
    "PolicySet",
    "Purpose",
    "Reason",
    "Verdict",
    "compile_policies",
    "reasons",
    "would_clear_if",
]
