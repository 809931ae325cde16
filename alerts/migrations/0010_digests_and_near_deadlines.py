"""Digests, and flags whose day to act is near. What is known of stored rows is checked by the next migration,
without a long lock."""

import django.contrib.postgres.fields
import django.db.models.deletion
import people.models
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0009_escalation'),
        ('people', '0001_departments_users_change_log'),
        ('policies', '0002_draft_revisions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DigestChoice',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='digest_choice', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('normal', models.CharField(choices=[('at_once', 'at once'), ('daily', 'in a digest each working day'), ('weekly', 'in a digest each week')], default='at_once', max_length=8)),
                ('review', models.CharField(choices=[('at_once', 'at once'), ('daily', 'in a digest each working day'), ('weekly', 'in a digest each week')], default='at_once', max_length=8)),
                ('closing', models.CharField(choices=[('at_once', 'at once'), ('daily', 'in a digest each working day'), ('weekly', 'in a digest each week')], default='at_once', max_length=8)),
            ],
        ),
        migrations.CreateModel(
            name='HeldNews',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('recipient', models.CharField(max_length=320)),
                ('channel', models.CharField(choices=[('email', 'e-mail')], max_length=16)),
                ('events', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='ids of what waits', size=None)),
                ('capacities', models.JSONField(default=list, help_text='why it is this recipient, as a message has it')),
                ('departments', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text="ids: the recipient's, when it was held", size=None)),
                ('held_at', models.DateTimeField(db_default=people.models.WallClock())),
                ('cadence', models.CharField(choices=[('daily', 'in a digest each working day'), ('weekly', 'in a digest each week')], max_length=8)),
                ('due_at', models.DateTimeField(help_text="when its digest is, on the application's clock")),
            ],
            options={
                'verbose_name_plural': 'held news',
                'ordering': ['id'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='flagevent',
            name='flagevent_kind_known',
        ),
        migrations.RemoveConstraint(
            model_name='message',
            name='message_purpose_known',
        ),
        migrations.AlterField(
            model_name='flagevent',
            name='kind',
            field=models.CharField(choices=[('opened', 'opened'), ('became_certain', 'became certain'), ('worsened', 'worsened'), ('eased', 'eased'), ('reopened', 're-opened'), ('changed', 'changed'), ('deadline_near', 'deadline near'), ('closed', 'closed')], max_length=16),
        ),
        migrations.AlterField(
            model_name='message',
            name='purpose',
            field=models.CharField(choices=[('alert', 'alert'), ('digest', 'digest'), ('escalation', 'escalation'), ('reminder', 'reminder')], db_default='alert', default='alert', max_length=16),
        ),
        AddConstraintNotValid(
            model_name='flagevent',
            constraint=models.CheckConstraint(condition=models.Q(('kind__isnull', True), ('kind__in', ['opened', 'became_certain', 'worsened', 'eased', 'reopened', 'changed', 'deadline_near', 'closed']), _connector='OR'), name='flagevent_kind_known'),
        ),
        AddConstraintNotValid(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__isnull', True), ('purpose__in', ['alert', 'digest', 'escalation', 'reminder']), _connector='OR'), name='message_purpose_known'),
        ),
        migrations.AddConstraint(
            model_name='digestchoice',
            constraint=models.CheckConstraint(condition=models.Q(('normal__isnull', True), ('normal__in', ['at_once', 'daily']), _connector='OR'), name='digestchoice_normal_known'),
        ),
        migrations.AddConstraint(
            model_name='digestchoice',
            constraint=models.CheckConstraint(condition=models.Q(('review__isnull', True), ('review__in', ['at_once', 'daily', 'weekly']), _connector='OR'), name='digestchoice_review_known'),
        ),
        migrations.AddConstraint(
            model_name='digestchoice',
            constraint=models.CheckConstraint(condition=models.Q(('closing__isnull', True), ('closing__in', ['at_once', 'daily', 'weekly']), _connector='OR'), name='digestchoice_closing_known'),
        ),
        migrations.AddField(
            model_name='heldnews',
            name='message',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='held', to='alerts.message'),
        ),
        migrations.AddField(
            model_name='heldnews',
            name='policy_change',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policychange'),
        ),
        migrations.AddField(
            model_name='heldnews',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='held', to='alerts.screeningrun'),
        ),
        migrations.AddIndex(
            model_name='heldnews',
            index=models.Index(condition=models.Q(('message__isnull', True)), fields=['due_at'], name='heldnews_waiting'),
        ),
        migrations.AddConstraint(
            model_name='heldnews',
            constraint=models.UniqueConstraint(fields=('run', 'policy_change', 'recipient', 'channel', 'cadence'), name='held_once'),
        ),
        migrations.AddConstraint(
            model_name='heldnews',
            constraint=models.CheckConstraint(condition=models.Q(('cadence__isnull', True), ('cadence__in', ['daily', 'weekly']), _connector='OR'), name='heldnews_cadence_known'),
        ),
        migrations.AddConstraint(
            model_name='heldnews',
            constraint=models.CheckConstraint(condition=models.Q(('channel__isnull', True), ('channel__in', ['email']), _connector='OR'), name='heldnews_channel_known'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='heldnews',
            trigger=pgtrigger.compiler.Trigger(name='keep', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='0f00ce14415926bedb971afc9287b27d87689b6b', operation='DELETE', pgid='pgtrigger_keep_8ec37', table='alerts_heldnews', when='BEFORE')),
        ),
    ]
