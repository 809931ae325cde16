"""When contracts are due, what a run saw, and in the history of what it read the transaction of every row.

A run keeps the snapshot it was taken in; with the transaction of each row of history, what it saw can be read again.
The columns are added empty, without rewriting a table; rows from before this migration count as seen by every run.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import people.models

HISTORIES = [
    "suppliers_organizationevent",
    "suppliers_ownershipevent",
    "policies_policychangeevent",
    "policies_measureevent",
    "policies_partylistevent",
    "policies_partylistentryevent",
    "policies_licenceevent",
    "contracts_contractevent",
    "contracts_lineevent",
    "contracts_amendmentevent",
]


def transaction_of_every_row(table):
    return migrations.RunSQL(
        [
            f"ALTER TABLE {table} ADD COLUMN pgh_xid bigint",
            f"ALTER TABLE {table} ALTER COLUMN pgh_xid SET DEFAULT pg_current_xact_id()::text::bigint",
        ],
        f"ALTER TABLE {table} DROP COLUMN pgh_xid",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0001_flags_runs_messages"),
        ("contracts", "0001_contracts"),
        ("policies", "0001_policies"),
        ("suppliers", "0001_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContractDue",
            fields=[
                ("contract_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "contracts due",
            },
        ),
        migrations.CreateModel(
            name="SetAside",
            fields=[
                ("contract_id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("reference", models.CharField(max_length=64)),
                ("error", models.TextField()),
                ("since", models.DateTimeField(db_default=people.models.WallClock())),
            ],
            options={
                "verbose_name_plural": "contracts set aside",
                "ordering": ["reference"],
            },
        ),
        migrations.RemoveIndex(
            model_name="screeningrun",
            name="run_last_complete",
        ),
        migrations.AddField(
            model_name="screeningcursor",
            name="policies_due_at",
            field=models.DateTimeField(
                blank=True,
                help_text="when time may next change what policies say, and with them every answer",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="screeningrun",
            name="buckets",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="sums over (contract, contract version, verdicts), see alerts/manifest.py",
            ),
        ),
        migrations.AddField(
            model_name="screeningrun",
            name="everything",
            field=models.BooleanField(default=False, help_text="every contract was in scope"),
        ),
        migrations.AddField(
            model_name="screeningrun",
            name="policies_set_aside",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="measures and licences that could not be read or compiled; flags stayed",
            ),
        ),
        migrations.AddField(
            model_name="screeningrun",
            name="renewal_horizon_days",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="screeningrun",
            name="scope",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                help_text="ids; none where it is everything",
                null=True,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="screeningrun",
            name="snapshot",
            field=models.TextField(blank=True, help_text="PostgreSQL's: the transactions whose changes it saw"),
        ),
        migrations.AddField(
            model_name="screeningrun",
            name="timezone",
            field=models.CharField(blank=True, help_text="the business time zone it reckoned with", max_length=64),
        ),
        migrations.AlterField(
            model_name="screeningrun",
            name="digest",
            field=models.CharField(blank=True, help_text="over the policy version and the buckets", max_length=64),
        ),
        migrations.AddIndex(
            model_name="screeningrun",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", False)),
                fields=["everything", "-id"],
                name="run_last_complete",
            ),
        ),
        migrations.AddIndex(
            model_name="contractdue",
            index=models.Index(fields=["due_at"], name="contractdue_due_at"),
        ),
        migrations.AddField(
            model_name="setaside",
            name="run",
            field=models.ForeignKey(
                help_text="the last that failed on it",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="alerts.screeningrun",
            ),
        ),
        *map(transaction_of_every_row, HISTORIES),
    ]
