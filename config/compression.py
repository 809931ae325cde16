"""Compressed answers for machines alone: those of people hold tokens that compression can give away (BREACH)."""

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class CompressedApi(GZipMiddleware):
    """An answer to a session is left as it is, too: a browser sends it along whoever asks."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path.startswith("/api/") and "Authorization" in request.headers:
            compressed: HttpResponseBase = super().process_response(request, response)
            return compressed
        return response
