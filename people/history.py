"""History by trigger: what a row was after every change, kept for good."""

from collections.abc import Callable
from typing import TypeVar

import pghistory
import pgtrigger
from django.db import models

M = TypeVar("M", bound=type[models.Model])


def tracked(*, versioned: bool = False) -> Callable[[M], M]:
    """Keep an event row for every insert, update and delete, whoever makes it.

    A versioned row whose version alone rises (because of its parts) leaves none.
    """
    level = pgtrigger.Statement
    changed = pgtrigger.AnyChange(exclude=["version"]) if versioned else pgtrigger.AnyChange()
    decorate: Callable[[M], M] = pghistory.track(
        pghistory.InsertEvent(level=level),
        pghistory.UpdateEvent(condition=changed, level=level),
        pghistory.DeleteEvent(level=level),
        obj_field=pghistory.ObjForeignKey(related_name="events", related_query_name="+"),
        append_only=True,
    )
    return decorate
