"""Checks: may I commit this? Documents that need not exist yet, decided by the screening core, with signed receipts."""
