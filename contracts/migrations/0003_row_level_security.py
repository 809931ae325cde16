"""Contracts, their parts, history and change log are held back by the database, too; see people/row_security.py.

ENABLE needs a short lock and rewrites nothing. The owner of the tables is not held back.
"""

from django.db import migrations

from contracts.row_security import CALLED_OFF, of_contract, of_contract_once, of_logged_contract, own_contract
from people.row_security import restricted


class Migration(migrations.Migration):
    dependencies = [("contracts", "0002_titles_of_ten_thousand_characters")]

    operations = [
        CALLED_OFF,
        restricted("contracts_contract", own_contract()),
        restricted("contracts_contractevent", of_contract_once()),
        *(
            restricted(f"contracts_{part}", of_contract())
            for part in ("line", "lineevent", "amendment", "amendmentevent")
        ),
        restricted("people_changeentry", of_logged_contract()),
    ]
