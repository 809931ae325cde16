"""Reminders of critical dates that were sent, rounds of them, stages of single contracts, keys to calendars."""

import django.contrib.postgres.fields
import django.db.models.deletion
import people.models
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0007_attempts_circuit_and_pacing'),
        ('contracts', '0001_contracts'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ReminderRound',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField(help_text='the instant it reckoned with')),
                ('reminders', models.PositiveIntegerField(default=0)),
                ('messages', models.PositiveIntegerField(default=0)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='ReminderStages',
            fields=[
                ('contract', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='reminder_stages', serialize=False, to='contracts.contract')),
                ('days', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), blank=True, default=list, help_text='none: no reminders', size=None)),
            ],
            options={
                'verbose_name_plural': 'reminder stages',
                'ordering': ['contract'],
                'constraints': [models.CheckConstraint(condition=models.Q(('days__len__lte', 12)), name='reminderstages_few')],
            },
        ),
        migrations.CreateModel(
            name='CalendarKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(help_text='SHA-256 of the key', max_length=64, unique=True)),
                ('created_at', models.DateTimeField(db_default=people.models.WallClock())),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calendar_keys', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('revoked_at__isnull', True)), fields=('user',), name='one_calendar_key_per_user')],
            },
        ),
        migrations.CreateModel(
            name='Reminder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('meaning', models.CharField(choices=[('notice_deadline', 'last day for notice'), ('expiry', 'contract expires'), ('last_delivery', 'last delivery'), ('suspension_end', 'suspension ends'), ('takes_effect', 'measure takes effect'), ('licence_end', 'licence ends'), ('dismissal_end', 'dismissal ends')], max_length=16)),
                ('source', models.BigIntegerField(default=0)),
                ('on', models.DateField(help_text="in the business time zone; a measure's in its own")),
                ('stage', models.PositiveSmallIntegerField(help_text='days ahead')),
                ('contract', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='contracts.contract')),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reminders', to='alerts.message')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('contract', 'meaning', 'source', 'on', 'stage'), name='reminded_once_of_a_stage'), models.CheckConstraint(condition=models.Q(('meaning__isnull', True), ('meaning__in', ['notice_deadline', 'expiry', 'last_delivery', 'suspension_end', 'takes_effect', 'licence_end', 'dismissal_end']), _connector='OR'), name='reminder_meaning_known')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='reminder',
            trigger=pgtrigger.compiler.Trigger(name='keep', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete or update rows from % table', TG_TABLE_NAME;", hash='de8ce24a459746d83b6a0de9d36102e19bb525c7', operation='DELETE OR UPDATE', pgid='pgtrigger_keep_6a21e', table='alerts_reminder', when='BEFORE')),
        ),
    ]
