"""Mails as Japanese and Chinese readers get them: wholly in their language, days and amounts in its manner."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from email import message_from_bytes, policy

import pytest
from django.db.models.functions import Now
from django.utils import translation
from pytest_django import Settings

from alerts import messages, runs, writing
from alerts.mail import render as rendering
from alerts.mail import words
from alerts.mail.transport import mail_of
from alerts.models import Message
from contracts.models import Amendment, Contract
from people.models import Absence
from policies.models import Evidence, Measure, PartyList, PolicyChange
from suppliers.models import Organization
from tests.alerts.conftest import AT, World
from tests.alerts.test_messages import HOSTILE, Words

TODAY = date(2026, 1, 13)
CODES = {"CN", "JP", "HS", "UTC", "Nd", "Pr", "JPY", "Tocsin"}
"""What stays in Latin letters in every language."""


@pytest.fixture(autouse=True)
def address(settings: Settings) -> None:
    settings.BASE_URL = "https://tocsin.example.com"


def told(language: str) -> Message:
    """Screen, queue and write the mail to Aoi, who reads this language; the newest."""
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    writer = writing.Writer()
    for message in Message.objects.filter(rendered_at=None).order_by("pk"):
        found = writer.write(message)
        content = {"subject": found.subject, "text": found.text, "html": found.html}
        Message.objects.filter(pk=message.pk).update(**content, rendered_at=Now())
    message = Message.objects.filter(recipient="aoi@example.com").order_by("-pk")[0]
    assert message.language == language
    return message


def in_chinese(world: World) -> PolicyChange:
    """A change whose every word of data is Chinese, told to somebody who reads the language of the test."""
    world.seller.name = "赣江稀土有限公司"
    world.seller.save()
    change = world.change(
        number="2026年第7号",
        title="禁止",
        authority="商务部",
        formality="official",
        measure={"title": "措施", "scope": {"end_uses": ["military"]}},
    )
    change.evidence.update(publisher="新华社", summary="摘要", url=None)
    return change


def foreign_words(message: Message, *known: str) -> set[str]:
    """Latin words of subject, text and HTML that are neither codes nor `known`."""
    html = re.sub(r"<style.*?</style>|<!--.*?-->|<[^>]*>", " ", message.html, flags=re.DOTALL)
    said = re.sub(r"https://\S+|[A-Z]+-\w+|\S+@example\.com", " ", f"{message.subject}\n{message.text}\n{html}")
    return set(re.findall(r"[A-Za-z]{2,}", said)) - CODES - set(known)


class Fragments(Words):
    """The texts between the tags of a page."""

    def handle_data(self, data: str) -> None:
        if self.shown and data.strip():
            self.words.append(data)


def assert_same_content(message: Message) -> None:
    """Whatever the HTML shows stands in the text, too; languages without spaces have no words to compare."""
    page = Fragments()
    page.feed(message.html)
    stated = _bare(message.subject + message.text)
    assert [fragment for fragment in page.words if _bare(fragment) not in stated] == []


def _bare(text: str) -> str:
    return "".join(text.split()).casefold()


@pytest.mark.parametrize(
    ("language", "subject", "first"),
    [
        (
            "ja",
            "【至急確認・対応】契約 C-1が「契約終了の可能性」の対象（2026年第7号）",
            "2026年第7号（商务部）により、契約 C-1が「契約終了の可能性」の対象となります（施行中）。"
            "至急、ご対応ください。対象となるかどうかは確定していません。ご確認をお願いいたします。",
        ),
        (
            "zh-hans",
            "立即核实并处理：合同C-1可能被终止（2026年第7号）",
            "根据2026年第7号（商务部），合同C-1可能被终止（已生效）。请立即处理。是否受影响尚未确定，请予核实。",
        ),
    ],
)
def test_subject_and_first_line_say_it_all(world: World, language: str, subject: str, first: str) -> None:
    world.user("aoi@example.com", language=language)
    world.contract("C-1", title="钕镨氧化物", end_use=None)
    in_chinese(world)
    message = told(language)
    assert message.subject == subject
    assert message.text.splitlines()[0] == first
    assert f'<html lang="{language}">' in message.html
    assert_same_content(message)


def test_a_japanese_mail_in_full(world: World) -> None:
    world.user("aoi@example.com", language="ja")
    world.contract("C-1", title="钕镨氧化物", end_use=None)
    in_chinese(world)
    lines = told("ja").text.splitlines()
    for line in (
        "■ 対象契約",
        "* C-1 - 钕镨氧化物",
        "  サプライヤー：赣江稀土有限公司",
        "  該当事項：契約終了の可能性 / 措施 [新規]",
        "  確度：未確定・要確認",
        "  根拠：施行中",
        "  影響額：1,200,000円",
        "  対応期限：至急",
        "契約終了の可能性：C-1",
        "  まず、下記の未確認事項をご確認ください。対象外と判明する場合があります。"
        "それまでの間は、次のとおりご対応ください。"
        "納入が打ち切られる可能性があります。至急、代替調達先をご準備ください。"
        "併せて、未納分の確保に努め、契約終了および不可抗力に関する条項をご確認ください。",
        "  - 明細10 最終用途：未確認。契約の内容：未確認。措置の要件：軍事用。",
        "  次のとおり判明した場合は、対象外となります：",
        "  - 最終用途：民生用",
        "公表日：2026年1月10日(土)",
        "正式に公布された文書に基づくものです。",
        "- 新华社、2026年1月10日(土)：本件を裏付ける内容。",
        "  評価 B3：情報源は通常信頼できる、内容は事実の可能性あり。",
    ):
        assert line in lines, line


def test_a_chinese_mail_in_full(world: World) -> None:
    world.user("aoi@example.com", language="zh-hans")
    world.contract("C-1", title="钕镨氧化物", end_use=None)
    in_chinese(world)
    lines = told("zh-hans").text.splitlines()
    for line in (
        "【涉及的合同】",
        "* C-1 - 钕镨氧化物",
        "  供应商：赣江稀土有限公司",
        "  事项：可能被终止 / 措施 [新增]",
        "  确定程度：未确定，待核实",
        "  依据：已生效",
        "  风险敞口：1,200,000日元",
        "  处理期限：立即",
        "可能被终止：C-1",
        "  请先查明下列未查明事项，合同可能因此不再受影响。在此之前：供货可能终止，请立即准备替代供应来源。"
        "请落实尚未交付的部分，并查阅合同终止条款和不可抗力条款。",
        "  - 第10行 最终用途：未查明。合同情况：未查明。措施要求：军用。",
        "  如查明属于以下情形，则不再受影响：",
        "  - 最终用途：民用",
        "公布日期：2026年1月10日（星期六）",
        "本项依据正式发布的文件。",
        "- 新华社，2026年1月10日（星期六）：支持该信息。",
        "  评级 B3：来源通常可靠，内容可能属实。",
    ):
        assert line in lines, line


@pytest.mark.parametrize("language", ["ja", "zh-hans"])
def test_a_subject_begins_on_the_first_line_of_its_header(world: World, language: str) -> None:
    world.user("aoi@example.com", language=language)
    world.contract("C-1")
    world.change(number="長い題名" * 30)
    message = told(language)
    sent = mail_of(message).message().as_bytes()
    assert b"\nSubject: =?utf-8?b?" in sent
    assert max(map(len, sent.split(b"\n\n")[0].splitlines())) <= 78
    assert message_from_bytes(sent, policy=policy.default)["Subject"] == message.subject


@pytest.mark.parametrize("language", ["ja", "zh-hans"])
def test_no_english_is_left_whatever_a_measure_asks_for(world: World, language: str) -> None:
    """A measure that states every criterion, of a contract of which little is known."""
    world.user("aoi@example.com", language=language)
    absent = world.user("away@example.com", deputy="aoi@example.com")
    Absence.objects.create(user=absent, from_on=None, until_on=None)
    Organization.objects.filter(pk=world.seller.pk).update(name="赣江稀土", owners_complete=None, kind=None)
    line = {"purity": None, "content": None, "elements": None, "control_codes": None, "origin_country": None}
    contract = world.contract(
        "C-1",
        title="钕镨",
        owner="away@example.com",
        end_use=None,
        destination_country=None,
        renewal=None,
        notice_days=None,
        line={**line, "description": "钕", "tariff_codes": {}, "quantity": None},
    )
    Amendment.objects.create(contract=contract, made_on=None, increases_quantity_or_term=None)
    PartyList.objects.create(reference="CN-LIST", timezone="Asia/Shanghai")
    entry = {
        "hs": ["2846"],
        "tariff": {"CN": ["28469011"]},
        "control_codes": ["CN-DUAL:1C905"],
        "elements": ["Nd"],
        "min_purity": "0.99",
        "min_value_share": {"share": "0.001", "origin": "CN"},
    }
    scope = {
        "commodities": [entry],
        "except_commodities": [{"elements": ["Pr"]}],
        "origin_countries": ["CN"],
        "supplier_countries": ["CN"],
        "buyer_countries": ["JP"],
        "destination_countries": ["JP"],
        "end_uses": ["military", "civil"],
        "supplier_controlled_by_state": "CN",
        "parties": {
            "lists": ["CN-LIST"],
            "named": ["SAC"],
            "roles": ["supplier", "end_user"],
            "affiliates": {"min_percent": "50", "operator": "gte", "aggregate": True},
        },
        "exempt_concluded_before": {
            "date": "2025-01-01",
            "performed_by": "2026-06-30",
            "lost_by_amendment_after": "2025-06-01",
        },
    }
    timeline = [
        {"status": "in_force", "from": "2025-10-09"},
        {"status": "suspended", "from": "2026-02-01", "until": "2026-11-10"},
    ]
    change = world.change(
        title="禁止",
        authority="商务部",
        summary="摘要",
        measure={"title": "措施", "scope": scope, "timeline": timeline},
    )
    world.measure(change, key="ban", title="措施", effect="ban", scope=scope, timeline=timeline)
    world.measure(change, key="licence", title="措施", effect="licence_required", scope={"end_uses": ["military"]})
    change.evidence.update(publisher="新华社", summary="摘要")
    Evidence.objects.create(change=change)
    message = told(language)
    assert "could not" not in message.text
    assert len(message.events) == 4
    assert message.text.count("C-1、C-1") == 0  # named once, however many flags ask for the same
    assert foreign_words(message, "GANJ", "SAC", "AD") == set()
    assert_same_content(message)


@pytest.mark.parametrize("language", ["ja", "zh-hans"])
def test_no_english_is_left_in_later_news(world: World, language: str) -> None:
    world.user("aoi@example.com", language=language)
    for number in range(3):
        world.contract(f"C-{number}", title="钕", end_use=None, renewal="auto", notice_days=30)
    change = in_chinese(world)
    Measure.objects.update(effect="ban", timeline=[{"status": "in_force", "from": "2026-03-01"}])
    assert foreign_words(told(language)) == set()
    Contract.objects.update(end_use="military")
    assert foreign_words(told(language)) == set()
    Measure.objects.update(timeline=[{"status": "in_force", "from": "2026-01-10"}])
    assert foreign_words(told(language)) == set()
    PolicyChange.objects.filter(pk=change.pk).update(status="withdrawn")
    message = told(language)
    assert foreign_words(message) == set()
    assert_same_content(message)


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("ja", "CN-REPORTの影響を受ける契約"),
        ("zh-hans", "受CN-REPORT影响的合同"),
    ],
)
def test_a_mail_that_cannot_be_rendered_is_in_the_readers_language_too(
    world: World, monkeypatch: pytest.MonkeyPatch, language: str, subject: str
) -> None:
    world.user("aoi@example.com", language=language)
    world.contract("C-1")
    world.change()
    monkeypatch.setattr(writing, "render", lambda _: 1 / 0)
    message = told(language)
    assert message.subject == subject
    assert foreign_words(message) == set()


@pytest.mark.parametrize("language", ["ja", "zh-hans"])
@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_titles_are_harmless_in_every_language(world: World, language: str, title: str) -> None:
    world.user("aoi@example.com", language=language)
    world.contract("C-1", title=title[:500], line={"description": title})
    world.change(title=title[:500], number=title[:200], authority=title[:500], summary=title)
    message = told(language)
    assert "\n" not in message.subject
    assert "* C-1" in message.text
    for forbidden in ("\u202e", "\u2066", "\x07", "\x1b", "<script", "<img"):
        assert forbidden not in message.html


@pytest.mark.parametrize(
    ("language", "day", "deadline", "due", "yen", "dollars", "francs", "fraction"),
    [
        (
            *("en", "30 January 2026", "by 30 January 2026", "by 30 January 2026"),
            *("JPY 1,234,567", "USD 1,234.50", "CHF 12,000", "0.125"),
        ),
        (
            *("ja", "2026年1月30日(金)", "2026年1月30日(金)までに", "2026年1月30日(金)まで"),
            *("1,234,567円", "1,234.50米ドル", "CHF 12,000", "0.125"),
        ),
        (
            *("zh-hans", "2026年1月30日（星期五）", "最迟于2026年1月30日（星期五）", "最迟2026年1月30日（星期五）"),
            *("1,234,567日元", "1,234.50美元", "CHF 12,000", "0.125"),
        ),
    ],
)
def test_days_and_amounts_are_in_the_manner_of_the_language(
    language: str, day: str, deadline: str, due: str, yen: str, dollars: str, francs: str, fraction: str
) -> None:
    friday = date(2026, 1, 30)
    with translation.override(language):
        assert words.day(friday) == day
        assert words.deadline(friday, TODAY) == deadline
        assert words.due(friday, TODAY) == due
        assert words.money(Decimal("1234567.000"), "JPY") == yen
        assert words.money(Decimal("1234.5"), "USD") == dollars
        assert words.money(Decimal(12000), "CHF") == francs
        assert words.number(Decimal("0.1250")) == fraction
        assert words.number(Decimal("12000.00")) == "12,000"


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "1 April 2024, 09:30 (UTC+09:00)"),
        ("ja", "2024年4月1日(月) 09:30（UTC+09:00）"),
        ("zh-hans", "2024年4月1日（星期一）09:30（UTC+09:00）"),
    ],
)
def test_a_moment_keeps_the_zone_it_was_stated_in(language: str, said: str) -> None:
    with translation.override(language):
        assert words.instant(datetime(2024, 4, 1, 9, 30, tzinfo=timezone(timedelta(hours=9)))) == said
        assert "UTC+00:00" in words.instant(datetime(2024, 4, 1, tzinfo=UTC))


@pytest.mark.parametrize("language", ["en", "ja", "zh-hans"])
def test_no_mail_is_longer_than_clients_show(world: World, language: str) -> None:
    """Gmail clips at 102 KB: what is least urgent gives way, and is counted."""
    world.user("aoi@example.com", language=language)
    for number in range(120):
        line = {"ship_from": date(2026, 2, 1) + timedelta(days=number)}
        world.contract(f"C-{number:03}", title="長い件名" * 100, end_use=None, line=line)
    world.change(summary="概要" * 5000, measure={"title": "措置" * 200, "scope": {"end_uses": ["military"]}})
    message = told(language)
    size = len(message.html.encode())
    assert rendering.LIMIT * 0.9 < size <= rendering.LIMIT
    rows = message.text.count("\n* C-")
    (more,) = re.findall(r"(\d+)[^\n]*https://tocsin.example.com/admin/alerts/flag/\n", message.text)
    assert rows + int(more) == 120
    assert rows > 25
    reasons = {"en": "Why:", "ja": "対象となる理由：", "zh-hans": "受影响原因："}[language]
    assert message.text.count(f"  {reasons}\n") >= rendering.DETAILED
    assert_same_content(message)


@pytest.mark.parametrize("language", ["en", "ja", "zh-hans"])
def test_a_mailbox_is_written_to_in_the_language_of_the_installation(
    world: World, settings: Settings, language: str
) -> None:
    settings.MAIL_LANGUAGE = language
    world.contract("C-1", owner=None)
    world.change()
    runs.screen_pending(at=AT)
    messages.compose(at=AT)
    assert set(Message.objects.values_list("language", flat=True)) == {language}
