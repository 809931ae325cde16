"""What the OpenAPI schema says of headers and parameters that many operations share."""

from drf_spectacular.utils import OpenApiParameter


def _header(name: str, words: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=words, required=required)


ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, description="names the state of the object", response=[200, 201]
)
READING = [ETAG, _header("If-None-Match", "an ETag: 304 where the object is still in this state")]
WRITING = [
    ETAG,
    _header("If-Match", "the ETag of what was read: 412 where the object is in another state by now"),
    _header("If-None-Match", "`*`: 412 where there is such an object already"),
]
WRITING_READ = [ETAG, _header("If-Match", "the ETag of what was read, or `*`; 428 without", required=True)]
FIELDS_PARAMETER = OpenApiParameter(
    "fields", str, description="the fields wanted, by their names with commas between them; all without"
)
