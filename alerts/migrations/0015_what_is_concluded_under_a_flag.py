"""What is concluded under an open flag is an event of its own. Stored rows are checked by the next migration, without a
long lock."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0014_bulk_jobs_and_the_feed'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='flagevent',
            name='flagevent_kind_known',
        ),
        migrations.AddField(
            model_name='flagevent',
            name='concluded',
            field=models.JSONField(blank=True, help_text='what was concluded under the flag, when and how', null=True),
        ),
        migrations.AlterField(
            model_name='flag',
            name='closed_because',
            field=models.CharField(blank=True, choices=[('withdrawn', 'the policy change was withdrawn'), ('retired', 'the measure was taken out of the policy change'), ('contract_ended', 'the contract has ended'), ('contract_deleted', 'the contract was deleted'), ('concluded', 'the contract was concluded all the same'), ('concluded_before', 'the contract had been concluded before the measure stood against it'), ('not_hit', 'on the present facts and days the measure does not hit the contract')], max_length=24, null=True),
        ),
        migrations.AlterField(
            model_name='flagevent',
            name='kind',
            field=models.CharField(choices=[('opened', 'opened'), ('became_certain', 'became certain'), ('worsened', 'worsened'), ('eased', 'eased'), ('reopened', 're-opened'), ('changed', 'changed'), ('deadline_near', 'deadline near'), ('concluded', 'concluded all the same'), ('closed', 'closed')], max_length=16),
        ),
        AddConstraintNotValid(
            model_name='flagevent',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('concluded__isnull', False), ('kind', 'concluded')), models.Q(models.Q(('kind', 'concluded'), _negated=True), ('concluded__isnull', True)), _connector='OR'), name='flagevent_says_what_was_concluded'),
        ),
        AddConstraintNotValid(
            model_name='flagevent',
            constraint=models.CheckConstraint(condition=models.Q(('kind__isnull', True), ('kind__in', ['opened', 'became_certain', 'worsened', 'eased', 'reopened', 'changed', 'deadline_near', 'concluded', 'closed']), _connector='OR'), name='flagevent_kind_known'),
        ),
    ]
