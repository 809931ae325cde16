"""Checks that were answered with receipts, their turns and releases, and webhooks that tell of turns."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import people.models
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0011_known_kinds_checked"),
        ("people", "0001_departments_users_change_log"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Check",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(unique=True)),
                (
                    "reference",
                    models.CharField(
                        help_text="of the document; a contract of that name need not exist", max_length=64
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("new_contract", "new contract"),
                            ("call_off", "call-off"),
                            ("amendment", "amendment"),
                            ("renewal", "renewal"),
                        ],
                        max_length=16,
                    ),
                ),
                ("document", models.JSONField(help_text="as it was sent")),
                (
                    "parties",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64),
                        default=list,
                        help_text="organizations it names",
                        size=None,
                    ),
                ),
                (
                    "answer",
                    models.CharField(
                        choices=[
                            ("clear", "clear"),
                            ("cleared", "cleared by a person"),
                            ("review", "to be reviewed"),
                            ("licence_required", "licence required"),
                            ("blocked", "blocked"),
                        ],
                        max_length=16,
                    ),
                ),
                ("lines", models.JSONField(blank=True, default=dict, help_text="the answer by line")),
                ("receipt", models.TextField()),
                ("policy_version", models.CharField(max_length=64)),
                ("checked_at", models.DateTimeField()),
                (
                    "valid_until",
                    models.DateTimeField(help_text="the next instant at which time alone may change it, or sooner"),
                ),
                ("watched_until", models.DateTimeField(help_text="up to when its owner hears of another answer")),
                (
                    "stands",
                    models.CharField(
                        choices=[
                            ("clear", "clear"),
                            ("cleared", "cleared by a person"),
                            ("review", "to be reviewed"),
                            ("licence_required", "licence required"),
                            ("blocked", "blocked"),
                        ],
                        max_length=16,
                    ),
                ),
                ("stands_lines", models.JSONField(blank=True, default=dict)),
                ("turned", models.PositiveIntegerField(default=0, help_text="how often the answer turned since")),
                (
                    "due_at",
                    models.DateTimeField(
                        blank=True, help_text="when time may next change what it stands on", null=True
                    ),
                ),
                (
                    "settled_at",
                    models.DateTimeField(
                        blank=True, help_text="when a round last looked at it; null: none did", null=True
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="CheckRelease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("wrong_facts", "a recorded fact is wrong and is being corrected"),
                            ("not_in_scope", "the measure does not mean this contract"),
                            ("exemption", "an exemption or a licence applies that is not recorded"),
                            ("accepted_risk", "the risk is known and accepted"),
                            ("duplicate", "dealt with under another flag"),
                            ("other", "other"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", models.TextField()),
                ("expires_on", models.DateField(help_text="inclusive, in the business time zone")),
                ("grounds", models.JSONField()),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="CheckTurn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "before",
                    models.CharField(
                        choices=[
                            ("clear", "clear"),
                            ("cleared", "cleared by a person"),
                            ("review", "to be reviewed"),
                            ("licence_required", "licence required"),
                            ("blocked", "blocked"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "after",
                    models.CharField(
                        choices=[
                            ("clear", "clear"),
                            ("cleared", "cleared by a person"),
                            ("review", "to be reviewed"),
                            ("licence_required", "licence required"),
                            ("blocked", "blocked"),
                        ],
                        max_length=16,
                    ),
                ),
                ("lines_before", models.JSONField(blank=True, default=dict)),
                ("lines_after", models.JSONField(blank=True, default=dict)),
                (
                    "measures",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=140),
                        default=list,
                        help_text="that stand against it now",
                        size=None,
                    ),
                ),
                ("policy_version", models.CharField(max_length=64)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="CheckWatch",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("snapshot", models.TextField()),
                ("at", models.DateTimeField()),
                ("timezone", models.CharField(max_length=64)),
                ("renewal_horizon_days", models.PositiveIntegerField()),
                ("policies_due_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(db_default=people.models.WallClock())),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="webhookendpoint",
            name="webhookendpoint_events_known",
        ),
        migrations.RemoveConstraint(
            model_name="webhookevent",
            name="webhookevent_type_known",
        ),
        migrations.AlterField(
            model_name="webhookendpoint",
            name="events",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("flag.opened", "Flag Opened"),
                        ("flag.updated", "Flag Updated"),
                        ("flag.closed", "Flag Closed"),
                        ("policy.published", "Policy Published"),
                        ("policy.withdrawn", "Policy Withdrawn"),
                        ("check.changed", "Check Changed"),
                    ],
                    max_length=24,
                ),
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="webhookevent",
            name="type",
            field=models.CharField(
                choices=[
                    ("flag.opened", "Flag Opened"),
                    ("flag.updated", "Flag Updated"),
                    ("flag.closed", "Flag Closed"),
                    ("policy.published", "Policy Published"),
                    ("policy.withdrawn", "Policy Withdrawn"),
                    ("check.changed", "Check Changed"),
                    ("webhook.ping", "webhook.ping"),
                ],
                max_length=24,
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "events__contained_by",
                        [
                            "flag.opened",
                            "flag.updated",
                            "flag.closed",
                            "policy.published",
                            "policy.withdrawn",
                            "check.changed",
                        ],
                    ),
                    ("events__len__gt", 0),
                ),
                name="webhookendpoint_events_known",
            ),
        ),
        migrations.AddField(
            model_name="check",
            name="department",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.department",
            ),
        ),
        migrations.AddField(
            model_name="check",
            name="owner",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.CreateModel(
            name="ReleaseTakenBack",
            fields=[
                (
                    "release",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="taken_back",
                        serialize=False,
                        to="alerts.checkrelease",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("text", models.TextField(blank=True)),
            ],
        ),
        migrations.AddField(
            model_name="checkrelease",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="checkrelease",
            name="parent",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="releases", to="alerts.check"
            ),
        ),
        migrations.CreateModel(
            name="TurnAcknowledged",
            fields=[
                (
                    "turn",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="acknowledged",
                        serialize=False,
                        to="alerts.checkturn",
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="checkturn",
            name="parent",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="turns", to="alerts.check"
            ),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="check_turn",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="alerts.checkturn",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("type__isnull", True),
                    (
                        "type__in",
                        [
                            "flag.opened",
                            "flag.updated",
                            "flag.closed",
                            "policy.published",
                            "policy.withdrawn",
                            "check.changed",
                            "webhook.ping",
                        ],
                    ),
                    _connector="OR",
                ),
                name="webhookevent_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkwatch",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="one_check_watch"),
        ),
        migrations.AddIndex(
            model_name="check",
            index=models.Index(fields=["owner", "-id"], name="check_owner"),
        ),
        migrations.AddIndex(
            model_name="check",
            index=models.Index(fields=["reference", "purpose"], name="check_document"),
        ),
        migrations.AddIndex(
            model_name="check",
            index=models.Index(condition=models.Q(("settled_at__isnull", True)), fields=["id"], name="check_unsettled"),
        ),
        migrations.AddIndex(
            model_name="check",
            index=models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="check_due"),
        ),
        migrations.AddIndex(
            model_name="check",
            index=models.Index(fields=["watched_until"], name="check_watched"),
        ),
        migrations.AddIndex(
            model_name="check",
            index=django.contrib.postgres.indexes.GinIndex(fields=["parties"], name="check_parties"),
        ),
        migrations.AddConstraint(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reference__isnull", True), ("reference__regex", "^[A-Za-z0-9._:-]{1,64}$"), _connector="OR"
                ),
                name="check_reference_format",
            ),
        ),
        migrations.AddConstraint(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("purpose__isnull", True),
                    ("purpose__in", ["new_contract", "call_off", "amendment", "renewal"]),
                    _connector="OR",
                ),
                name="check_purpose_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("answer__isnull", True),
                    ("answer__in", ["clear", "cleared", "review", "licence_required", "blocked"]),
                    _connector="OR",
                ),
                name="check_answer_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="check",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("stands__isnull", True),
                    ("stands__in", ["clear", "cleared", "review", "licence_required", "blocked"]),
                    _connector="OR",
                ),
                name="check_stands_known",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="check",
            trigger=pgtrigger.compiler.Trigger(
                name="keep",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="312af87f6213950a9d634982f55f301ec720c78f",
                    operation="DELETE",
                    pgid="pgtrigger_keep_e3faf",
                    table="alerts_check",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="check",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'cannot truncate %: its changes are logged row by row', TG_TABLE_NAME;",
                    hash="a423de651e576c972fe739bd01a6b73d9f6ceffc",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_66ab0",
                    table="alerts_check",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="releasetakenback",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="checkrelease",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reason__isnull", True),
                    ("reason__in", ["wrong_facts", "not_in_scope", "exemption", "accepted_risk", "duplicate", "other"]),
                    _connector="OR",
                ),
                name="checkrelease_reason_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkrelease",
            constraint=models.CheckConstraint(
                condition=models.Q(("grounds", {}), _negated=True), name="checkrelease_on_grounds"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="checkrelease",
            trigger=pgtrigger.compiler.Trigger(
                name="keep",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="dab91a7a0cd43ea8a92d8ff84a62c7618290b7c3",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_keep_8f28d",
                    table="alerts_checkrelease",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="checkrelease",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'cannot truncate %: its changes are logged row by row', TG_TABLE_NAME;",
                    hash="041f68eaf9f89b3a34f6762c28dc0820500350b1",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_796e3",
                    table="alerts_checkrelease",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="turnacknowledged",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="checkturn",
            constraint=models.UniqueConstraint(fields=("parent", "number"), name="each_turn_of_a_check_once"),
        ),
        migrations.AddConstraint(
            model_name="checkturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("before__isnull", True),
                    ("before__in", ["clear", "cleared", "review", "licence_required", "blocked"]),
                    _connector="OR",
                ),
                name="checkturn_before_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkturn",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("after__isnull", True),
                    ("after__in", ["clear", "cleared", "review", "licence_required", "blocked"]),
                    _connector="OR",
                ),
                name="checkturn_after_known",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="checkturn",
            trigger=pgtrigger.compiler.Trigger(
                name="keep",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="9cba04fc7636cd1efa2285acdc4917327f7cbbe8",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_keep_78709",
                    table="alerts_checkturn",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="checkturn",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'cannot truncate %: its changes are logged row by row', TG_TABLE_NAME;",
                    hash="d0d3ecd16719cb811d9ece07f4047c4d6915abda",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_5becd",
                    table="alerts_checkturn",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="checkturn",
            trigger=pgtrigger.compiler.Trigger(
                name="note_for_webhooks",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF EXISTS (SELECT FROM alerts_webhookendpoint) THEN\n                        INSERT INTO alerts_webhookevent (type, check_turn_id)\n                        SELECT 'check.changed', n.id FROM new_rows n ORDER BY n.id;\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="4477e959cc10a660ccedfd448092f01a91a1b352",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_note_for_webhooks_dbbbb",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="alerts_checkturn",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="releasetakenback",
            trigger=pgtrigger.compiler.Trigger(
                name="keep",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="cefd8393bcb84ac438ad657a7ab99f20d89915b3",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_keep_2f930",
                    table="alerts_releasetakenback",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="releasetakenback",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'cannot truncate %: its changes are logged row by row', TG_TABLE_NAME;",
                    hash="2076fb6dce8348ba5b016c2290d86c3d2e336781",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_7eb37",
                    table="alerts_releasetakenback",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="turnacknowledged",
            trigger=pgtrigger.compiler.Trigger(
                name="keep",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="9b4d26b780f61e951f13027f29f3beea3627b484",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_keep_204b8",
                    table="alerts_turnacknowledged",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="turnacknowledged",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'cannot truncate %: its changes are logged row by row', TG_TABLE_NAME;",
                    hash="bdd43a3c71e5d7eb8e2ced9bf4ecaf8828c4b965",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_5e36b",
                    table="alerts_turnacknowledged",
                    when="BEFORE",
                ),
            ),
        ),
    ]
