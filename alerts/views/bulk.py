"""Bulk upsert over REST: many objects in one call, an answer per row; what is too long becomes a job."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, ClassVar

from django.http import HttpResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from alerts import doorbell, jobs
from alerts.absent import absent, close
from alerts.bundle.many import Many, Result, Row, dumped, lines, summary
from alerts.models.jobs import BulkJob
from alerts.views.reading import Ledger
from contracts.models import Contract
from contracts.serializers import ContractSerializer
from contracts.views import ContractViewSet
from people import clock
from people.conflict import Conflict
from people.describing import FIELDS_PARAMETER
from people.fields import Email, Reference, choices, found
from people.models import Role
from people.principal import has_role, principal
from people.resources import MOST_VALUES, Resource, StrictJSONParser, allow_long_body, loads, refusal
from people.strict import Rows, Strict
from suppliers.serializers import OrganizationSerializer
from suppliers.views import OrganizationViewSet

MOST_ROWS = 10_000
MOST_BYTES = 100 * 1024 * 1024
BYTES_PER_VALUE = 12
"""At least, of bodies with very many; contracts as dense as they come have 14."""
NDJSON = "application/x-ndjson"


class ArrayParser(StrictJSONParser):
    most = MOST_BYTES

    def most_values(self, length: int) -> int:
        return max(MOST_VALUES, length // BYTES_PER_VALUE)


class LinesParser(ArrayParser):
    """Newline-delimited JSON: a line that is not JSON is that row's fault alone."""

    media_type = NDJSON
    before_values = (*StrictJSONParser.before_values, b"\n")

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        return list(lines(self.text(stream), loads))


class BulkErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    pointer = serializers.CharField(allow_null=True)


class BulkRowSerializer(serializers.Serializer[Any]):
    row = serializers.IntegerField(help_text="from 0")
    reference = serializers.CharField(allow_null=True)
    outcome = serializers.ChoiceField(["created", "updated", "unchanged", "refused"])
    errors = BulkErrorSerializer(many=True)  # type: ignore[assignment]  # a field, not the property


class BulkSerializer(serializers.Serializer[Any]):
    """What became of the rows; of a snapshot also what its source had sent before and does not any more."""

    dry_run = serializers.BooleanField()
    rows = serializers.IntegerField()
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    refused = serializers.IntegerField()
    absent = serializers.ListField(child=serializers.CharField(), required=False)
    results = BulkRowSerializer(many=True)


class JobSerializer(serializers.ModelSerializer[BulkJob]):
    by = serializers.CharField(source="by.email")

    class Meta:
        model = BulkJob
        fields = (
            "id",
            "by",
            "section",
            "dry_run",
            "created_at",
            "finished_at",
            "rows",
            "done",
            "created",
            "updated",
            "unchanged",
            "refused",
            "source",
            "absent",
        )


class Closing(Strict):
    """Contracts that their source does not send any more, and what became of them."""

    references = Rows(Reference(required=True), at_least=1, required=True)
    closed_as = choices(Contract.Closing.values, required=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "source": Email(required=True)}


PARAMETERS = [
    OpenApiParameter("dry_run", bool, description="true: everything is checked and answered, and nothing is kept"),
    OpenApiParameter("mode", str, enum=["upsert", "snapshot"], description="snapshot: also report what is absent"),
    OpenApiParameter("source", str, description="of a snapshot: whose objects these are all of; your own address"),
]
ANSWERS = {200: BulkSerializer, 202: OpenApiResponse(JobSerializer, "longer than 10,000 rows: see Location")}


class Bulk(Resource):
    """POST of many objects of a bundle's section."""

    section: ClassVar[str]
    longest_body = MOST_BYTES
    parser_classes: Any = (ArrayParser, LinesParser)
    parameters: ClassVar[Mapping[str, Sequence[str]]] = {"bulk": ("dry_run", "mode", "source")}

    def bulk(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        """Up to 10,000 objects, as a JSON array or as newline-delimited JSON, are stored as by PUT and screened in one
        run; each row is answered for itself. Absence deletes nothing. Longer files become a job (202, `Location`).
        """
        dry_run = _one_of(request, "dry_run", ("false", "true")) == "true"
        source = _source(request, snapshot=_one_of(request, "mode", ("upsert", "snapshot")) == "snapshot")
        allow_long_body(request, MOST_BYTES)
        rows = _rows(request.data)
        if len(rows) > MOST_ROWS:
            by = principal(request)
            return _accepted(jobs.take_in(self.section, rows, by=by, dry_run=dry_run, source=source), request)
        results = Many(self.section, rows, by=principal(request)).keep(at=clock.now(), dry_run=dry_run)
        if not dry_run:
            doorbell.ring()
        head: dict[str, Any] = {"dry_run": dry_run, **summary(results)}
        if source is not None:
            sent = {result.reference for result in results if result.reference}
            head["absent"] = absent(self.section, sent, source=source, seen_by=principal(request))
        as_lines = request.content_type.partition(";")[0].strip() == NDJSON
        return StreamingHttpResponse(
            _as_lines(head, results) if as_lines else _as_object(head, results),
            content_type=NDJSON if as_lines else "application/json",
        )


class BulkContracts(Bulk, ContractViewSet):
    section = "contracts"
    serializer_class = ContractSerializer
    filterset_class: Any = None

    @extend_schema(request=ContractSerializer(many=True), responses=ANSWERS, parameters=PARAMETERS, filters=False)
    def bulk(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        return super().bulk(request)


class CloseContracts(ContractViewSet):
    filterset_class: Any = None

    @extend_schema(request=Closing, responses={200: BulkSerializer})
    def close(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        """Close contracts that a snapshot reported as absent: those named, as far as `source` stands behind them."""
        said = Closing().run_validation(request.data)
        if said["source"] != principal(request).email and not has_role(request, Role.ADMINISTRATOR):
            raise refusal([(("source",), "not_yours", "has to be your own address")])
        results = close(
            said["references"],
            as_=said["closed_as"],
            source=said["source"],
            by=principal(request),
            at=clock.now(),
        )
        doorbell.ring()
        head = {"dry_run": False, **summary(results)}
        return StreamingHttpResponse(_as_object(head, results), content_type="application/json")


class BulkOrganizations(Bulk, OrganizationViewSet):
    section = "organizations"
    serializer_class = OrganizationSerializer
    filterset_class: Any = None

    @extend_schema(request=OrganizationSerializer(many=True), responses=ANSWERS, parameters=PARAMETERS, filters=False)
    def bulk(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        return super().bulk(request)


class JobViewSet(Ledger):
    """Bulk jobs, one's own; administrators see all."""

    scope = "jobs"
    failures: ClassVar[Mapping[str, Sequence[str]]] = {"absent": ("409",)}
    queryset = BulkJob.objects.select_related("by")
    serializer_class = JobSerializer
    page_backwards = True

    def get_queryset(self) -> Any:
        found: Any = super().get_queryset()
        return found.visible_to(principal(self.request))

    @extend_schema(responses=JobSerializer, parameters=[FIELDS_PARAMETER])
    def retrieve(self, request: Request, pk: str) -> Response:
        """How far it is; `finished_at` is null until the end."""
        return Response(self.asked(JobSerializer(self.get_object())).data)

    @extend_schema(responses={(200, NDJSON): OpenApiTypes.STR})
    def results(self, request: Request, pk: str) -> StreamingHttpResponse:
        """What became of the rows that are stored by now: a line of JSON for each, in order."""
        job: BulkJob = self.get_object()
        return StreamingHttpResponse((f"{line}\n" for line in jobs.results(job)), content_type=NDJSON)

    @extend_schema(responses={(200, NDJSON): OpenApiTypes.STR})
    def absent(self, request: Request, pk: str) -> StreamingHttpResponse:
        """What the source of a snapshot had sent before and did not send now: a line of JSON with the `reference` for
        each, in order. Nothing of it is closed. 409 for a job that has not finished, or is no snapshot.
        """
        job: BulkJob = self.get_object()
        if job.source is None:
            raise Conflict("This job is no snapshot: nobody said that its rows are all there are.")
        if job.finished_at is None:
            raise Conflict("This job has not finished: what is absent is known when all its rows are stored.")
        some = jobs.absences(job, seen_by=principal(request))
        lines = ("".join(json.dumps({"reference": one}) + "\n" for one in references) for references in some)
        return StreamingHttpResponse(lines, content_type=NDJSON)


def _rows(sent: Any) -> list[Row]:
    if not isinstance(sent, list):
        raise refusal([((), "not_a_list", f"{found(sent)} where a list of objects belongs")])
    return [row if isinstance(row, Row) else Row(number, row) for number, row in enumerate(sent)]


def _one_of(request: Request, name: str, values: Sequence[str]) -> str:
    value = request.query_params.get(name, values[0])
    if value not in values:
        raise refusal([((name,), "invalid_choice", f"is none of {', '.join(values)}")])
    return value


def _source(request: Request, *, snapshot: bool) -> str | None:
    """Whose objects a snapshot is of; None where it is none."""
    source = request.query_params.get("source")
    if not snapshot:
        if source is not None:
            raise refusal([(("source",), "without_snapshot", "goes with mode=snapshot only")])
        return None
    if source is None:
        raise refusal([(("source",), "required", "is missing: a snapshot says whose objects these are all of")])
    if source == principal(request).email:
        return source
    if not has_role(request, Role.ADMINISTRATOR):
        raise refusal([(("source",), "not_yours", "has to be your own address")])
    try:
        return Email().run_validation(source)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"source": error.detail}) from None


def _accepted(job: BulkJob, request: Request) -> Response:
    doorbell.ring()
    address = reverse("jobs-detail", args=[job.pk])
    return Response(JobSerializer(job).data, status.HTTP_202_ACCEPTED, headers={"Location": address})


def _as_object(head: Mapping[str, Any], results: Sequence[Result]) -> Iterator[str]:
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "results": ['
    for number, line in enumerate(dumped(results)):
        yield f",\n{line}" if number else f"\n{line}"
    yield "]}\n"


def _as_lines(head: Mapping[str, Any], results: Sequence[Result]) -> Iterator[str]:
    yield from (f"{line}\n" for line in dumped(results))
    yield json.dumps({"summary": head}, ensure_ascii=False) + "\n"
