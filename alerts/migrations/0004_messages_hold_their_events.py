"""A message holds the numbers of its events, and a run the mark that it was told, in place of a row and a mark per event.

What was told so far moves along: every message had a text, and every run whose events were all told is marked.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

TELL = """
    UPDATE alerts_message AS message
    SET rendered_at = created_at,
        at = (SELECT run.at FROM alerts_screeningrun AS run WHERE run.id = message.run_id),
        events = ARRAY(SELECT event_id FROM alerts_messageline WHERE message_id = message.id ORDER BY event_id);

    UPDATE alerts_screeningrun AS run
    SET composed_at = clock_timestamp()
    WHERE finished_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM alerts_flagevent AS event
        WHERE event.run_id = run.id AND event.composed_at IS NULL
          AND event.kind IN ('opened', 'became_certain', 'worsened', 'reopened', 'closed')
    );
"""


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0003_what_people_do_about_flags"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="at",
            field=models.DateTimeField(
                blank=True, help_text="the instant it speaks of: what is today, what is ahead", null=True
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="capacities",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="why it is this recipient: pairs of capacity and the owner stood in for",
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="events",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                default=list,
                help_text="ids of what it tells",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="rendered_at",
            field=models.DateTimeField(
                blank=True, help_text="when it was put into words", null=True
            ),
        ),
        migrations.AddField(
            model_name="screeningrun",
            name="composed_at",
            field=models.DateTimeField(blank=True, help_text="when its events were put into messages", null=True),
        ),
        migrations.RunSQL(TELL),
        migrations.AlterField(
            model_name="message",
            name="html",
            field=models.TextField(blank=True),
        ),
        migrations.AlterField(
            model_name="message",
            name="run",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="messages",
                to="alerts.screeningrun",
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="subject",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AlterField(
            model_name="message",
            name="text",
            field=models.TextField(blank=True),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["run", "policy_change"], name="message_of_run_and_change"),
        ),
        migrations.AddIndex(
            model_name="screeningrun",
            index=models.Index(condition=models.Q(("composed_at__isnull", True)), fields=["id"], name="run_uncomposed"),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "sent"), _negated=True), ("rendered_at__isnull", False), _connector="OR"
                ),
                name="message_sent_is_rendered",
            ),
        ),
        migrations.DeleteModel(
            name="MessageLine",
        ),
        migrations.RemoveIndex(
            model_name="flagevent",
            name="flagevent_untold",
        ),
        migrations.RemoveField(
            model_name="flagevent",
            name="composed_at",
        ),
    ]
