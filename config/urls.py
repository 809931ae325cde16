"""Every address of Tocsin."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from alerts.views.acknowledging import acknowledge
from alerts.views.calendar import calendar
from config import health, metrics

handler400 = "config.problem.bad_request"
handler404 = "config.problem.not_found"
handler500 = "config.problem.server_error"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("alerts.urls")),
    path("acknowledge/<str:token>", acknowledge, name="acknowledge"),
    path("calendar/<str:key>.ics", calendar, name="calendar-feed"),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics.metrics),
]
