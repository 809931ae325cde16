"""Every attempt at a mail is kept, the mail server has a circuit, domains a pace, and messages stand in for others."""

import django.contrib.postgres.fields
import django.db.models.deletion
import people.models
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0006_policy_changes_in_scope'),
        ('policies', '0002_draft_revisions'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='MailDomain',
            fields=[
                ('domain', models.CharField(max_length=320, primary_key=True, serialize=False)),
                ('booked_until', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='MailServer',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('failures', models.PositiveIntegerField(default=0, help_text='in a row; 0 where it takes mail')),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
                ('paused_until', models.DateTimeField(blank=True, help_text='when one message tries it again', null=True)),
                ('last_answer', models.CharField(blank=True, max_length=1000)),
            ],
        ),
        migrations.CreateModel(
            name='MessageAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('token', models.UUIDField(help_text="that of the message's lease meanwhile", unique=True)),
                ('started_at', models.DateTimeField(db_default=people.models.WallClock())),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('stage', models.CharField(blank=True, choices=[('write', 'putting it into words'), ('connect', 'connecting'), ('ehlo', 'greeting the mail server'), ('tls', 'securing the connection'), ('auth', 'logging in'), ('mail', 'naming the sender'), ('rcpt', 'naming the recipient'), ('data', 'handing over the text'), ('after-dot', 'waiting for the answer to the text'), ('accepted', 'accepted')], max_length=16)),
                ('fate', models.CharField(blank=True, choices=[('sent', 'accepted by the mail server'), ('refused', 'refused for good, and this message alone'), ('deferred', 'refused for now, and this message alone'), ('unclear', 'the whole text left and no answer came: it may have arrived'), ('unreachable', 'nothing is wrong with the message: no mail leaves at present'), ('policy', "refused by the mail server's policy, which may be all our mail or this message alone"), ('lost', 'whoever made the attempt was lost, and what became of it is not known'), ('withheld', 'not sent: its recipient may no longer have it')], max_length=16, null=True)),
                ('answer', models.CharField(blank=True, max_length=1000)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='message',
            name='message_state_known',
        ),
        migrations.AddField(
            model_name='message',
            name='again_at',
            field=models.DateTimeField(blank=True, help_text='when somebody last had it sent again', null=True),
        ),
        migrations.AddField(
            model_name='message',
            name='again_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='message',
            name='departments',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, help_text="ids: the recipient's, when it was queued", size=None),
        ),
        migrations.AddField(
            model_name='message',
            name='in_place_of',
            field=models.ForeignKey(blank=True, help_text='the message whose recipient could not be reached, or may no longer have it', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replacements', to='alerts.message'),
        ),
        migrations.AlterField(
            model_name='message',
            name='state',
            field=models.CharField(choices=[('pending', 'waiting to be sent'), ('sending', 'being sent'), ('sent', 'accepted by the mail server'), ('failed', 'refused for now, will be tried again'), ('dead', 'given up, somebody must look'), ('withheld', 'not sent: its recipient may no longer have it')], default='pending', max_length=16),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('state', 'sending')), fields=['lease_until'], name='message_lease'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('sent_at__isnull', False)), fields=['-sent_at'], name='message_sent_at'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('state__isnull', True), ('state__in', ['pending', 'sending', 'sent', 'failed', 'dead', 'withheld']), _connector='OR'), name='message_state_known'),
        ),
        migrations.AddConstraint(
            model_name='mailserver',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='one_mail_server'),
        ),
        migrations.AddField(
            model_name='messageattempt',
            name='message',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='log', to='alerts.message'),
        ),
        migrations.AddConstraint(
            model_name='messageattempt',
            constraint=models.CheckConstraint(condition=models.Q(('fate__isnull', True), ('fate__in', ['sent', 'refused', 'deferred', 'unclear', 'unreachable', 'policy', 'lost', 'withheld']), _connector='OR'), name='attempt_fate_known'),
        ),
        migrations.AddConstraint(
            model_name='messageattempt',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('fate__isnull', True)), models.Q(('ended_at__isnull', False), ('fate__isnull', False)), _connector='OR'), name='attempt_ends_with_fate'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='messageattempt',
            trigger=pgtrigger.compiler.Trigger(name='keep', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='6b39c1491bab290075b29b859b88ff09ea1e9d78', operation='DELETE', pgid='pgtrigger_keep_588b4', table='alerts_messageattempt', when='BEFORE')),
        ),
    ]
