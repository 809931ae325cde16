"""The role that runs Tocsin owns nothing and is nobody special."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction

from config.roles import grant_to_running_role, owning_role


def one_value(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


@pytest.mark.django_db
def test_the_application_runs_as_a_role_without_special_rights():
    assert one_value("SELECT current_user") == "tocsin_app"
    assert not one_value(
        "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls OR rolreplication"
        " FROM pg_roles WHERE rolname = current_user"
    )


@pytest.mark.django_db
def test_it_owns_nothing():
    assert one_value("SELECT count(*) FROM pg_class WHERE relowner = 'tocsin_app'::regrole") == 0
    assert one_value("SELECT count(*) FROM pg_database WHERE datdba = 'tocsin_app'::regrole") == 0
    assert not one_value("SELECT pg_has_role('tocsin_app', 'tocsin_owner', 'MEMBER')")


@pytest.mark.django_db
def test_it_may_read_and_write_the_rows_of_every_table_and_truncate_none():
    tables = (
        "SELECT count(*) FILTER (WHERE NOT has_table_privilege(oid, 'SELECT')"
        " OR NOT has_table_privilege(oid, 'INSERT') OR NOT has_table_privilege(oid, 'UPDATE')"
        " OR NOT has_table_privilege(oid, 'DELETE') OR has_table_privilege(oid, 'TRUNCATE')), count(*)"
        " FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    with connection.cursor() as cursor:
        cursor.execute(tables)
        wrong, all_of_them = cursor.fetchone()
    assert (wrong, all_of_them > 10) == (0, True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "ALTER TABLE django_session ADD COLUMN mine int",
        "DROP TABLE django_session",
        "TRUNCATE django_session",
        "ALTER TABLE django_session DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",  # would switch the history's triggers off
        "SET ROLE tocsin_owner",
        "CREATE SCHEMA mine",
    ],
)
def test_it_may_not(statement):
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_the_owner_is_only_the_owner_inside_the_block():
    with owning_role():
        assert one_value("SELECT current_user") == "tocsin_owner"
        assert one_value("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'django_session'") == (
            "tocsin_owner"
        )
        assert not one_value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    assert one_value("SELECT current_user") == "tocsin_app"


@pytest.mark.django_db(transaction=True)
def test_the_application_comes_back_after_an_error_in_the_block():
    with pytest.raises(ZeroDivisionError), owning_role():
        raise ZeroDivisionError
    assert one_value("SELECT current_user") == "tocsin_app"


@pytest.mark.django_db(transaction=True)
def test_migrating_needs_the_owners_url(settings):
    settings.DATABASE_OWNER = None
    with pytest.raises(ImproperlyConfigured, match="DATABASE_OWNER_URL"):
        call_command("migrate", verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_one_role_for_both_is_refused(settings):
    settings.DATABASE_RUNNING_ROLE = "tocsin_owner"
    with owning_role(), pytest.raises(ImproperlyConfigured, match="both tocsin_owner"):
        grant_to_running_role()
