"""Users, and the log that cannot be rewritten."""

import pytest
from django.contrib.auth import authenticate
from django.db import DatabaseError, IntegrityError, connection

from people.models import ChangeEntry, Role, User
from suppliers.models import Organization

pytestmark = pytest.mark.django_db


def test_an_address_finds_its_user_however_it_is_written():
    user = User.objects.create_user("Ann.Ito@Tocsin.example", "correct horse")
    assert user.email == "ann.ito@tocsin.example"
    assert authenticate(username="ANN.ITO@tocsin.example", password="correct horse") == user


def test_a_user_without_a_password_cannot_log_in():
    user = User.objects.create_user("erp@tocsin.example")
    assert not user.has_usable_password()


def test_an_unknown_role_is_refused():
    with pytest.raises(IntegrityError, match="user_roles_known"):
        User.objects.create_user("a@tocsin.example", roles=["emperor"])


def test_an_address_in_capitals_is_refused():
    with pytest.raises(IntegrityError, match="user_email_lower_case"):
        User.objects.bulk_create([User(email="A@tocsin.example")])


def test_whoever_has_a_role_may_open_the_admin():
    assert not User(email="a@tocsin.example").is_staff
    assert User(email="a@tocsin.example", roles=[Role.VIEWER]).is_staff


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM people_changeentry",
        "UPDATE people_changeentry SET version = 7",
        "TRUNCATE people_changeentry",
    ],
)
def test_the_change_log_cannot_be_rewritten(statement):
    Organization.objects.create(reference="A")
    assert ChangeEntry.objects.count() == 1
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute(statement)
