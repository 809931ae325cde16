"""Removes the table of tokens of before: they are void, nothing reads it, and its users could not be deleted."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('knox', '0009_extend_authtoken_field'),
        ('people', '0003_answers_kept_for_idempotency_keys'),
    ]

    operations = [
        migrations.RunSQL('DROP TABLE IF EXISTS knox_authtoken', migrations.RunSQL.noop),
    ]
