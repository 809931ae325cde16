"""The shares of a day add up to at most 100 percent, whoever writes them: past the serializers too."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("suppliers", "0001_organizations"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="ownership",
            trigger=pgtrigger.compiler.Trigger(
                name="shares_of_a_day",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NEW."percent" IS NOT NULL)',
                    constraint="CONSTRAINT",
                    func="\n        IF EXISTS (\n            SELECT FROM (\n                SELECT sum(change) OVER (ORDER BY day) AS held FROM (\n                    SELECT coalesce(from_on, '-infinity') AS day, percent AS change\n                    FROM suppliers_ownership WHERE organization_id = NEW.organization_id\n                    UNION ALL\n                    SELECT until_on + 1, -percent\n                    FROM suppliers_ownership WHERE organization_id = NEW.organization_id AND until_on IS NOT NULL\n                ) AS changes\n            ) AS days WHERE held > 100\n        ) THEN\n            RAISE check_violation USING\n                MESSAGE = 'the shares of a day add up to more than 100 percent',\n                TABLE = 'suppliers_ownership', CONSTRAINT = 'ownership_shares_of_a_day';\n        END IF;\n        RETURN NULL;\n    ",
                    hash="71ba1e391775b988236446f8ef7293d07444846f",
                    operation='INSERT OR UPDATE OF "organization_id", "percent", "from_on", "until_on"',
                    pgid="pgtrigger_shares_of_a_day_1b5b8",
                    table="suppliers_ownership",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
