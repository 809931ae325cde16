"""Draft revisions: what a published policy change is to become, kept apart from what is in force until published too.

Whoever calls has locked the change; so editing, publishing, discarding and withdrawing wait for one another.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pghistory
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from alerts.bundle.parse import Bundle
from alerts.bundle.problems import BundleErrors, Problem
from alerts.bundle.single import inside, single
from alerts.bundle.store import store
from alerts.preview import Preview, preview
from people.models import User
from policies.models import PolicyChange, PolicyChangeRevision
from policies.serializers import PolicyChangeSerializer

SECTION = "policy_changes"
End = PolicyChangeRevision.End


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where a revision differs from what is in force; null on one side is a measure or value that is not there.

    `field` is a path such as `measures/1/scope/end_uses`, measures by their keys.
    """

    field: str
    now: Any
    then: Any


def pending(change: PolicyChange) -> PolicyChangeRevision | None:
    """The revision that waits for publication; there is at most one."""
    return change.revisions.pending().select_related("by").first()


def revise(change: PolicyChange, bundle: Bundle, *, by: User, at: datetime) -> PolicyChangeRevision | None:
    """Keep what a bundle says of the change as its pending revision, in place of an earlier one.

    None where that is no different from what is in force: then nothing is pending any more. Raises BundleErrors, by
    paths within the change, where it contradicts what is stored or states another status. Safe to repeat.
    """
    if bundle.section(SECTION)[0].get("status") not in (None, change.status):
        raise BundleErrors([Problem(("status",), "read_only", "publish and withdraw are steps of their own")])
    content = _plain(bundle.section(SECTION)[0])
    earlier = pending(change)
    if earlier and (earlier.by_id, earlier.version, earlier.content) == (by.pk, change.version, content):
        return earlier
    outcome = _outcome(change, bundle, by, at)
    end(change, End.DISCARDED if outcome is None else End.REPLACED, by=by, at=at)
    if outcome is None:
        return None
    return PolicyChangeRevision.objects.create(
        change=change, version=change.version, content=content, outcome=outcome, by=by, created_at=at
    )


def end(change: PolicyChange, how: "PolicyChangeRevision.End", *, by: User, at: datetime) -> bool:
    """Take the pending revision away; whether there was one."""
    return bool(change.revisions.pending().update(ended_as=how, ended_by=by, ended_at=at))


def as_bundle(revision: PolicyChangeRevision) -> Bundle:
    """What the revision says, read by the rules of today. Raises BundleErrors where it no longer keeps them."""
    return single(SECTION, revision.content, revision.change.reference, partial=True)


def preview_pending(change: PolicyChange, *, at: datetime) -> Preview:
    """What publishing the change would do: as it is stored, or with its pending revision. BundleErrors as above."""
    revision = pending(change)
    if revision is None:
        return preview([change.reference], at=at)
    return preview([change.reference], at=at, bundle=as_bundle(revision), source=revision.by.email)


def put_in_force(revision: PolicyChangeRevision, bundle: Bundle, *, by: User, at: datetime) -> None:
    """Store what the revision says, on its editor's word; measures that are gone are retired."""
    with pghistory.context(publisher=by.pk, revision=revision.pk):
        _store(revision.change, bundle, revision.by, at)
    end(revision.change, End.PUBLISHED, by=by, at=at)


def differences(revision: PolicyChangeRevision) -> list[Difference]:
    """What the revision makes different from what is in force now."""
    return list(_differences((), _by_key(whole(revision.change)), _by_key(revision.outcome)))


def whole(change: PolicyChange) -> dict[str, Any]:
    """The change as a bundle spells it."""
    return _plain(PolicyChangeSerializer().to_representation(PolicyChange.objects.whole().get(pk=change.pk)))


def indented(change: Mapping[str, Any]) -> str:
    """A change as text that people can edit."""
    in_order = PolicyChangeSerializer().to_representation(change)  # jsonb keeps none
    return json.dumps({**in_order, "measures": _measures(in_order)}, ensure_ascii=False, indent=2)


def _measures(change: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The measures without the criteria that their scopes do not state."""
    return [{**measure, "scope": _stated(measure["scope"])} for measure in change["measures"] or ()]


def _stated(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _stated(one) for name, one in value.items() if one is not None}
    return [_stated(one) for one in value] if isinstance(value, list) else value


def _outcome(change: PolicyChange, bundle: Bundle, by: User, at: datetime) -> dict[str, Any] | None:
    """The change as it will be, by storing it and taking that back; None where nothing would be different."""
    now = whole(change)
    with transaction.atomic():
        _store(change, bundle, by, at)
        then = whole(change)
        transaction.set_rollback(True)
    return None if then == now else then


def _store(change: PolicyChange, bundle: Bundle, editor: User, at: datetime) -> None:
    (values,) = bundle.section(SECTION)
    try:
        store(Bundle(policy_changes=[{**values, "status": change.status}]), source=editor.email, at=at)
    except BundleErrors as found:
        raise BundleErrors(map(inside, found.problems)) from None


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(values, cls=DjangoJSONEncoder))
    return plain


def _by_key(change: Mapping[str, Any]) -> dict[str, Any]:
    return {**change, "measures": {measure["key"]: measure for measure in _measures(change)}}


def _differences(path: tuple[str, ...], now: Any, then: Any) -> Iterator[Difference]:
    if isinstance(now, Mapping) and isinstance(then, Mapping):
        for name in sorted({*now, *then}):
            yield from _differences((*path, name), now.get(name), then.get(name))
    elif now != then:
        yield Difference("/".join(path), now, then)
