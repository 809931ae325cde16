from django.apps import AppConfig

from config.celery import app as celery_app


class PlatformConfig(AppConfig):
    """The platform: commands and settings; it binds shared tasks to the Celery application."""

    name = "config"
    label = "platform"
    verbose_name = "platform"
    celery = celery_app
