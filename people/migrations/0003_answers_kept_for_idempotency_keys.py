"""Answers to POSTs are kept for a day under their Idempotency-Key."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('people', '0002_service_accounts_and_credentials'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=255)),
                ('fingerprint', models.CharField(help_text='SHA-256 of method, address, content type and body', max_length=64)),
                ('token', models.UUIDField(help_text='of the request that answers')),
                ('lease_until', models.DateTimeField(help_text='until when that request is taken to be at work')),
                ('expires_at', models.DateTimeField()),
                ('status', models.PositiveSmallIntegerField(null=True)),
                ('headers', models.JSONField(default=dict)),
                ('body', models.BinaryField(null=True)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(models.F('expires_at'), name='keptanswer_expires_at')],
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='one_answer_per_user_and_key')],
            },
        ),
    ]
