"""The Celery application: a doorbell for workers, with beat ringing on the schedule that stands in settings."""

import os

from celery import Celery
from celery.app.base import Celery as CeleryApp
from django_structlog.celery.steps import DjangoStructLogInitStep

from config.sweeper import SweeperStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app: CeleryApp = Celery("tocsin")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.steps["worker"].add(SweeperStep)
app.autodiscover_tasks()
