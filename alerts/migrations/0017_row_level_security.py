"""Flags, messages, checks, webhooks and jobs are held back by the database, too; see people/row_security.py."""

from django.db import migrations

from contracts.row_security import of_contract
from people.row_security import ADDRESSES, OWN, of_departments, restricted, with_row_of


def _hanging_on(parent, column, *names):
    return [restricted(f"alerts_{name}", with_row_of(f"alerts_{parent}", f"alerts_{name}.{column}")) for name in names]


class Migration(migrations.Migration):
    dependencies = [("alerts", "0016_one_event_beside_what_was_concluded"), ("contracts", "0003_row_level_security")]

    operations = [
        *(
            restricted(f"alerts_{name}", of_contract())
            for name in ("flag", "setaside", "contractdue", "reminder", "reminderstages")
        ),
        *_hanging_on("flag", "flag_id", "flagevent", "flagaction", "disposition", "escalationstep"),
        *(restricted(f"alerts_{name}", f"recipient = ANY({ADDRESSES})") for name in ("message", "heldnews")),
        *_hanging_on("message", "message_id", "messageattempt", "escalationtimer"),
        restricted("alerts_check", f"owner_id = {OWN} OR {of_departments()}"),
        *_hanging_on("check", "parent_id", "checkturn", "checkrelease"),
        *_hanging_on("checkturn", "turn_id", "turnacknowledged"),
        *_hanging_on("checkrelease", "release_id", "releasetakenback"),
        restricted("alerts_webhookendpoint", f"owner_id = {OWN}"),
        *_hanging_on("webhookendpoint", "endpoint_id", "webhookdelivery"),
        restricted("alerts_webhookevent", with_row_of("alerts_webhookdelivery", "alerts_webhookevent.id", "event_id")),
        restricted("alerts_bulkjob", f"by_id = {OWN}"),
        *_hanging_on("bulkjob", "job_id", "bulkpiece"),
    ]
