"""Template filters that show facts, JSON values as bundles hold them, to people."""

import re
from collections.abc import Mapping

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alerts.mail import words
from alerts.mail.why import CRITERIA, FIELDS
from alerts.screening.reasons import Json

register = template.Library()
NOTHING = mark_safe('<span class="tocsin-none">–</span>')
OPEN = mark_safe('<span class="tocsin-none">…</span>')
NUMBER = re.compile(r"\d+\.\d+", re.ASCII)
WORDS = {
    "in_force": gettext_lazy("in force"),
    "suspended": gettext_lazy("suspended"),
    "civil": gettext_lazy("civil"),
    "military": gettext_lazy("military"),
    "state_body": gettext_lazy("state body"),
}
COMMITMENTS = {
    "conclusion": gettext_lazy("reported as concluded on"),
    "call_off": gettext_lazy("call-off reported as concluded on"),
    "amendment": gettext_lazy("amendment that increases quantity or term, made on"),
    "renewal": gettext_lazy("reported to run on until"),
}
"""By the acts of alerts/concluding.py."""


@register.filter
def criterion(name: str) -> str:
    return str(CRITERIA.get(name, name))


@register.filter
def commitment(act: str) -> str:
    return str(COMMITMENTS[act])


@register.filter
def fact(value: Json) -> SafeString:
    """What a contract says, in words; what is not established says so."""
    return _shown(value, format_html('<em class="tocsin-unknown">{}</em>', _("not established")))


@register.filter
def stated(value: Json) -> SafeString:
    """What a measure says, in words; what it does not state is left open."""
    return _shown(value, NOTHING)


def _shown(value: Json, null: SafeString) -> SafeString:
    if value is None:
        return null
    if isinstance(value, bool):
        return format_html("{}", _("yes") if value else _("no"))
    if isinstance(value, Mapping):
        parts = {name: part for name, part in value.items() if part not in ([], {})}
        shown = [
            (str(FIELDS.get(n, n)).rstrip(":："), _shown(p, OPEN if n in ("from", "until") else null))
            for n, p in parts.items()
        ]
        return format_html('<dl class="tocsin-facts">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", shown))
    if isinstance(value, list):
        if not value:
            return NOTHING
        if any(isinstance(part, Mapping) for part in value):
            rows = format_html_join("", "<li>{}</li>", ((_shown(part, null),) for part in value))
            return format_html('<ul class="tocsin-list">{}</ul>', rows)
        return format_html_join(", ", "{}", ((_shown(part, null),) for part in value))
    return format_html('<span class="tocsin-value">{}</span>', WORDS.get(str(value)) or _plain(str(value)))


def _plain(text: str) -> str:
    """A number without the zeros that say nothing."""
    return text.rstrip("0").rstrip(".") if NUMBER.fullmatch(text) else text


@register.filter
def path(field: str) -> str:
    """`lines/10/elements` as `line 10 › elements`."""
    return " › ".join(str(FIELDS.get(step, step)) for step in field.split("/"))


@register.filter
def grade(evidence: object) -> str:
    """The Admiralty grade of a piece of evidence in words."""
    return words.grade(getattr(evidence, "reliability", None), getattr(evidence, "credibility", None))
