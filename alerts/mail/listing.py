"""Flags of several policy changes in one table, as digests and escalations list them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.utils.translation import gettext as _

from alerts.mail import words
from alerts.mail.marks import labelled
from alerts.mail.plain import one_line
from alerts.mail.rows import labels
from alerts.models import Flag, FlagEvent
from contracts.models import Contract


@dataclass(frozen=True, slots=True)
class ListedFlag:
    """A flag in the table; `news` is empty where it is not told what has happened to it."""

    reference: str
    title: str
    supplier: str
    change: str
    kind: str
    news: str
    certainty: str
    basis: str
    exposure: str
    act_by: str
    url: str

    @property
    def said(self) -> Sequence[str]:
        """The same as lines of text."""
        what = f"{self.kind} [{self.news}]" if self.news else self.kind
        said = (self.supplier, self.change, what, self.certainty, self.basis, self.exposure, self.act_by)
        return [labelled(column, value) for column, value in zip(columns()[1:], said, strict=True)]


def columns() -> list[str]:
    """What the columns are called."""
    contract, supplier, *rest = labels().values()
    return [contract, supplier, _("Policy change"), *rest]


def listed_flag(
    flag: Flag, standing: Flag | FlagEvent, contract: Contract | None, today: date, news: str = ""
) -> ListedFlag:
    """The flag as it stands, or as it stood with an event; `contract` None: it was deleted."""
    change = flag.measure.change
    return ListedFlag(
        reference=contract.reference if contract else _("deleted contract %d") % flag.contract_id,
        title=one_line(contract and contract.title, 200),
        supplier=one_line(contract and str(contract.supplier), 120),
        change=one_line(change.number or change.title or change.reference, 120),
        kind=str(words.KINDS[flag.kind]),
        news=news,
        certainty=str(words.CERTAINTY[standing.certainty]),
        basis=str(words.BASIS[standing.basis]),
        exposure=words.money(standing.exposure_amount, standing.exposure_currency),
        act_by=words.due(standing.act_by, today),
        url=f"{settings.BASE_URL}/admin/alerts/flag/{flag.pk}/change/",
    )
