"""Row-level security keeps an index from a question that PostgreSQL does not trust; the owner's function may ask it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("alerts", "0017_row_level_security")]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION alerts_checks_naming(varchar[]) RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
            SET search_path = pg_catalog, public, pg_temp AS $$ SELECT id FROM alerts_check WHERE parties && $1 $$
            """,
            "DROP FUNCTION alerts_checks_naming(varchar[])",
        ),
    ]
