"""A message that was withheld from its recipient is not there for it; see people/row_security.py."""

from django.db import migrations

from people.row_security import ADDRESSES, UNRESTRICTED

RECIPIENT = f"recipient = ANY({ADDRESSES})"


class Migration(migrations.Migration):
    dependencies = [("alerts", "0019_checks_in_the_feed")]
    operations = [
        migrations.RunSQL(
            f"ALTER POLICY seen ON alerts_message USING ({UNRESTRICTED} OR ({RECIPIENT} AND state <> 'withheld'))",
            f"ALTER POLICY seen ON alerts_message USING ({UNRESTRICTED} OR {RECIPIENT})",
        )
    ]
