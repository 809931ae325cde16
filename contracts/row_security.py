"""Which contracts row-level security lets somebody read, and what hangs on them; see people/row_security.py."""

from django.db.migrations import RunSQL

from people.row_security import of_departments, with_row_of

# ruff: noqa: S608 (the names are ours)

CONTRACTS = "contracts_contract"
CALLED_OFF = RunSQL(
    f"""
    CREATE FUNCTION contracts_called_off(bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
        SELECT EXISTS (SELECT FROM {CONTRACTS} WHERE framework_id = $1 AND {of_departments()})
    $$
    """,
    "DROP FUNCTION contracts_called_off(bigint)",
)
"""Whether one of the departments has a contract under this framework. A call-off names its framework among its own
facts, whosever it is, so that row is there to be joined. The owner's function asks without asking the policy again."""


def of_contract(column: str = "contract_id") -> str:
    """The condition that the contract that the column names is one of the departments'."""
    return f"(SELECT {of_departments('whole.department_id')} FROM {CONTRACTS} AS whole WHERE whole.id = {column})"


def own_contract() -> str:
    """The condition on contracts themselves."""
    return f"{of_departments()} OR (kind = 'framework' AND contracts_called_off(id))"


def of_contract_once() -> str:
    """The condition on the history of contracts: what is one of the departments' now, or was when it was written."""
    return f"{of_departments()} OR {of_contract('pgh_obj_id')}"


def of_logged_contract() -> str:
    """The condition on the change log: a contract that may be seen, one deleted since by what it was."""
    return (
        f"kind <> 'contract' OR {of_contract('object_id')}"
        f" OR {with_row_of('contracts_contractevent', 'object_id', key='pgh_obj_id')}"
    )
