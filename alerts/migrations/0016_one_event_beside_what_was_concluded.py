"""A flag has one event per run, and at most one of what was concluded under it; checked and indexed while others write."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

INDEX = "CREATE UNIQUE INDEX CONCURRENTLY {name} ON alerts_flagevent (flag_id, run_id) WHERE {condition}"
OTHERS, CONCLUDED = "NOT (kind = 'concluded')", "kind = 'concluded'"


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('alerts', '0015_what_is_concluded_under_a_flag'),
    ]

    operations = [
        ValidateConstraint('flagevent', 'flagevent_says_what_was_concluded'),
        ValidateConstraint('flagevent', 'flagevent_kind_known'),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint(
                    model_name='flagevent',
                    name='one_event_per_flag_and_run',
                ),
                migrations.AddConstraint(
                    model_name='flagevent',
                    constraint=models.UniqueConstraint(condition=models.Q(('kind', 'concluded'), _negated=True), fields=('flag', 'run'), name='one_event_per_flag_and_run'),
                ),
                migrations.AddConstraint(
                    model_name='flagevent',
                    constraint=models.UniqueConstraint(condition=models.Q(('kind', 'concluded')), fields=('flag', 'run'), name='one_concluded_event_per_flag_and_run'),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    INDEX.format(name='one_concluded_event_per_flag_and_run', condition=CONCLUDED),
                    'DROP INDEX CONCURRENTLY one_concluded_event_per_flag_and_run',
                ),
                migrations.RunSQL(
                    INDEX.format(name='one_event_per_flag_and_run_new', condition=OTHERS),
                    'DROP INDEX CONCURRENTLY one_event_per_flag_and_run_new',
                ),
                migrations.RunSQL(
                    'ALTER TABLE alerts_flagevent DROP CONSTRAINT one_event_per_flag_and_run',
                    'ALTER TABLE alerts_flagevent ADD CONSTRAINT one_event_per_flag_and_run UNIQUE (flag_id, run_id)',
                ),
                migrations.RunSQL(
                    'ALTER INDEX one_event_per_flag_and_run_new RENAME TO one_event_per_flag_and_run',
                    'ALTER INDEX one_event_per_flag_and_run RENAME TO one_event_per_flag_and_run_new',
                ),
            ],
        ),
    ]
