"""Names that mean one organization are alike, whatever their script, width and legal form; others are not."""

import pytest

from alerts.checks.candidates import ALIKE
from alerts.checks.names import essence, likeness
from alerts.models import Check
from suppliers.models import Identifier, Organization, OrganizationName
from tests.checks.conftest import Ask, World, document

SAME = [
    # legal forms
    ("Ganjiang Rare Earth Co., Ltd.", "Ganjiang Rare Earth"),
    ("GANJIANG RARE EARTH COMPANY LIMITED", "Ganjiang Rare Earth Co.,Ltd"),
    ("Müller Magnete GmbH & Co. KG", "Mueller Magnete"),
    ("Magnete Müller", "Müller Magnete AG"),
    ("Rossi S.p.A.", "ROSSI SPA"),
    ("Aomizu K.K.", "Aomizu Kabushiki Kaisha"),
    ("Jade River Pte. Ltd.", "JADE RIVER PTE LTD"),
    ("赣江稀土股份有限公司", "赣江稀土有限责任公司"),
    ("株式会社青海電機", "青海電機株式会社"),
    ("㈱青海電機", "（株）青海電機"),
    # full and half width
    ("Ｇａｎｊｉａｎｇ　Ｒａｒｅ　Ｅａｒｔｈ", "Ganjiang Rare Earth"),
    ("ジェイド・リバー株式会社", "ｼﾞｪｲﾄﾞ･ﾘﾊﾞｰ(株)"),
    # traditional, simplified, Japanese
    ("贛江稀土股份有限公司", "赣江稀土股份有限公司"),
    ("廣州發電有限公司", "广州发电有限公司"),
    ("株式会社 青海電機", "青海电机"),
    # written together, or with a slip
    ("Jade River Magnetics", "JadeRiver Magnetics"),
    ("Ganjiang Rare Earth", "Gangjiang Rare Earth"),
]
OTHER = [
    ("Ganjiang Rare Earth Co., Ltd.", "Yellow River Steel Co., Ltd."),
    ("株式会社青海電機", "株式会社白山化学"),
    ("广州发电有限公司", "上海电机有限公司"),
    ("Co., Ltd.", "株式会社"),
    ("ハナ株式会社", "バナ株式会社"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_names_of_one_organization_are_alike(one: str, other: str) -> None:
    assert likeness(essence(one), essence(other)) >= ALIKE


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_names_of_others_are_not(one: str, other: str) -> None:
    assert likeness(essence(one), essence(other)) < ALIKE


def test_a_name_that_is_all_legal_form_keeps_it() -> None:
    assert (essence("Co., Ltd."), essence("有限公司")) == ("co ltd", "有限公司")


def candidates(result: dict) -> list[tuple[str, str, float]]:
    ((role, found),) = [(one["role"], one["candidates"]) for one in result["unidentified"]]
    assert role == "supplier"
    return [(one["organization"], one["because"], one["score"]) for one in found]


@pytest.fixture
def banned(world: World) -> None:
    world.change(measure={"effect": "ban", "scope": {"supplier_controlled_by_state": "CN"}})


def test_a_supplier_named_exactly_is_a_candidate_and_stays_unknown(world: World, banned: None, ask: Ask) -> None:
    """Jade River is certainly not controlled by the state; whoever bears its name may be."""
    (known, named) = ask(document(supplier="JADE"), document(supplier={"name": "Jade River Magnetics"}))
    assert (known["decision"], known["unidentified"]) == ("clear", [])
    assert named["decision"] == "review"
    assert candidates(named) == [("JADE", "name", 100.0)]
    assert Check.objects.order_by("id").last().parties == ["AOYA"]


def test_an_identifier_is_a_strong_hint_and_no_match_either(world: World, banned: None, ask: Ask) -> None:
    Identifier.objects.create(organization=world.private, scheme="LEI", value="529900T8BM49AURSDO55")
    supplier = {"name": "Someone Else", "identifiers": [{"scheme": "LEI", "value": "529900T8BM49AURSDO55"}]}
    (named,) = ask(document(supplier=supplier))
    assert named["decision"] == "review"
    assert candidates(named) == [("JADE", "identifier", 100.0)]


def test_other_names_in_other_scripts_are_found(world: World, ask: Ask) -> None:
    OrganizationName.objects.create(organization=world.seller, name="赣江稀土股份有限公司", language="zh-Hans")
    (named,) = ask(document(supplier={"name": "贛江稀土（股）公司"}))
    assert candidates(named)[0][:2] == ("GANJ", "name")


def test_nobody_alike_nobody_named(world: World, ask: Ask) -> None:
    (named,) = ask(document(supplier={"name": "Yellow River Steel"}))
    assert candidates(named) == []


def test_where_the_supplier_decides_nothing_it_need_not_be_known(world: World, ask: Ask) -> None:
    world.change(measure={"effect": "ban", "scope": {"destination_countries": ["KR"]}})
    assert ask(document(supplier={"name": "Yellow River Steel"}))[0]["decision"] == "clear"


@pytest.mark.parametrize(
    "scope",
    [
        {"supplier_countries": ["CN"]},
        {"supplier_controlled_by_state": "CN"},
        {"parties": {"named": ["GANJ"], "roles": ["supplier"]}},
        {
            "parties": {
                "named": ["GANJ"],
                "roles": ["supplier"],
                "affiliates": {"min_percent": "50", "operator": "gte", "aggregate": True},
            }
        },
    ],
)
@pytest.mark.parametrize("effect", ["ban", "licence_required", "new_contracts_refused"])
def test_an_unknown_supplier_is_reviewed_wherever_it_decides(world: World, ask: Ask, scope: dict, effect: str) -> None:
    world.change(measure={"effect": effect, "scope": scope})
    (result,) = ask(document(supplier={"name": "Yellow River Steel"}))
    assert result["decision"] == "review"
    says = [reason["contract_says"] for finding in result["findings"] for reason in finding["reasons"]]
    assert "(not identified)" not in str(says)


def test_names_are_read_again_when_an_organization_changes(world: World, ask: Ask) -> None:
    ask(document(supplier={"name": "Yellow River Steel"}))
    Organization.objects.create(reference="YRS", name="Yellow River Steel Co., Ltd.")
    assert candidates(ask(document(supplier={"name": "Yellow River Steel"}))[0]) == [("YRS", "name", 100.0)]
