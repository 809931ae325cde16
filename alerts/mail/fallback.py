"""The barest mail that still alerts: which contracts, and where to read on. It reads nothing that could defeat it."""

from collections.abc import Sequence

from django.conf import settings
from django.utils.html import escape
from django.utils.translation import gettext as _

from alerts.mail.marks import sentences
from alerts.mail.plain import one_line
from alerts.mail.render import Rendered
from alerts.mail.tidings import News
from policies.models import PolicyChange


def fallback(change: PolicyChange, news: Sequence[News], more: int) -> Rendered:
    """`more` flags are counted, and found behind the link."""
    link = f"{settings.BASE_URL}/admin/alerts/flag/"
    subject = _("Contracts affected by %(change)s") % {"change": one_line(change.reference, 64)}
    lines = [
        sentences(
            [
                _("%(sentence)s.") % {"sentence": subject},
                _("The details could not be put into this mail; they are here:"),
            ]
        ),
        *(f"{one_line(item.reference, 64)} {link}{item.event.flag_id}/change/" for item in news),
    ]
    if more:
        lines.append(_("... and %(number)d more: %(link)s") % {"number": more, "link": link})
    html = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return Rendered(subject, "\n".join(lines) + "\n", f"<!DOCTYPE html><html><body>{html}</body></html>")
