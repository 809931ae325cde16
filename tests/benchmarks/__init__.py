"""Benchmarks: the alternative is measured beside the product in the same run, and the ratio is what counts."""
