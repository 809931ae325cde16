"""Checks stored rows against the kinds of events and purposes of messages that are known, while others write."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0010_digests_and_near_deadlines'),
    ]

    operations = [
        ValidateConstraint('flagevent', 'flagevent_kind_known'),
        ValidateConstraint('message', 'message_purpose_known'),
    ]
