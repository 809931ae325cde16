"""Simplified Chinese: thousands are grouped, as invoices do; Django has groups of four without a separator."""

DECIMAL_SEPARATOR = "."
THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
