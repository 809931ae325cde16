"""A job may be a snapshot, and keeps what is absent from it; held back as its rows are."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from people.row_security import restricted, with_row_of


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0022_whoever_is_away_when_a_mail_leaves'),
    ]

    operations = [
        migrations.AddField(
            model_name='bulkjob',
            name='absent',
            field=models.PositiveIntegerField(blank=True, help_text='of a finished snapshot: objects that the source had sent and did not now', null=True),
        ),
        migrations.AddField(
            model_name='bulkjob',
            name='source',
            field=models.TextField(blank=True, help_text='of a snapshot: whose objects these are all of', null=True),
        ),
        migrations.CreateModel(
            name='BulkAbsence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('references', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='absences', to='alerts.bulkjob')),
            ],
            options={
                'ordering': ['job', 'number'],
                'constraints': [models.UniqueConstraint(fields=('job', 'number'), name='bulkabsence_once')],
            },
        ),
        restricted("alerts_bulkabsence", with_row_of("alerts_bulkjob", "alerts_bulkabsence.job_id")),
    ]
