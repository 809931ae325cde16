"""Bundles: one JSON shape for import, REST, scenarios and tests, read, checked and stored."""
