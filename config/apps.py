import gc

from django.apps import AppConfig

from config.celery import app as celery_app

COLLECTED_AFTER = (50_000, 20, 20)
"""Objects that are new before Python looks for those in circles that nobody holds, and how often it looks further.

By default it begins at 700, which is half of the time of a bulk file and the slowest of many checks: what is read from
files and tables lives for as long as the request, and is in no circles.
"""


class PlatformConfig(AppConfig):
    """The platform: commands and settings; it binds shared tasks to the Celery application."""

    name = "config"
    label = "platform"
    verbose_name = "platform"
    celery = celery_app

    def ready(self) -> None:
        gc.set_threshold(*COLLECTED_AFTER)
