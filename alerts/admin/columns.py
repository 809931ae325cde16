"""How flags look in lists and on pages: colours, days, money."""

from datetime import date
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.models import Flag

KIND_COLOURS = {"no_new_contracts": "warning", "possible_termination": "danger", "licence_required": "info"}
CERTAINTY_COLOURS = {"matched": "danger", "needs_review": "warning"}
BASIS_COLOURS = {"in_force": "danger", "reported": "warning", "announced": "info", "resumption_unconfirmed": ""}
STANDING_COLOURS = {"open": "warning", "acknowledged": "info", "dismissed": "", "mitigated": "success"}
MESSAGE_COLOURS = {
    "pending": "info",
    "sending": "info",
    "sent": "success",
    "failed": "warning",
    "dead": "danger",
    "withheld": "warning",
}
DELIVERY_COLOURS = {
    "pending": "info",
    "sending": "info",
    "delivered": "success",
    "failed": "warning",
    "dead": "danger",
    "withheld": "",
}
PLACES = Decimal("0.01")


def money(amount: Decimal | None, currency: str | None) -> str:
    """`1,200,000 JPY`; cents only where there are any, never more digits than people pay in."""
    if amount is None or not currency:
        return ""
    rounded = amount.quantize(PLACES) if amount % 1 else amount.to_integral_value()
    return f"{number_format(rounded, use_l10n=True, force_grouping=True)} {currency}"


def in_days(day: date, today: date) -> str:
    days = (day - today).days
    if days < 0:
        return ngettext("%(days)d day ago", "%(days)d days ago", -days) % {"days": -days}
    if days == 0:
        return _("today")
    return ngettext("in %(days)d day", "in %(days)d days", days) % {"days": days}


def urgency(flag: Flag, today: date) -> str:
    """A colour for the day by which somebody must act."""
    if flag.closed_at is not None:
        return ""
    days = (flag.act_by - today).days
    return "danger" if days <= 0 else "warning" if days <= 30 else "info"
