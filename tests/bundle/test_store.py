"""Bundles in the database: what is written, merged, left alone and refused."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command

from alerts.bundle.kinds import KINDS
from alerts.bundle.parse import parse
from alerts.bundle.problems import BundleErrors
from alerts.bundle.store import store
from contracts.models import Contract
from people.models import ChangeEntry, User
from policies.models import Licence, Measure, PartyList, PolicyChange
from suppliers.models import Organization
from tests.screening.bundles import CASES

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 13, tzinfo=UTC)
FIRMS = [{"reference": "A"}, {"reference": "B"}]
DEAL = {"reference": "C", "kind": "purchase", "supplier": "A", "buyer": "B"}


def keep(source="erp", at=AT, organizations=FIRMS, **sections):
    return store(parse(json.dumps({"organizations": organizations, **sections})), source=source, at=at)


def deal(source="erp", **facts):
    """Store contract C with the given facts, and return it as it is then."""
    keep(source, contracts=[{**DEAL, **facts}])
    return Contract.objects.get(reference="C")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_stored_reads_as_what_was_sent(path):
    bundle = parse(json.dumps(json.loads(path.read_text())["bundle"]))
    store(bundle, source="erp", at=AT)
    policies, contracts = bundle.facts()
    assert Contract.objects.all().facts() == contracts
    assert Measure.objects.all().facts() == policies.measures
    assert {facts.reference: facts for facts in Organization.objects.all().facts()} == policies.organizations
    assert {facts.reference: facts for facts in PartyList.objects.all().facts()} == policies.lists
    assert Licence.objects.all().facts() == policies.licences

    before = ChangeEntry.objects.count()
    again = store(bundle, source="erp", at=AT + timedelta(days=1))
    assert not any(again.created.values())
    assert not any(again.changed.values())
    assert ChangeEntry.objects.count() == before


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_is_stored_is_written_as_it_was_read(path):
    bundle = parse(json.dumps(json.loads(path.read_text())["bundle"]))
    store(bundle, source="erp", at=AT)
    written = {
        name: [KINDS[name].serializer.to_representation(row) for row in KINDS[name].model.objects.order_by("reference")]
        for name in ("organizations", "party_lists", "policy_changes", "licences", "contracts")
    }
    assert parse(json.dumps(written)).facts() == bundle.facts()


def test_users_and_departments_are_kept():
    sections = {
        "departments": [{"reference": "D-1", "mailbox": "d1@tocsin.example"}, {"reference": "D-2"}],
        "users": [
            {
                "email": "Ann@tocsin.example",
                "departments": ["D-2", "D-1"],
                "roles": ["buyer"],
                "away": [{"from": "2026-01-12", "until": "2026-01-16"}],
            }
        ],
    }
    keep(**sections)
    keep(departments=sections["departments"], users=[{"email": "ann@tocsin.example", "departments": ["D-1"]}])
    ann = User.objects.get()
    written = KINDS["users"].serializer.to_representation(ann)
    assert (written["departments"], written["away"]) == (["D-1"], [{"from": "2026-01-12", "until": "2026-01-16"}])
    assert (ann.email, ann.roles, ann.has_usable_password()) == ("ann@tocsin.example", ["buyer"], False)
    assert [department.reference for department in ann.departments.all()] == ["D-1"]
    assert [(absence.from_on, absence.until_on) for absence in ann.absences.all()] == [
        (date(2026, 1, 12), date(2026, 1, 16))
    ]


def test_a_user_keeps_the_password_when_stored_again():
    user = User.objects.create_user("ann@tocsin.example", "correct horse")
    keep(users=[{"email": "ann@tocsin.example", "name": "Ann"}])
    user.refresh_from_db()
    assert user.name == "Ann"
    assert user.check_password("correct horse")


def test_a_missing_key_leaves_its_value_and_null_takes_back_ones_own():
    deal(title="Nd", end_use="civil", renewal="auto")
    contract = deal(end_use=None)
    assert (contract.title, contract.end_use, contract.renewal) == ("Nd", None, "auto")


def test_null_from_another_source_erases_nothing():
    deal(end_use="civil")
    assert deal(source="plm", end_use=None).end_use == "civil"


def test_lines_are_merged_by_number_and_replaced_as_a_list():
    deal(lines=[{"number": 10, "hs_code": "280530", "purity": "99.5"}, {"number": 20, "hs_code": "2846"}])
    first = deal().lines.get(number=10).pk
    contract = deal(source="plm", lines=[{"number": 30}, {"number": 10, "hs_code": None, "purity": "99.9"}])
    lines = {line.number: line for line in contract.lines.all()}
    assert sorted(lines) == [10, 30]
    assert lines[10].pk == first
    assert (lines[10].hs_code, lines[10].purity) == ("280530", Decimal("99.9"))


def test_lines_that_are_not_sent_stay_and_an_empty_list_takes_them_away():
    deal(lines=[{"number": 10}], amendments=[{"made_on": "2025-01-01"}])
    assert deal(title="x").lines.count() == 1
    assert deal(source="plm", lines=None).lines.count() == 1
    emptied = deal(lines=[], amendments=None)
    assert (emptied.lines.count(), emptied.amendments.count()) == (0, 0)


def test_amendments_keep_the_order_in_which_they_were_sent():
    first, second, third = ({"made_on": day} for day in ("2025-03-01", "2025-01-01", "2025-02-01"))
    deal(amendments=[first, second])
    contract = deal(amendments=[first, third, second])
    assert [str(amendment.made_on) for amendment in contract.amendments.all()] == [
        "2025-03-01",
        "2025-02-01",
        "2025-01-01",
    ]


def test_owners_are_merged_by_owner_and_first_day():
    def owned(source, *owners):
        keep(source, organizations=[{"reference": "A", "owners": list(owners)}, {"reference": "B"}])
        return Organization.objects.filter(reference="A").facts()[0].owners

    owned("registry", {"owner": "B", "percent": "31.21", "from": "2020-01-01"})
    (stake,) = owned("erp", {"owner": "B", "percent": None, "controls": True, "from": "2020-01-01"})
    assert (stake.percent, stake.controls) == (Decimal("31.21"), True)


def test_shares_that_add_up_to_too_much_only_with_what_is_stored_are_refused():
    firms = [{"reference": "B"}, {"reference": "C"}]
    keep("registry", organizations=[{"reference": "A", "owners": [{"owner": "B", "percent": "60"}]}, *firms])
    owners = [{"owner": "B"}, {"owner": "C", "percent": "70"}]
    with pytest.raises(BundleErrors) as raised:
        keep("erp", organizations=[*firms, {"reference": "A", "name": "new", "owners": owners}])
    assert [(problem.pointer, problem.code) for problem in raised.value.problems] == [
        ("/organizations/2/owners", "more_than_all")
    ]
    assert Organization.objects.get(reference="A").name is None


def test_a_term_that_ends_before_it_begins_only_with_what_is_stored_is_refused():
    deal(effective_on="2026-01-01")
    with pytest.raises(BundleErrors) as raised:
        deal(expires_on="2025-12-31")
    assert [problem.pointer for problem in raised.value.problems] == ["/contracts/0/expires_on"]


def test_an_instant_of_conclusion_supersedes_the_date_another_source_gave():
    deal(concluded_on="2025-03-28")
    contract = deal(source="plm", concluded_at="2025-03-28T15:00:00+09:00", concluded_on=None)
    assert (contract.concluded_on, contract.concluded_at) == (None, datetime(2025, 3, 28, 6, tzinfo=UTC))


def test_a_measure_that_is_gone_is_retired_and_may_come_back():
    def announce(*keys):
        measures = [{"key": key, "effect": "ban", "timeline": []} for key in keys]
        change = {"reference": "CN-1", "timezone": "Asia/Shanghai", "status": "published", "measures": measures}
        keep(policy_changes=[change])
        return [measure.key for measure in Measure.objects.published().facts()]

    assert announce("1", "2") == ["1", "2"]
    assert announce("2") == ["2"]
    retired = Measure.objects.get(key="1")
    assert retired.retired_at == AT
    assert announce("1", "2") == ["1", "2"]
    assert Measure.objects.get(key="1").pk == retired.pk


def test_contracts_may_name_frameworks_that_stand_below_them():
    keep(contracts=[{**DEAL, "reference": "ORDER", "framework": "FRAME"}, {**DEAL, "reference": "FRAME"}])
    assert Contract.objects.get(reference="ORDER").framework.reference == "FRAME"


def test_only_what_differs_is_written():
    contracts = [{**DEAL, "reference": f"C-{number}", "lines": [{"number": 10}]} for number in range(3)]
    keep(contracts=contracts)
    entries = ChangeEntry.objects.count()
    contracts[1]["lines"] = [{"number": 10, "unit": "kg"}]
    counts = keep(contracts=contracts)
    assert (counts.changed["contracts"], counts.unchanged["contracts"]) == (1, 2)
    assert list(ChangeEntry.objects.order_by("id").values_list("reference")[entries:]) == [("C-1",)]


def test_history_says_on_whose_word():
    deal(title="Nd")
    contract = deal(source="plm", title="Pr")
    events = contract.events.order_by("pgh_id")
    assert [(event.title, event.pgh_context.metadata["source"]) for event in events] == [("Nd", "erp"), ("Pr", "plm")]


def test_load_knows_what_is_stored_already(tmp_path, capsys):
    keep()
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps({"contracts": [DEAL]}))
    call_command("load", str(file), "--source", "erp")
    assert f"{file}: contracts: 1 new" in capsys.readouterr().out
    assert Contract.objects.get().supplier.reference == "A"


def test_load_checks_files_together_and_stores_them_in_order(tmp_path):
    firms, deals = tmp_path / "firms.json", tmp_path / "deals.json"
    firms.write_text(json.dumps({"organizations": FIRMS}))
    deals.write_text(json.dumps({"contracts": [DEAL]}))
    call_command("load", str(firms), str(deals))
    assert Contract.objects.count() == 1


def test_a_status_of_null_is_a_draft():
    keep(
        policy_changes=[
            {"reference": "CN-1", "timezone": "UTC", "measures": [{"key": "1", "effect": "ban", "timeline": []}]}
        ]
    )
    assert PolicyChange.objects.get().status is None
    assert not Measure.objects.published().exists()
