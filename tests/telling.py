"""Statements by which a request tells the database who asks, beyond those that it asks itself.

In tests, where a request is part of a transaction: savepoints, the settings, and the settings as they were before.
"""

OF_REST = 5
OF_ADMIN = 6
OF_ALL_THAT_HANGS_ON_IT = 4
