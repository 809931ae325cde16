"""Bulk jobs; and by which transaction a run was finished and an action made, for the feed is read by these.

Runs that are finished already count as older than every transaction.
"""

import django.db.models.deletion
import people.models
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0013_who_is_told_of_what_was_reopened_and_reminded'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BulkJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('section', models.CharField(choices=[('contracts', 'Contracts'), ('organizations', 'Organizations')], max_length=16)),
                ('dry_run', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(db_default=people.models.WallClock())),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('rows', models.PositiveIntegerField()),
                ('done', models.PositiveIntegerField(default=0)),
                ('created', models.PositiveIntegerField(default=0)),
                ('updated', models.PositiveIntegerField(default=0)),
                ('unchanged', models.PositiveIntegerField(default=0)),
                ('refused', models.PositiveIntegerField(default=0)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='BulkPiece',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('rows', models.TextField()),
                ('results', models.TextField(blank=True, null=True)),
            ],
            options={
                'ordering': ['job', 'number'],
            },
        ),
        migrations.AddField(
            model_name='flagaction',
            name='xid',
            field=models.BigIntegerField(db_default=people.models.CurrentTransaction(), editable=False),
        ),
        migrations.AddField(
            model_name='screeningrun',
            name='xid',
            field=models.BigIntegerField(editable=False, help_text='the transaction that finished it, by trigger', null=True),
        ),
        migrations.AddIndex(
            model_name='flagaction',
            index=models.Index(fields=['xid', 'id'], name='flagaction_xid_id'),
        ),
        migrations.AddIndex(
            model_name='screeningrun',
            index=models.Index(condition=models.Q(('xid__isnull', False)), fields=['xid'], name='run_xid'),
        ),
        migrations.RunSQL(
            "UPDATE alerts_screeningrun SET xid = 1 WHERE finished_at IS NOT NULL", migrations.RunSQL.noop
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='screeningrun',
            trigger=pgtrigger.compiler.Trigger(name='stamp', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."finished_at" IS NOT NULL AND OLD."finished_at" IS NULL)', func='NEW.xid := pg_current_xact_id()::text::bigint; RETURN NEW;', hash='2cd1e99ed4af48b8e3411ae3f4316683101326dc', operation='UPDATE', pgid='pgtrigger_stamp_369cb', table='alerts_screeningrun', when='BEFORE')),
        ),
        migrations.AddField(
            model_name='bulkjob',
            name='by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='bulkpiece',
            name='job',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pieces', to='alerts.bulkjob'),
        ),
        migrations.AddIndex(
            model_name='bulkjob',
            index=models.Index(condition=models.Q(('finished_at__isnull', True)), fields=['id'], name='bulkjob_unfinished'),
        ),
        migrations.AddConstraint(
            model_name='bulkpiece',
            constraint=models.UniqueConstraint(fields=('job', 'number'), name='bulkpiece_once'),
        ),
    ]
