"""Deleting an object that nothing refers to and nothing was ever decided on; its own history stays."""

from collections.abc import Iterator, Sequence

import pghistory
from django.db import models
from django.db.models import Q

from alerts.bundle.kinds import Kind
from alerts.models import ReminderStages
from contracts.models import Contract
from policies.models import Licence, Measure, PartyList, PolicyChange
from suppliers.models import Organization

SETTINGS = (ReminderStages,)
"""Rows that mean nothing without their object."""


class NotDeletable(Exception):  # noqa: N818
    """What hangs on the object, in words."""

    def __init__(self, reference: str, because: Sequence[str]) -> None:
        super().__init__(f"{reference} is not deleted: {'; '.join(because)}")


def delete(stored: models.Model, kind: Kind, *, source: str) -> None:
    """Delete an object with its parts, in the transaction of whoever calls. NotDeletable with every reason."""
    reference = str(getattr(stored, kind.key))
    if because := [*_status(stored), *_references(stored, kind), *_mentions(stored, reference)]:
        raise NotDeletable(reference, because)
    with pghistory.context(source=source):
        stored.delete()


def _status(stored: models.Model) -> Iterator[str]:
    if isinstance(stored, PolicyChange) and stored.status != PolicyChange.Status.DRAFT:
        yield f"it is {stored.status}, and what was published is withdrawn, not deleted"


def _references(stored: models.Model, kind: Kind) -> Iterator[str]:
    """What points to the object or to one of its parts, counted; its parts themselves do not."""
    parts = {part.model: part.parent for part in kind.parts}
    for relation in _relations(kind.model):
        if relation.related_model not in parts:
            yield from _counted(relation, {relation.field.name: stored})
    for part, parent in parts.items():
        for relation in _relations(part):
            yield from _counted(relation, {f"{relation.field.name}__{parent}": stored})


def _relations(model: type[models.Model]) -> Iterator[models.ForeignObjectRel]:
    """Relations of other tables to this one, apart from history and the settings that go with an object."""
    for relation in model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, models.ForeignObjectRel) or relation.concrete:
            continue
        other = relation.related_model
        if other not in SETTINGS and not other._meta.auto_created and not hasattr(other, "pgh_tracked_model"):
            yield relation


def _counted(relation: models.ForeignObjectRel, of: dict[str, models.Model]) -> Iterator[str]:
    number = relation.related_model._default_manager.filter(**of).count()
    if number:
        names = relation.related_model._meta
        role = str(relation.field.verbose_name)
        yield f"{number} {names.verbose_name if number == 1 else names.verbose_name_plural} ({role}) refer to it"


def _mentions(stored: models.Model, reference: str) -> Iterator[str]:
    """Where policies name the object by its reference."""
    scopes = {
        Contract: Q(scope__contracts__contains=[reference]),
        PartyList: Q(scope__parties__lists__contains=[reference]),
        Organization: Q(scope__parties__named__contains=[reference]),
    }
    if condition := scopes.get(type(stored)):
        named = Measure.objects.filter(condition).values_list("change__reference", "key").order_by("id")
        yield from (f"the measure {change}/{key} names it" for change, key in named)
    if isinstance(stored, PolicyChange):
        granted = Licence.objects.filter(Q(measures__contains=[reference]) | _under(stored, reference))
        yield from (f"the licence {one} was granted under it" for one in granted.values_list("reference", flat=True))


def _under(change: PolicyChange, reference: str) -> Q:
    keys = change.measures.values_list("key", flat=True)
    return Q(measures__overlap=[f"{reference}/{key}" for key in keys])
