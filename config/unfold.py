"""How the admin looks and what its sidebar leads to."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

ADMINISTRATORS = "people.principal.is_administrator"


def stylesheet(request: HttpRequest) -> str:
    return static("alerts/tocsin.css")


def favicon(request: HttpRequest) -> str:
    return static("alerts/favicon.svg")


def _page(title: Any, icon: str, model: str, permission: str | None = None) -> dict[str, Any]:
    item = {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist")}
    return item if permission is None else {**item, "permission": permission}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Tocsin",
    "SITE_HEADER": "Tocsin",
    "SITE_SYMBOL": "notifications_active",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": favicon}],
    "STYLES": [stylesheet],
    "LOGIN": {"form": "people.login_form.LoginForm"},
    "DASHBOARD_CALLBACK": "alerts.admin.dashboard.today",
    "COLORS": {
        "primary": {
            "50": "oklch(97.7% 0.013 236.62)",
            "100": "oklch(95.1% 0.026 236.824)",
            "200": "oklch(90.1% 0.058 230.902)",
            "300": "oklch(82.8% 0.111 230.318)",
            "400": "oklch(74.6% 0.16 232.661)",
            "500": "oklch(68.5% 0.169 237.323)",
            "600": "oklch(58.8% 0.158 241.966)",
            "700": "oklch(50% 0.134 242.749)",
            "800": "oklch(44.3% 0.11 240.79)",
            "900": "oklch(39.1% 0.09 240.876)",
            "950": "oklch(29.3% 0.066 243.157)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {"title": _("Today"), "icon": "today", "link": reverse_lazy("admin:index")},
                    _page(_("Flags"), "flag", "alerts_flag"),
                    {"title": _("Data gaps"), "icon": "help_center", "link": reverse_lazy("admin:alerts_flag_gaps")},
                    _page(_("Contracts"), "contract", "contracts_contract"),
                    _page(_("Checks"), "fact_check", "alerts_check"),
                    {
                        "title": _("My calendar"),
                        "icon": "calendar_month",
                        "link": reverse_lazy("admin:contracts_contract_calendar"),
                    },
                    _page(_("Organizations"), "corporate_fare", "suppliers_organization"),
                ]
            },
            {
                "title": _("Policies"),
                "items": [
                    _page(_("Policy changes"), "gavel", "policies_policychange"),
                    _page(_("Party lists"), "list_alt", "policies_partylist"),
                    _page(_("Licences"), "verified", "policies_licence"),
                ],
            },
            {
                "title": _("Alerts"),
                "items": [
                    _page(_("Messages"), "mail", "alerts_message"),
                    {
                        "title": _("How I am told"),
                        "icon": "notifications",
                        "link": reverse_lazy("admin:alerts_message_digests"),
                    },
                    _page(_("Flag events"), "history", "alerts_flagevent"),
                    _page(_("Work on flags"), "task_alt", "alerts_flagaction"),
                    _page(_("Screening runs"), "radar", "alerts_screeningrun"),
                    _page(_("Set aside"), "report", "alerts_setaside"),
                    _page(_("Webhooks"), "webhook", "alerts_webhookendpoint"),
                    _page(_("Webhook deliveries"), "outbox", "alerts_webhookdelivery"),
                ],
            },
            {
                "title": _("Administration"),
                "items": [
                    _page(_("Users"), "person", "people_user", ADMINISTRATORS),
                    _page(_("Service accounts"), "smart_toy", "people_serviceaccount", ADMINISTRATORS),
                    _page(_("Credentials"), "key", "people_credential", ADMINISTRATORS),
                    _page(_("Departments"), "groups", "people_department"),
                    _page(_("Change log"), "receipt_long", "people_changeentry", ADMINISTRATORS),
                ],
            },
        ],
    },
}
