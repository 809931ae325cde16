"""P7: pages of long lists, deep in them and at their beginning."""

from statistics import median
from typing import Any

from django.db import connection
from django.test import Client, RequestFactory
from django.urls import resolve, reverse
from rest_framework.request import Request
from rest_framework.test import APIClient

from alerts.models import Flag, FlagEvent, Message, ScreeningRun
from contracts.models import Contract
from people.admin.pages import BoundedPaginator, RoleAdmin
from people.models import User
from people.paging import KeysetPagination
from tests.benchmarks import limits
from tests.benchmarks.figures import Finding, Measured, seconds
from tests.benchmarks.filling import BUYER, SOURCE
from tests.benchmarks.saving import signed_in
from tests.benchmarks.world import Size

TIMES = 15
LISTS = {"contracts": Contract, "flags": Flag, "messages": Message, "runs": ScreeningRun}
ADMIN_PAGES = {"contracts_contract": Contract, "alerts_flag": Flag}


def measure(size: Size, first: bool) -> Measured:
    """Every list has as many rows as there are contracts, or more; whoever may see everything pages through it."""
    _lengthen(size.contracts)
    client = signed_in(SOURCE)
    times = 1 if size.trial else TIMES
    findings = [_rest(client, name, model, "", times) for name, model in LISTS.items()]
    client = signed_in(BUYER)
    findings += [_rest(client, name, LISTS[name], ", one department's", times) for name in ("contracts", "flags")]
    return Measured([*findings, *(_admin(page, model, times) for page, model in ADMIN_PAGES.items())])


def _rest(client: APIClient, name: str, model: Any, whose: str, times: int) -> Finding:
    """The first page of a hundred rows beside the last that is full."""
    address = f"/api/v1/{name}"
    view: Any = resolve(address).func
    user = User.objects.get(email=BUYER if whose else SOURCE)
    rows = model.objects.visible_to(user) if hasattr(model.objects, "visible_to") else model.objects.all()
    depth = max(rows.count() - KeysetPagination.DEFAULT - 1, 1)
    deep = f"{address}?cursor={_cursor(view.cls, rows, depth)}"
    operation = f"GET {name}{whose}, page at depth {depth:,}"
    return _compare(operation, lambda: client.get(address), lambda: client.get(deep), times)


def _cursor(view: Any, rows: Any, depth: int) -> str:
    """The cursor of the row at this depth, which a list that begins there gives for its second page."""
    key, backwards = view.page_key, view.page_backwards
    order = f"-{key}" if backwards else key
    position = rows.order_by(order).values_list(key, flat=True)[depth - 1]
    paging = KeysetPagination()
    rest = rows.filter(**{f"{key}__{'lte' if backwards else 'gte'}": position})
    paging.paginate_queryset(rest, Request(RequestFactory(SERVER_NAME="localhost").get("/", {"limit": 1})), view())
    return str(paging.get_paginated_response([]).data["next"]).partition("cursor=")[2].partition("&")[0]


def _admin(page: str, model: Any, times: int) -> Finding:
    """The deepest page there is: lists of the admin end after ten thousand rows."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(email=SOURCE))
    pages = BoundedPaginator(model.objects.all(), RoleAdmin.list_per_page).num_pages
    address = reverse(f"admin:{page}_changelist") + "?state=all" * (model is Flag)
    deep = f"{address}{'&' if '?' in address else '?'}p={pages}"
    operation = f"admin, {model._meta.verbose_name_plural}, page {pages}, which is the last"
    return _compare(operation, lambda: client.get(address), lambda: client.get(deep), times)


def _compare(operation: str, first: Any, deep: Any, times: int) -> Finding:
    for get in (first, deep):
        answer = get()
        if answer.status_code != 200:
            raise RuntimeError(f"{operation}: {answer.status_code} {answer.content[:500]!r}")
    turns = [(seconds(first)[0], seconds(deep)[0]) for _ in range(times)]
    shallow, far = (median(one) for one in zip(*turns, strict=True))
    return Finding("P7", operation, far, "first page", shallow, at_most=3)


def _lengthen(rows: int) -> None:
    """Closed flags, messages and runs of the past until each list is as long as that of the contracts."""
    flag, run = Flag.objects.order_by("id")[0], ScreeningRun.objects.complete().order_by("id")[0]
    _repeat(ScreeningRun, run.pk, rows, {"buckets": "'{}'"})  # most runs screen a contract or two
    past = {"closed_at": "opened_at", "closed_because": "'not_hit'", "contract_id": f"1 + n %% {rows}"}
    _repeat(Flag, flag.pk, rows, past)
    message = Message.objects.create(
        recipient=SOURCE,
        channel="email",
        dedup_key="benchmark",
        message_id="<benchmark@tocsin.example>",
        language="en",
        subject="Two contracts fall under a policy change",
        text="A contract falls under a policy change.\n" * 20,
        html="<p>A contract falls under a policy change.</p>\n" * 20,
    )
    _repeat(Message, message.pk, rows, {name: f"{name} || n" for name in ("dedup_key", "message_id")})
    with limits.as_owner() as owner:
        for model in (Flag, FlagEvent, Message, ScreeningRun):
            owner.execute(f"VACUUM (ANALYZE) {model._meta.db_table}")


def _repeat(model: Any, pk: int, rows: int, changed: dict[str, str]) -> None:
    """Rows like this one until there are so many, but for the columns given as expressions of their number n."""
    columns = {field.column: changed.get(field.column, field.column) for field in model._meta.concrete_fields}
    del columns["id"]
    table, count = model._meta.db_table, rows - model.objects.count()
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns.values())}"
            f" FROM {table}, generate_series(1, %s) AS n WHERE id = %s",
            [count, pk],
        )
