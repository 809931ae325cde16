"""What PostgreSQL alone needs for the same rows: nobody can be faster who keeps them there."""

from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from contracts.models import Contract, Line
from tests.benchmarks.figures import seconds
from tests.benchmarks.world import DRAFT_CHAPTERS, DRAFT_ORIGINS

SCAN = f"""
    SELECT count(*), count(DISTINCT c.id) FROM {Contract._meta.db_table} AS c
    JOIN {Line._meta.db_table} AS l ON l.contract_id = c.id
    WHERE c.closed_as IS NULL
      AND (l.hs_code IS NULL OR left(l.hs_code, 2) = ANY(%s))
      AND (l.origin_country IS NULL OR l.origin_country = ANY(%s))
"""
"""The lines that the draft of world.py may hit: the tables are read from beginning to end."""


def as_owner() -> psycopg.Connection[Any]:
    """A connection of the owning role, each statement its own transaction."""
    place = connection.settings_dict
    user = settings.DATABASE_OWNER["USER"]
    return psycopg.connect(host=place["HOST"], dbname=place["NAME"], user=user, autocommit=True)


def scan() -> float:
    """Seconds of the sequential scan count."""
    with connection.cursor() as cursor:
        took, _ = seconds(lambda: cursor.execute(SCAN, [list(DRAFT_CHAPTERS), list(DRAFT_ORIGINS)]).fetchall())
    return took


def last_ids(*models: Any) -> dict[Any, int]:
    """The highest id of each model's rows: what is new has a higher one."""
    return {model: model.objects.order_by("-id").values_list("id", flat=True).first() or 0 for model in models}


def insert_again(before: dict[Any, int], order: dict[Any, str]) -> float:
    """Seconds to insert the rows beyond these ids once more, in the order given.

    They go from a temporary table into copies of their tables that hold the rows that were there before, with all
    indexes and checks but without foreign keys and triggers.
    """
    took = 0.0
    with as_owner() as owner:
        for model, last in before.items():
            table, copy = model._meta.db_table, f"bench_{model._meta.db_table}"
            names = {"table": sql.Identifier(table), "copy": sql.Identifier(copy), "rows": sql.Identifier("new_rows")}
            names |= {"last": sql.Literal(last), "order": sql.SQL(order[model])}

            def run(statement: str, names: dict[str, Any] = names) -> None:
                owner.execute(sql.SQL(statement).format(**names))

            run("CREATE TABLE {copy} (LIKE {table} INCLUDING ALL)")
            run("INSERT INTO {copy} SELECT * FROM {table} WHERE id <= {last} ORDER BY id")
            run("CREATE TEMPORARY TABLE {rows} AS SELECT * FROM {table} WHERE id > {last} ORDER BY random()")
            run("ANALYZE {copy}")
            took += seconds(lambda run=run: run("INSERT INTO {copy} SELECT * FROM {rows} ORDER BY {order}"))[0]
            run("DROP TABLE {rows}, {copy}")
    return took


def take_away(before: dict[Any, int]) -> None:
    """Delete the rows beyond these ids, which nothing but a benchmark may do, those that refer to others first."""
    with as_owner() as owner:
        owner.execute("SET session_replication_role = replica")
        for model, last in before.items():
            owner.execute(
                sql.SQL("DELETE FROM {} WHERE id > {}").format(sql.Identifier(model._meta.db_table), sql.Literal(last))
            )
            owner.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(model._meta.db_table)))
