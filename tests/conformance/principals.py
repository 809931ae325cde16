"""Whoever the cases are sent as: made in the database of the run, with a password each. Prints nothing."""

import sys

import django

django.setup()

from people.models import Department, User  # noqa: E402  needs the settings


def main(password: str) -> None:
    """An administrator, and a buyer of every second department."""
    User.objects.create_user("administrator@conformance.example", password=password, roles=["administrator"])
    buyer = User.objects.create_user("buyer@conformance.example", password=password, roles=["buyer"])
    buyer.departments.set(Department.objects.order_by("reference")[::2])


if __name__ == "__main__":
    main(sys.argv[1])
