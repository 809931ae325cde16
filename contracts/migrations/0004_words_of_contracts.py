"""Contracts are found by words within their texts without reading them all; see contracts/search.py.

pg_trgm comes with PostgreSQL, and the owner of a database may put it there.
"""

from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations

from contracts.search import FUNCTION, INDEX


class Migration(migrations.Migration):
    dependencies = [("contracts", "0003_row_level_security")]

    operations = [TrigramExtension(), migrations.AddIndex("contract", INDEX), FUNCTION]
