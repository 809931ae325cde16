"""Webhook endpoints in the admin: the secret once, steps that ask first, and only one's own."""

import pytest
from django.urls import reverse

from alerts.admin.webhooks import WebhookDeliveryAdmin
from alerts.models import WebhookDelivery, WebhookEndpoint
from alerts.webhooks import endpoints
from people import clock
from people.models import User

FORM = {"reference": "ERP", "url": "https://erp.example.com/in", "events": ["flag.opened", "flag.closed"]}
LIST = "admin:alerts_webhookendpoint_changelist"


def at(endpoint, step):
    return reverse(f"admin:alerts_webhookendpoint_{step}", args=[endpoint.pk])


@pytest.fixture
def buyer(opened):
    return opened("buyer", departments=("MAGNET",))


@pytest.fixture
def endpoint(buyer):
    return made(User.objects.get(email="buyer@example.com"))


def made(owner, reference="ERP"):
    endpoint = WebhookEndpoint(reference=reference, url=FORM["url"], owner=owner, events=["flag.opened"])
    endpoints.register(endpoint, by=owner)
    return endpoint


def test_a_new_endpoint_is_ones_own_and_shows_its_secret_once(buyer):
    page = buyer.post(reverse("admin:alerts_webhookendpoint_add"), FORM)
    kept = WebhookEndpoint.objects.get()
    assert kept.owner.email == "buyer@example.com"
    assert kept.secret in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    for address in (reverse(LIST), at(kept, "change")):
        text = buyer.get(address).content.decode()
        assert "ERP" in text
        assert kept.secret not in text


@pytest.mark.parametrize(
    "url", ["https://192.168.1.1/", "https://localhost/", "http://erp.example.com/", "https://2130706433/"]
)
def test_internal_addresses_are_refused_in_the_form(buyer, url):
    page = buyer.post(reverse("admin:alerts_webhookendpoint_add"), {**FORM, "url": url})
    assert "Nothing is sent there" in page.content.decode()
    assert not WebhookEndpoint.objects.exists()


def test_an_administrator_chooses_whose_eyes_it_has(administrator, opened):
    opened("viewer")
    viewer = User.objects.get(email="viewer@example.com")
    page = administrator.post(reverse("admin:alerts_webhookendpoint_add"), {**FORM, "owner": viewer.pk})
    assert "This user may not have an endpoint" in page.content.decode()
    chief = User.objects.get(email="administrator@example.com")
    administrator.post(reverse("admin:alerts_webhookendpoint_add"), {**FORM, "owner": chief.pk})
    assert WebhookEndpoint.objects.get().owner == chief


STEPS = {"ping": {}, "replay": {"since": "2026-01-01T00:00:00Z"}, "rotate": {"overlap_hours": "24"}, "disable": {}}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_asks_first_and_is_not_for_others(buyer, endpoint, opened, step):
    before = WebhookEndpoint.objects.values().get()
    assert buyer.get(at(endpoint, step)).status_code == 200
    stranger = opened("buyer", "policy_editor", departments=("MAGNET",))
    assert stranger.post(at(endpoint, step), STEPS[step]).status_code == 302
    assert stranger.get(at(endpoint, "change")).status_code == 302
    assert WebhookEndpoint.objects.values().get() == before
    assert not WebhookDelivery.objects.exists()
    assert stranger.get(reverse(LIST)).context["cl"].result_count == 0


def test_the_steps_do_what_they_say(buyer, endpoint):
    secret = endpoint.secret
    buyer.post(at(endpoint, "ping"))
    assert WebhookDelivery.objects.get().event.type == "webhook.ping"
    shown = buyer.post(at(endpoint, "rotate"), {"overlap_hours": "1"}).content.decode()
    endpoint.refresh_from_db()
    assert endpoint.previous_secret == secret
    assert endpoint.secret in shown
    assert secret not in shown
    page = buyer.post(at(endpoint, "replay"), {"since": "2026-01-01"})
    assert "is not an instant" in page.content.decode()
    page = buyer.post(at(endpoint, "replay"), {"since": "2026-01-01T00:00:00Z"}, follow=True)
    assert "0 events are on their way." in page.content.decode()
    buyer.post(at(endpoint, "disable"))
    delivery = WebhookDelivery.objects.get()
    assert delivery.state == "dead"
    page = buyer.post(at(endpoint, "ping"), follow=True)
    assert "ERP is switched off" in page.content.decode()
    buyer.post(at(endpoint, "enable"))
    again = reverse("admin:alerts_webhookdelivery_again", args=[delivery.pk])
    assert buyer.get(again).status_code == 200
    delivery.refresh_from_db()
    assert delivery.state == "dead"
    buyer.post(again)
    delivery.refresh_from_db()
    assert delivery.state == "pending"


def test_a_body_is_shown_only_once_it_has_left(buyer, endpoint):
    delivery = endpoints.ping(endpoint, by=endpoint.owner, at=clock.now())
    page = reverse("admin:alerts_webhookdelivery_change", args=[delivery.pk])
    assert "webhook.ping&quot;" not in buyer.get(page).content.decode()
    WebhookDelivery.objects.update(attempts=1)
    assert "webhook.ping&quot;" in buyer.get(page).content.decode()


def test_deliveries_can_be_filtered_by_ones_own_endpoints_alone(endpoint, buyer, rf):
    """Asked outside of a page, where the database would hold back the others, too."""
    made(User.objects.create_user("other@example.com", roles=["buyer"]), reference="SECRET-ERP")
    request = rf.get("/")
    request.user = endpoint.owner
    filters = dict(WebhookDeliveryAdmin.list_filter)
    choices = filters["endpoint"].field_choices(None, None, request, None)
    assert [name for _, name in choices] == ["ERP"]
