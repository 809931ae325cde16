"""A conclusion that is reported under an open flag is a fact: kept in its history and told at once, once."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from alerts import dispositions, messages, runs, writing
from alerts.digests.choices import choose
from alerts.escalation.due import set_timers
from alerts.models import (
    EscalationTimer,
    Flag,
    FlagEvent,
    HeldNews,
    Message,
    ScreeningRun,
    WebhookEndpoint,
    WebhookEvent,
)
from alerts.verification import verify
from contracts.models import Amendment, Contract
from policies.models import Measure
from tests.alerts.conftest import World

AOI, COMPLIANCE = "aoi@example.com", "compliance@example.com"
REFUSED = {"effect": "new_contracts_refused", "timeline": [{"status": "in_force", "from": "2026-01-06"}]}
Told = dict[str, list[str]]


@pytest.fixture(autouse=True)
def addresses(settings: Settings) -> None:
    settings.COMPLIANCE_MAILBOX = COMPLIANCE
    settings.BASE_URL = "https://tocsin.example.com"


@pytest.fixture
def refused(live_world: World) -> World:
    """New contracts have been refused since 6 January; it is told on the 13th that C-1 must not be signed."""
    negotiated(live_world, "C-1")
    live_world.change(formality="official", announced_on=date(2026, 1, 5), measure=REFUSED)
    assert swept("2026-01-13") == {AOI: ["opened"]}
    return live_world


def negotiated(world: World, reference: str, **fields: Any) -> Contract:
    return world.contract(reference, **{"concluded_on": None, "negotiation": "negotiation", **fields})


def tokyo(day: str, hour: int = 9) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour:02}:00+09:00")


def swept(day: str, hour: int = 9) -> Told:
    """What a sweep at that hour in Tokyo has whom told at once."""
    before = set(Message.objects.values_list("pk", flat=True))
    runs.sweep(at=tokyo(day, hour))
    messages.compose(at=tokyo(day, hour))
    new = Message.objects.exclude(pk__in=before).order_by("recipient")
    return {one.recipient: list(one.told().order_by("id").values_list("kind", flat=True)) for one in new}


def report(reference: str = "C-1", **facts: Any) -> None:
    Contract.objects.filter(reference=reference).update(**facts)


def concluded() -> list[list[dict[str, Any]]]:
    events = FlagEvent.objects.filter(kind="concluded").order_by("id")
    return list(events.values_list("concluded", flat=True))


def one(act: str, contract: str, on: str | None, *, in_force: bool = False) -> dict[str, Any]:
    return {"act": act, "contract": contract, "on": on, "in_force": in_force}


def test_a_conclusion_under_an_open_flag_is_kept_and_told_to_the_owner_and_to_compliance(refused: World) -> None:
    report(concluded_on=date(2026, 1, 14))
    assert swept("2026-01-14") == {AOI: ["concluded", "closed"], COMPLIANCE: ["concluded"]}
    flag = Flag.objects.get()
    assert (flag.kind, flag.closed_because, flag.closed_at) == ("no_new_contracts", "concluded", tokyo("2026-01-14"))
    assert list(flag.events.order_by("id").values_list("kind", flat=True)) == ["opened", "concluded", "closed"]
    assert concluded() == [[one("conclusion", "C-1", "2026-01-14")]]


@pytest.mark.parametrize(
    ("facts", "because", "events"),
    [
        # an instant after the flag opened, on the same day
        ({"concluded_at": tokyo("2026-01-13", 10)}, "concluded", [one("conclusion", "C-1", "2026-01-13")]),
        # the day on which it opened: any moment of it, and so perhaps the last
        ({"concluded_on": date(2026, 1, 13)}, "concluded", [one("conclusion", "C-1", "2026-01-13")]),
        # before it opened, but the measure had been in force for four days
        ({"concluded_on": date(2026, 1, 10)}, "concluded", [one("conclusion", "C-1", "2026-01-10", in_force=True)]),
        # an instant, half an hour before it opened
        (
            {"concluded_at": tokyo("2026-01-13", 9) - timedelta(minutes=30)},
            "concluded",
            [one("conclusion", "C-1", "2026-01-13", in_force=True)],
        ),
        # the first day of the measure, and the last moment before it: midnight in Shanghai is one o'clock in Tokyo
        (
            {"concluded_at": tokyo("2026-01-06", 1)},
            "concluded",
            [one("conclusion", "C-1", "2026-01-06", in_force=True)],
        ),
        ({"concluded_at": tokyo("2026-01-06", 1) - timedelta(seconds=1)}, "concluded_before", None),
        # the 5th in Tokyo is over before the 6th begins in Shanghai; the 5th in New York is not
        ({"concluded_on": date(2026, 1, 5)}, "concluded_before", None),
        (
            {"concluded_on": date(2026, 1, 5), "concluded_timezone": "America/New_York"},
            "concluded",
            [one("conclusion", "C-1", "2026-01-05", in_force=True)],
        ),
        # concluded and fulfilled at once
        (
            {"concluded_on": date(2026, 1, 14), "closed_as": "completed"},
            "concluded",
            [one("conclusion", "C-1", "2026-01-14")],
        ),
        # given up instead
        ({"closed_as": "cancelled"}, "contract_ended", None),
    ],
)
def test_what_counts_is_whether_it_was_new(
    refused: World, facts: dict[str, Any], because: str, events: list[dict[str, Any]] | None
) -> None:
    report(**facts)
    told = swept("2026-01-14")
    assert Flag.objects.get().closed_because == because
    assert concluded() == ([events] if events else [])
    assert (COMPLIANCE in told, told[AOI][-1]) == (events is not None, "closed")


def test_an_old_contract_by_the_measures_own_cut_off_was_not_new(refused: World) -> None:
    """Cut-off 13 January: what was concluded on the 12th is exempt, though the measure was in force."""
    scope = {**Measure.objects.get().scope, "exempt_concluded_before": {"date": "2026-01-13"}}
    Measure.objects.update(scope=scope)
    report(concluded_on=date(2026, 1, 12))
    assert swept("2026-01-14") == {AOI: ["closed"]}
    assert Flag.objects.get().closed_because == "concluded_before"


def test_it_is_told_once_however_often_it_is_sent_or_corrected(refused: World) -> None:
    report(concluded_on=date(2026, 1, 14))
    swept("2026-01-14")
    report(concluded_on=date(2026, 1, 15), title="Corrected")
    assert swept("2026-01-15") == {}
    report(title="Corrected again")
    assert swept("2026-01-16") == {}
    assert len(concluded()) == 1


def test_a_contract_that_comes_concluded_is_told_of_as_any_other(live_world: World) -> None:
    live_world.contract("C-2", kind="framework", concluded_on=date(2026, 1, 13))
    live_world.change(formality="official", announced_on=date(2026, 1, 5), measure=REFUSED)
    assert swept("2026-01-13") == {AOI: ["opened"]}
    report("C-2", title="A framework under a flag")
    assert swept("2026-01-14") == {}
    report("C-2", concluded_on=date(2026, 1, 14))  # corrected: it was concluded when the flag opened
    assert swept("2026-01-15") == {}
    assert concluded() == []


def test_a_conclusion_ahead_is_one_when_its_day_has_come(refused: World) -> None:
    report(concluded_on=date(2026, 1, 20))
    assert swept("2026-01-14") == {}
    assert Flag.objects.get().closed_at is None
    assert swept("2026-01-20", 1) == {AOI: ["concluded", "closed"], COMPLIANCE: ["concluded"]}
    assert concluded() == [[one("conclusion", "C-1", "2026-01-20")]]


def test_a_framework_that_is_concluded_stays_flagged(live_world: World) -> None:
    negotiated(live_world, "F-1", kind="framework")
    live_world.change(formality="official", announced_on=date(2026, 1, 5), measure=REFUSED)
    swept("2026-01-13")
    report("F-1", concluded_on=date(2026, 1, 14))
    assert swept("2026-01-14") == {AOI: ["concluded"], COMPLIANCE: ["concluded"]}
    flag = Flag.objects.get()
    assert (flag.closed_at, flag.closed_because) == (None, None)
    report("F-1", title="Sent again")
    assert swept("2026-01-15") == {}


def test_call_offs_of_a_flagged_framework_count_where_the_measure_hits_them(live_world: World) -> None:
    framework = live_world.contract("F-1", kind="framework")
    live_world.line(framework, number=20, hs_code="720851", elements=[])
    live_world.change(formality="official", announced_on=date(2026, 1, 5), measure=REFUSED)
    assert swept("2026-01-13") == {AOI: ["opened"]}
    live_world.contract("K-0", kind="call_off", framework=framework, concluded_on=date(2025, 12, 1))
    live_world.contract("K-1", kind="call_off", framework=framework, concluded_on=date(2026, 1, 14))
    live_world.contract("K-2", kind="call_off", framework=framework, concluded_on=date(2026, 1, 15))
    steel = {"hs_code": "720851", "elements": []}
    live_world.contract("K-3", kind="call_off", framework=framework, concluded_on=date(2026, 1, 15), line=steel)
    assert swept("2026-01-16") == {AOI: ["concluded"], COMPLIANCE: ["concluded"]}
    assert concluded() == [[one("call_off", "K-1", "2026-01-14"), one("call_off", "K-2", "2026-01-15")]]
    live_world.contract("K-4", kind="call_off", framework=framework, concluded_on=date(2026, 1, 17))
    report("K-1", title="Sent again")
    assert swept("2026-01-17") == {AOI: ["concluded"], COMPLIANCE: ["concluded"]}
    assert concluded()[1:] == [[one("call_off", "K-4", "2026-01-17")]]


def test_a_renewal_and_an_amendment_under_a_flag_count(live_world: World) -> None:
    contract = live_world.contract("C-1", expires_on=date(2026, 3, 31), renewal="option", notice_days=30)
    live_world.change(formality="official", announced_on=date(2026, 1, 5), measure=REFUSED)
    assert swept("2026-01-13") == {AOI: ["opened"]}
    add = Amendment.objects.create
    add(contract=contract, made_on=date(2026, 1, 14), increases_quantity_or_term=False)
    add(contract=contract, made_on=date(2025, 12, 31), increases_quantity_or_term=True)  # entered late, and old
    assert swept("2026-01-14") == {}
    add(contract=contract, made_on=date(2026, 1, 15), increases_quantity_or_term=True)
    assert swept("2026-01-15") == {AOI: ["concluded"], COMPLIANCE: ["concluded"]}
    report(expires_on=date(2027, 3, 31))
    assert swept("2026-01-16") == {AOI: ["concluded", "closed"], COMPLIANCE: ["concluded"]}
    assert concluded() == [[one("amendment", "C-1", "2026-01-15")], [one("renewal", "C-1", "2027-03-31")]]
    mail = written(COMPLIANCE)
    assert "  It is reported to run on until 31 March 2027.\n  The flag opened on 13 January 2026.\n" in mail.text


def test_what_somebody_put_aside_is_kept_and_told_to_nobody(refused: World) -> None:
    by = refused.user("yui@example.com", roles=["buyer"])
    flag = Flag.objects.get()
    dispositions.dismiss(
        flag,
        by=by,
        reason="accepted_risk",
        text="The board knows",
        expires_on=date(2026, 6, 30),
        at=tokyo("2026-01-13"),
    )
    report(concluded_on=date(2026, 1, 14))
    assert swept("2026-01-14") == {}
    assert concluded() == [[one("conclusion", "C-1", "2026-01-14")]]


def test_it_does_not_wait_for_a_digest(refused: World) -> None:
    aoi = refused.user(AOI)
    choose(aoi, normal="daily", review="weekly", closing="daily", at=tokyo("2026-01-13"))
    report(concluded_on=date(2026, 1, 14))
    assert swept("2026-01-14") == {AOI: ["concluded"], COMPLIANCE: ["concluded"]}
    assert HeldNews.objects.get().recipient == AOI


def test_of_a_flag_that_stays_open_somebody_has_to_see_it_as_urgent(live_world: World) -> None:
    """The flag itself is only announced, and so not urgent."""
    negotiated(live_world, "F-1", kind="framework")
    later = {**REFUSED, "timeline": [{"status": "in_force", "from": "2026-06-01"}]}
    live_world.change(formality="official", announced_on=date(2026, 1, 5), measure=later)
    swept("2026-01-13")
    report("F-1", concluded_on=date(2026, 1, 14))
    swept("2026-01-14")
    Message.objects.update(state="sent", sent_at=tokyo("2026-01-14"), rendered_at=tokyo("2026-01-14"))
    set_timers()
    assert list(EscalationTimer.objects.order_by("id").values_list("message__recipient", "severity")) == [
        (AOI, "normal"),
        (AOI, "urgent"),
        (COMPLIANCE, "urgent"),
    ]


def test_an_erp_reports_it_and_reads_what_became_of_the_flag(refused: World) -> None:
    erp = APIClient()
    erp.force_authenticate(refused.user("erp@example.com", roles=["administrator"]))
    body = {"reference": "C-1", "kind": "purchase", "supplier": "GANJ", "buyer": "AOYA", "concluded_on": "2026-01-14"}
    assert erp.put("/api/v1/contracts/C-1", body, format="json").status_code == 200
    assert swept("2026-01-14") == {AOI: ["concluded", "closed"], COMPLIANCE: ["concluded"]}
    flag = erp.get(f"/api/v1/flags/{Flag.objects.get().pk}").json()
    assert (flag["closed_because"], flag["closed_at"]) == ("concluded", "2026-01-14T09:00:00+09:00")
    assert [(event["kind"], event["concluded"]) for event in flag["history"]] == [
        ("closed", None),
        ("concluded", [one("conclusion", "C-1", "2026-01-14")]),
        ("opened", None),
    ]
    assert sorted((told["event"], told["recipient"]) for told in flag["told"]) == [
        ("closed", AOI),
        ("concluded", AOI),
        ("concluded", COMPLIANCE),
        ("opened", AOI),
    ]
    assert erp.put("/api/v1/contracts/C-1", body, format="json").status_code == 200
    assert swept("2026-01-15") == {}


def test_a_bundle_that_is_loaded_reports_it(refused: World, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    contract = {"reference": "C-1", "kind": "purchase", "supplier": "GANJ", "buyer": "AOYA"}
    bundle.write_text(json.dumps({"contracts": [{**contract, "concluded_at": "2026-01-14T08:00:00+09:00"}]}))
    call_command("load", str(bundle))
    assert swept("2026-01-14") == {AOI: ["concluded", "closed"], COMPLIANCE: ["concluded"]}
    assert concluded() == [[one("conclusion", "C-1", "2026-01-14")]]


def test_the_page_of_the_flag_says_so(refused: World, client: Client) -> None:
    report(concluded_on=date(2026, 1, 10))
    swept("2026-01-14")
    client.force_login(refused.user("admin@example.com", roles=["administrator"], is_superuser=True))
    page = client.get(f"/admin/alerts/flag/{Flag.objects.get().pk}/change/").content.decode()
    assert "the contract was concluded all the same" in page
    assert "C-1: reported as concluded on 2026-01-10" in page
    assert "before the flag opened, on a day on which the measure stood against it" in page


def test_what_a_run_decided_can_be_computed_again(refused: World) -> None:
    report(concluded_on=date(2026, 1, 14))
    swept("2026-01-14")
    assert verify(ScreeningRun.objects.latest("id")).equal


def test_webhooks_hear_of_it(refused: World) -> None:
    by = refused.user("it@example.com", roles=["administrator"])
    WebhookEndpoint.objects.create(
        reference="ERP", url="https://erp.example.com/", owner=by, secret="s", events=["flag.updated", "flag.closed"]
    )
    report(concluded_on=date(2026, 1, 14))
    swept("2026-01-14")
    assert list(WebhookEvent.objects.order_by("id").values_list("type", flat=True)) == ["flag.updated", "flag.closed"]


@pytest.mark.parametrize(
    ("language", "subject", "first", "said"),
    [
        (
            "en",
            "Concluded in spite of an open flag: contract C-1 (State sellers consider ending contracts)",
            "Contract C-1: concluded in spite of an open flag under State sellers consider ending contracts (State"
            " sellers, as reported). Settle with compliance at once whether that can stand.",
            "Reported as concluded on 10 January 2026.\n  The flag opened on 13 January 2026.\n"
            "  The measure stood against it before the flag opened.\n",
        ),
        (
            "ja",
            "規制対象のまま締結の報告：契約 C-1（State sellers consider ending contracts）",
            "契約 C-1について、State sellers consider ending contracts（State sellers, as reported）の対象である",
            "  報告された締結日：2026年1月10日(土)。\n  対象となった日：2026年1月13日(火)。\n",
        ),
        (
            "zh-hans",
            "受限期间仍报告签订：合同C-1（State sellers consider ending contracts）",
            "合同C-1在受State sellers consider ending contracts（State sellers, as reported）限制期间仍被报告",
            "  报告的签订日期：2026年1月10日（星期六）。\n  受限提示始于2026年1月13日（星期二）。\n",
        ),
    ],
)
def test_the_mail_says_what_was_concluded_when(
    refused: World, language: str, subject: str, first: str, said: str
) -> None:
    refused.user(AOI, language=language)
    report(concluded_on=date(2026, 1, 10))
    swept("2026-01-14")
    mail = written(AOI)
    assert mail.subject == subject
    assert mail.text.startswith(first)
    assert said in mail.text
    assert "C-1" in mail.html


def test_what_was_concluded_before_the_measure_says_so(refused: World) -> None:
    report(concluded_on=date(2025, 12, 20))
    swept("2026-01-14")
    said = (
        "Closed because: the contract had been concluded before the measure stood against it; reported as concluded on"
        " 20 December 2025; the flag opened on 13 January 2026\n"
    )
    assert said in written(AOI).text
    assert "Concluded in spite" not in written(AOI).text


def test_compliance_is_told_why(refused: World) -> None:
    report(concluded_on=date(2026, 1, 14))
    swept("2026-01-14")
    assert (
        "Compliance receives this whenever something is concluded in spite of an open flag." in written(COMPLIANCE).text
    )


def test_compliance_is_told_once_where_nobody_else_is_in_charge(live_world: World) -> None:
    negotiated(live_world, "C-1", owner=None, department=None)
    live_world.change(formality="official", announced_on=date(2026, 1, 5), measure=REFUSED)
    swept("2026-01-13")
    report(concluded_on=date(2026, 1, 14))
    assert swept("2026-01-14") == {COMPLIANCE: ["concluded", "closed"]}


def test_a_ban_that_hits_the_concluded_contract_is_told_in_the_same_mail(live_world: World) -> None:
    negotiated(live_world, "C-1")
    ban = {**REFUSED, "effect": "ban"}
    live_world.change(formality="official", announced_on=date(2026, 1, 5), measure=ban)
    swept("2026-01-13")
    report(concluded_on=date(2026, 1, 14))
    assert swept("2026-01-14") == {AOI: ["concluded", "opened", "closed"], COMPLIANCE: ["concluded"]}
    assert "Contract C-1 may be terminated under" in written(AOI).text.splitlines()[0]


def written(to: str) -> Any:
    return writing.Writer().write(Message.objects.filter(recipient=to).latest("id"))
