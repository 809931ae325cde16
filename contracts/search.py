"""Contracts by a word that somebody types, wherever it stands in reference, title, owner or the supplier's names.

PostgreSQL does not use a trigram index for somebody whom row-level security holds back, for LIKE might leak. The
owner's function therefore finds ids first, whosever they are; rows are then looked up as the reader may see them.
"""

from django.contrib.postgres.indexes import GinIndex
from django.db.migrations import RunSQL
from django.db.models import BigIntegerField
from django.db.models.expressions import RawSQL

COLUMNS = ("reference", "title", "owner")
INDEX = GinIndex(name="contract_words", fields=COLUMNS, opclasses=["gin_trgm_ops"] * len(COLUMNS))
FUNCTION = RunSQL(
    r"""
    CREATE FUNCTION contracts_found(word text) RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
        WITH sought AS (SELECT '%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%' AS pattern)
        SELECT id FROM contracts_contract, sought
        WHERE reference ILIKE pattern OR title ILIKE pattern OR owner ILIKE pattern
        UNION
        SELECT contract.id FROM contracts_contract AS contract
        JOIN suppliers_organization AS supplier ON supplier.id = contract.supplier_id, sought
        WHERE supplier.reference ILIKE pattern OR supplier.name ILIKE pattern
    $$
    """,
    "DROP FUNCTION contracts_found(text)",
)


def ids_with(word: str) -> RawSQL:
    """A subquery of the ids of the contracts with the word, for `pk__in`; capitals or not."""
    return RawSQL("SELECT contracts_found(%s)", [word], BigIntegerField())
