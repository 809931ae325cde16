"""The documentation of the REST interface: a page that asks nobody but this server for anything."""

from typing import Any

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from people.resources import Bounded
from people.scopes import ANY

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self';"
    " style-src 'self' 'sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0=';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Scripts and styles come from files alone, but for the one style sheet in the page, by its hash."""


class SchemaView(Bounded, SpectacularAPIView):
    scope = ANY
    takes = ("lang",)


class DocumentationView(Bounded, SpectacularSwaggerSplitView):
    scope = ANY
    takes = None

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)
        response["Content-Security-Policy"] = POLICY
        return response
