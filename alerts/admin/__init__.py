"""Admin pages of flags, checks, runs and messages, and those of contracts and policy changes that show flags."""

from django.contrib import admin

from alerts.admin import checks, dashboard, flags, ledgers, policy_changes, ringing, runs, webhooks

admin.site.index_template = "alerts/today.html"

__all__ = ["checks", "dashboard", "flags", "ledgers", "policy_changes", "ringing", "runs", "webhooks"]
