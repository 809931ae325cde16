"""What was stored at a past moment, read from the history that triggers keep.

A moment is a PostgreSQL snapshot: the transactions whose changes were visible. Every row of history names the
transaction that wrote it, so what a run saw can be read again exactly, however its writers overlapped.
"""

from typing import Any

from django.db.models import Model, QuerySet


def past_rows(model: type[Model]) -> QuerySet[Any]:
    """Every row of history of a tracked model."""
    events: type[Model] = model.pgh_event_model  # type: ignore[attr-defined]  # added by the decorator
    return events._default_manager.all()
