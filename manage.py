#!/usr/bin/env python
"""Tocsin's commands. Without DATABASE_URL a command that needs the database gets the embedded one for its duration."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from config.embedded.places import EmbeddedError
from config.embedded.session import embedded_session

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        with embedded_session(sys.argv):
            execute_from_command_line(sys.argv)
    except (EmbeddedError, ImproperlyConfigured) as error:
        sys.exit(f"error: {error}")
