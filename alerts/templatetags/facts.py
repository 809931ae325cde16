"""Template filters that show facts, JSON values as bundles hold them, to people."""

from collections.abc import Mapping

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from alerts.mail import words
from alerts.mail.why import CRITERIA, FIELDS
from alerts.screening.reasons import Json

register = template.Library()
NOTHING = mark_safe('<span class="tocsin-none">–</span>')


@register.filter
def criterion(name: str) -> str:
    return str(CRITERIA.get(name, name))


@register.filter
def fact(value: Json) -> SafeString:
    """A value in words; what is not established says so."""
    if value is None:
        return format_html('<em class="tocsin-unknown">{}</em>', _("not established"))
    if isinstance(value, bool):
        return format_html("{}", _("yes") if value else _("no"))
    if isinstance(value, Mapping):
        shown = [(FIELDS.get(name, name), fact(part)) for name, part in value.items() if part not in ([], {})]
        return format_html('<dl class="tocsin-facts">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", shown))
    if isinstance(value, list):
        if not value:
            return NOTHING
        if any(isinstance(part, Mapping) for part in value):
            rows = format_html_join("", "<li>{}</li>", ((fact(part),) for part in value))
            return format_html('<ul class="tocsin-list">{}</ul>', rows)
        return format_html_join(", ", "{}", ((fact(part),) for part in value))
    return format_html('<span class="tocsin-value">{}</span>', value)


@register.filter
def path(field: str) -> str:
    """`lines/10/elements` as `line 10 › elements`."""
    return " › ".join(str(FIELDS.get(step, step)) for step in field.split("/"))


@register.filter
def grade(evidence: object) -> str:
    """The Admiralty grade of a piece of evidence in words."""
    return words.grade(getattr(evidence, "reliability", None), getattr(evidence, "credibility", None))
