"""REST: what can be written, and what screening made of it."""
