"""Digests: what can wait is told together, at the beginning of a working day."""
