"""Webhooks: what happens to flags and policy changes, told to other machines as Standard Webhooks 1.0 has it."""
