"""Alerts by e-mail: what a mail says, how it looks, and how it leaves."""
