"""The screening core: pure, typed, no Django. Policies are compiled once, contracts are screened in batches."""

from alerts.screening.policy_set import Policies, PolicySet, compile_policies
from alerts.screening.verdicts import Kind, Money, Verdict
from contracts.stage import Calendar

__all__ = ["Calendar", "Kind", "Money", "Policies", "PolicySet", "Verdict", "compile_policies"]
