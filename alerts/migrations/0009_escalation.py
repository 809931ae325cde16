"""Purposes of messages, timers and steps of escalation, and the address of whoever acknowledges from a mail."""


import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


# Mails of reminders were told by their reminders until now.
REMINDERS = "UPDATE alerts_message SET purpose = 'reminder' WHERE id IN (SELECT message_id FROM alerts_reminder)"


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0008_critical_date_reminders'),
        ('policies', '0002_draft_revisions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EscalationStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.CharField(choices=[('owner', 'owner'), ('deputy', 'deputy'), ('head', 'head of department'), ('compliance', 'compliance')], max_length=16)),
                ('recipient', models.CharField(max_length=320)),
                ('at', models.DateTimeField()),
                ('unacknowledged_by', models.CharField(help_text='who had been told and did not acknowledge in time', max_length=320)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='EscalationTimer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('severity', models.CharField(choices=[('urgent', 'urgent'), ('normal', 'normal'), ('review', 'to be reviewed')], max_length=8)),
                ('due_at', models.DateTimeField(help_text="on the application's clock, as is every moment of an escalation")),
                ('acted_at', models.DateTimeField(blank=True, help_text='when it ran out and was seen to', null=True)),
            ],
            options={
                'ordering': ['due_at', 'id'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='flagaction',
            name='flagaction_only_reopened_by_the_machine',
        ),
        migrations.AddField(
            model_name='flagaction',
            name='address',
            field=models.CharField(blank=True, db_default='', help_text='of whoever did it from a mail', max_length=320),
        ),
        migrations.AddField(
            model_name='message',
            name='purpose',
            field=models.CharField(choices=[('alert', 'alert'), ('escalation', 'escalation'), ('reminder', 'reminder')], db_default='alert', default='alert', max_length=16),
        ),
        migrations.AddField(
            model_name='message',
            name='timed',
            field=models.BooleanField(db_default=False, default=False, help_text="whether the timers of its flags' acknowledgement are set"),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('timed', False)), fields=['id'], name='message_untimed'),
        ),
        migrations.AddConstraint(
            model_name='flagaction',
            constraint=models.CheckConstraint(condition=models.Q(('by__isnull', False), models.Q(('address', ''), _negated=True), ('act', 'reopened'), _connector='OR'), name='flagaction_only_reopened_by_the_machine'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__isnull', True), ('purpose__in', ['alert', 'escalation', 'reminder']), _connector='OR'), name='message_purpose_known'),
        ),
        migrations.AddField(
            model_name='escalationstep',
            name='flag',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='escalations', to='alerts.flag'),
        ),
        migrations.AddField(
            model_name='escalationstep',
            name='message',
            field=models.ForeignKey(help_text='what tells the recipient', on_delete=django.db.models.deletion.PROTECT, related_name='escalations', to='alerts.message'),
        ),
        migrations.AddField(
            model_name='escalationstep',
            name='reopening',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='alerts.flagaction'),
        ),
        migrations.AddField(
            model_name='escalationtimer',
            name='message',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='timers', to='alerts.message'),
        ),
        migrations.AddConstraint(
            model_name='escalationstep',
            constraint=models.UniqueConstraint(fields=('flag', 'step', 'reopening'), name='each_escalation_step_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='escalationstep',
            constraint=models.CheckConstraint(condition=models.Q(('step__isnull', True), ('step__in', ['owner', 'deputy', 'head', 'compliance']), _connector='OR'), name='escalationstep_step_known'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='escalationstep',
            trigger=pgtrigger.compiler.Trigger(name='keep', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='e9964dde5ea684f200aa4402b71d477bef3f4e99', operation='UPDATE OR DELETE', pgid='pgtrigger_keep_8a2f0', table='alerts_escalationstep', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='escalationstep',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'cannot truncate %: its changes are logged row by row', TG_TABLE_NAME;", hash='58e83b442ec9caf85222359d9290c7e03f7704b5', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_516f6', table='alerts_escalationstep', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='escalationtimer',
            index=models.Index(condition=models.Q(('acted_at__isnull', True)), fields=['due_at'], name='escalationtimer_running'),
        ),
        migrations.AddConstraint(
            model_name='escalationtimer',
            constraint=models.UniqueConstraint(fields=('message', 'severity'), name='one_timer_per_message_and_severity'),
        ),
        migrations.AddConstraint(
            model_name='escalationtimer',
            constraint=models.CheckConstraint(condition=models.Q(('severity__isnull', True), ('severity__in', ['urgent', 'normal', 'review']), _connector='OR'), name='escalationtimer_severity_known'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='escalationtimer',
            trigger=pgtrigger.compiler.Trigger(name='keep', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='c33e90a1663523087917af4f022847f2d736928b', operation='DELETE', pgid='pgtrigger_keep_eb654', table='alerts_escalationtimer', when='BEFORE')),
        ),
        migrations.RunSQL(REMINDERS, migrations.RunSQL.noop),
    ]
