"""Whether people are still to hear of a flag that somebody re-opened, and of whose contracts' dates a message reminds."""

import django.contrib.postgres.fields
from django.db import migrations, models

# Of all reminders so far: what each was queued with.
CONTRACTS = """
    UPDATE alerts_message AS message SET contracts = (
        SELECT array_agg(DISTINCT contract_id ORDER BY contract_id) FROM alerts_reminder WHERE message_id = message.id)
    WHERE message.purpose = 'reminder' AND EXISTS (SELECT FROM alerts_reminder WHERE message_id = message.id)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0012_checks_and_their_receipts'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='contracts',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, db_default=[], default=list, help_text='ids of those of whose dates it reminds', size=None),
        ),
        migrations.AlterField(
            model_name='reminder',
            name='message',
            field=models.ForeignKey(help_text='the one it was queued in', on_delete=models.PROTECT, related_name='reminders', to='alerts.message'),
        ),
        migrations.AddField(
            model_name='disposition',
            name='to_tell',
            field=models.BooleanField(db_default=False, default=False, help_text='whether somebody opened it again and people are still to hear of it'),
        ),
        migrations.AddIndex(
            model_name='disposition',
            index=models.Index(condition=models.Q(('to_tell', True)), fields=['flag'], name='disposition_to_tell'),
        ),
        migrations.RunSQL(CONTRACTS, migrations.RunSQL.noop),
    ]
