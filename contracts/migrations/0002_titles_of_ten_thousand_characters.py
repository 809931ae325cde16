"""Long titles: PostgreSQL widens the type without rewriting the table."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contracts', '0001_contracts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='contract',
            name='title',
            field=models.CharField(blank=True, max_length=10000, null=True),
        ),
        migrations.AlterField(
            model_name='contractevent',
            name='title',
            field=models.CharField(blank=True, max_length=10000, null=True),
        ),
    ]
