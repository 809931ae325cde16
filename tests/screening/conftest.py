"""Hypothesis profiles: the normal run is short; HYPOTHESIS_PROFILE=thorough searches for minutes."""

import os

from hypothesis import HealthCheck, settings

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.filter_too_much]

settings.register_profile("normal", max_examples=300, deadline=None, suppress_health_check=QUIET)
settings.register_profile("thorough", max_examples=4_000, deadline=None, suppress_health_check=QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "normal"))
