"""`/metrics` for Prometheus: how far screening and delivery are behind, read from the tables at every scrape.

It holds counts and ages only, and asks for no credentials: let nobody but Prometheus reach it from outside.
"""

from collections.abc import Iterator
from dataclasses import asdict

from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from alerts.backlog import backlog
from people.clock import now

MEANINGS = {
    "oldest_unscreened_change_seconds": "Age of the oldest change that no screening has looked at; 0 where none waits",
    "last_complete_sweep_seconds": "Time since a run that screened every contract finished; absent where none ever did",
    "oldest_unsent_message_seconds": "Age of the oldest message on its way; 0 where none is",
    "oldest_untold_run_seconds": "Age of the oldest run that is not put into messages; 0 where all are",
    "transactions_held_back": "How far the oldest open transaction holds back readers of the change log",
    "cursor_transactions_behind": "Transactions between the screening cursor and the newest one",
    "runs_incomplete": "Runs cut short or at work, whose work no other has done",
    "contracts_set_aside": "Contracts that cannot be screened; their flags stay as they were",
    "policies_set_aside": "Measures and licences that cannot be read or compiled; their flags stay as they were",
    "runs_untold": "Runs whose flags are not put into messages yet: lasting, they cannot be",
    "messages_unsent": "Messages on their way",
    "messages_unwritten": "Messages that could not be put into words so far",
    "messages_dead": "Messages given up: somebody must look",
    "escalations_overdue": "Escalations whose moment has come and that have not moved on",
    "mail_server_failures": "How often in a row the mail server took no mail at all",
    "webhooks_waiting": "Webhook deliveries that no endpoint has accepted yet",
    "webhooks_dead": "Webhook deliveries given up: send them again or replay",
}
NOTHING_WAITS = {
    "oldest_unscreened_change_seconds",
    "oldest_unsent_message_seconds",
    "oldest_untold_run_seconds",
}


class BacklogCollector(Collector):
    """Reads the figures when it is asked."""

    def collect(self) -> Iterator[Metric]:
        for name, value in asdict(backlog(at=now())).items():
            if value is None and name not in NOTHING_WAITS:
                continue
            yield GaugeMetricFamily(f"tocsin_{name}", MEANINGS[name], value=value or 0)


REGISTRY = CollectorRegistry(auto_describe=False)
REGISTRY.register(BacklogCollector())


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """503 where the database does not answer."""
    try:
        return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
    except Error as error:
        return HttpResponse(f"# {type(error).__name__}\n", status=503, content_type=CONTENT_TYPE_LATEST)
