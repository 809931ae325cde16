"""Contracts that came into other hands, noted by trigger: their flags, which name owner and department, changed too."""

import pgtrigger
from django.db import models

from contracts.models import Contract
from people import changelog
from people.models import CurrentTransaction, Department

_NOTE = "INSERT INTO alerts_handedover (contract_id, department_id) VALUES (OLD.id, OLD.department_id); RETURN NULL;"


class HandedOver(models.Model):
    """A contract got another owner or department, or was deleted. Rows are only ever added.

    It is of the contract rather than of its flags, which are looked up by whoever reads: a flag that screening was
    about to open meanwhile, unseen, is among them.
    """

    contract = models.ForeignKey(Contract, models.DO_NOTHING, db_constraint=False, related_name="+")
    department = models.ForeignKey(
        Department,
        models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="whose it was before",
    )
    xid = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["xid"], name="handedover_xid")]
        triggers = changelog.append_only_triggers()

    def __str__(self) -> str:
        return f"contract {self.contract_id}"


class NotedContract(Contract):
    """Contracts, with the triggers that note who loses one; they cost nothing where owner and department stay."""

    class Meta:
        proxy = True
        triggers = [
            pgtrigger.Trigger(
                name="note_handed_over",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("owner", "department"),
                func=_NOTE,
            ),
            pgtrigger.Trigger(name="note_deleted", when=pgtrigger.After, operation=pgtrigger.Delete, func=_NOTE),
        ]
