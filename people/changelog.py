"""Triggers of the change log: every change of an object or of its parts raises its version and leaves an entry.

They are triggers so that bulk statements and raw SQL cannot bypass them. An entry is written by whoever changed the
object, in the same transaction; a cursor reads them up to `pg_snapshot_xmin`, never to the highest id seen. That
another source states the same facts (their provenance) is no change.
"""

import pgtrigger

# ruff: noqa: S608 (tables, columns and kinds are named by the models, never by input)

_LOG = "INSERT INTO people_changeentry (kind, object_id, reference, version)"


def root_triggers(kind: str) -> list[pgtrigger.Trigger]:
    """For a model with `reference` and `version`: raise the version when a row differs, and log every version.

    A deleted object leaves an entry with the version after its last.
    """
    return [
        pgtrigger.Trigger(
            name="raise_version",
            when=pgtrigger.Before,
            operation=pgtrigger.Update,
            declare=[("raised", "boolean"), ("facts", "record")],
            # A part that changes raises the version by exactly one; any other version that a statement brings along
            # (a stale instance that is saved) is ignored.
            func="""
                raised := NEW.version = OLD.version + 1;
                NEW.version := OLD.version;
                facts := NEW;
                facts.provenance := OLD.provenance;
                IF raised OR facts IS DISTINCT FROM OLD THEN NEW.version := OLD.version + 1; END IF;
                RETURN NEW;
            """,
        ),
        _after(
            "log_insert",
            pgtrigger.Insert,
            f"{_LOG} SELECT '{kind}', id, reference, version FROM new_rows ORDER BY id; RETURN NULL;",
        ),
        _after(
            "log_update",
            pgtrigger.Update,
            f"""
            {_LOG} SELECT '{kind}', n.id, n.reference, n.version FROM new_rows n JOIN old_rows o ON o.id = n.id
            WHERE n.version <> o.version ORDER BY n.id;
            RETURN NULL;
            """,
        ),
        _after(
            "log_delete",
            pgtrigger.Delete,
            f"{_LOG} SELECT '{kind}', id, reference, version + 1 FROM old_rows ORDER BY id; RETURN NULL;",
        ),
        no_truncate(),
    ]


def part_triggers(table: str, column: str) -> list[pgtrigger.Trigger]:
    """For a model whose rows are parts of the rows of `table` that `column` names: raise their versions, once per
    statement whatever the number of parts. The rows are locked in order, so that two statements cannot deadlock."""
    bump = """
        PERFORM 1 FROM {table} WHERE id IN (SELECT {column} FROM ({changed}) AS changed)
        ORDER BY id FOR NO KEY UPDATE;
        UPDATE {table} SET version = version + 1 WHERE id IN (SELECT {column} FROM ({changed}) AS changed);
        RETURN NULL;
    """
    changed = {
        pgtrigger.Insert: f"SELECT {column} FROM new_rows",
        pgtrigger.Update: f"""
            SELECT unnest(ARRAY[n.{column}, o.{column}]) AS {column} FROM new_rows n FULL JOIN old_rows o ON o.id = n.id
            WHERE to_jsonb(n) - 'provenance' IS DISTINCT FROM to_jsonb(o) - 'provenance'
        """,
        pgtrigger.Delete: f"SELECT {column} FROM old_rows",
    }
    triggers = [
        _after(
            f"raise_version_{str(operation).lower()}", operation, bump.format(table=table, column=column, changed=rows)
        )
        for operation, rows in changed.items()
    ]
    return [*triggers, no_truncate()]


def append_only_triggers() -> list[pgtrigger.Trigger]:
    """Rows are added and never changed or taken away; only the owner of the table can lift this."""
    return [
        pgtrigger.Protect(name="keep", operation=pgtrigger.Update | pgtrigger.Delete),
        no_truncate(),
    ]


def no_truncate() -> pgtrigger.Trigger:
    """TRUNCATE fires no row triggers: it would change objects without a trace."""
    return pgtrigger.Trigger(
        name="no_truncate",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION 'cannot truncate %: its changes are logged row by row', TG_TABLE_NAME;",
    )


def _after(name: str, operation: pgtrigger.Operation, func: str) -> pgtrigger.Trigger:
    """A statement-level trigger that sees the rows before and after as `old_rows` and `new_rows`."""
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(  # type: ignore[no-untyped-call]
            old=None if operation == pgtrigger.Insert else "old_rows",
            new=None if operation == pgtrigger.Delete else "new_rows",
        ),
        func=func,
    )
