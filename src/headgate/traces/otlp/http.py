"""Routes that exporters send to: OTLP over HTTP, in protobuf and JSON, and the path that Langfuse's SDK asks.

Errors are a google.rpc.Status, in the form of the request. Read next: `otlp.receiving`, `otlp.decoding`.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import SkipValidation

from headgate.access.gate import KEY_ANYWHERE, CallerKey, grant
from headgate.access.http import Time
from headgate.access.model import Key
from headgate.core.faults import Fault
from headgate.core.ports import Clock
from headgate.traces.metrics.model import METRICS
from headgate.traces.model import LOGS, SPANS
from headgate.traces.otlp.answers import MEDIA_TYPES, Signal, failure, form_of, success
from headgate.traces.otlp.bounds import BODY_BYTES_MAX
from headgate.traces.otlp.decoding import Decode, Form, decode_spans
from headgate.traces.otlp.logs import decode_logs
from headgate.traces.otlp.metrics import decode_metrics
from headgate.traces.otlp.receiving import ENCODINGS, Body, Reception

AnyRequest = Request[Any, Any, Any]
Receiving = NamedDependency[SkipValidation[Reception]]

LANGFUSE_PATH: Final = "/api/public/otel/v1/traces"


def answer_fault(request: AnyRequest, fault: Fault) -> Response[bytes]:
    """Answer a fault of Headgate's."""
    headers: dict[str, str] = {}
    if fault.retry_after_s is not None:
        headers["retry-after"] = str(max(1, round(fault.retry_after_s)))
    if fault.status == 401:
        headers["www-authenticate"] = "Bearer"
    return _failed(request, fault.status, fault.message, headers)


def answer_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Answer what the framework refused."""
    message = error.detail
    if error.status_code == 413:
        message = f"the body has more than {BODY_BYTES_MAX} bytes; send smaller batches"
    return _failed(request, error.status_code, message, dict(error.headers or {}))


HANDLERS: Final[dict[int | type[Exception], Callable[[AnyRequest, Any], Response[bytes]]]] = {
    Fault: answer_fault,
    HTTPException: answer_http,
}


class OtlpController(Controller):
    """What instrumented applications send."""

    path = "/"
    include_in_schema = False
    request_max_body_size = BODY_BYTES_MAX

    @post(
        ["/v1/traces", LANGFUSE_PATH],
        status_code=200,
        exception_handlers=HANDLERS,
        opt={"grant": grant("traces:write"), KEY_ANYWHERE: True},
    )
    async def take_traces(
        self, request: AnyRequest, caller: CallerKey, clock: Time, reception: Receiving
    ) -> Response[bytes]:
        """Take spans."""
        return await _take(_Route("spans", SPANS, decode_spans), request, caller, clock, reception)

    @post(
        "/v1/logs",
        status_code=200,
        exception_handlers=HANDLERS,
        opt={"grant": grant("traces:write"), KEY_ANYWHERE: True},
    )
    async def take_logs(
        self, request: AnyRequest, caller: CallerKey, clock: Time, reception: Receiving
    ) -> Response[bytes]:
        """Take log records of GenAI: messages of spans, and scores. Others are refused in words."""
        return await _take(_Route("logs", LOGS, decode_logs), request, caller, clock, reception)

    @post(
        "/v1/metrics",
        status_code=200,
        exception_handlers=HANDLERS,
        opt={"grant": grant("traces:write"), KEY_ANYWHERE: True},
    )
    async def take_metrics(
        self, request: AnyRequest, caller: CallerKey, clock: Time, reception: Receiving
    ) -> Response[bytes]:
        """Take metrics of GenAI, which are kept by the hour. Others are refused in words."""
        return await _take(_Route("metrics", METRICS, decode_metrics), request, caller, clock, reception)


class _Route(NamedTuple):
    signal: Signal
    kind: int
    decode: Decode


async def _take(
    route: _Route, request: AnyRequest, caller: Key, clock: Clock, reception: Reception
) -> Response[bytes]:
    form, encoding = _described(request)
    async with reception.reading(request.stream()) as data:
        body = Body(data, encoding, form)
        reasons = await reception.take(route.kind, route.decode, body, caller, clock.now_ms())
    return Response(success(route.signal, form, reasons), media_type=MEDIA_TYPES[form])


def _described(request: AnyRequest) -> tuple[Form, str]:
    content_type = request.headers.get("content-type", "")
    form = form_of(content_type)
    if form is None:
        raise HTTPException(
            f"the content-type is {content_type[:100]!r}; send {' or '.join(MEDIA_TYPES.values())}",
            status_code=415,
        )
    encoding = request.headers.get("content-encoding", "identity").strip().lower() or "identity"
    if encoding not in ENCODINGS:
        raise HTTPException(
            f"the content-encoding is {encoding[:100]!r}; send {', '.join(ENCODINGS[:-1])} or none",
            status_code=415,
        )
    return form, encoding


def _failed(request: AnyRequest, status: int, message: str, headers: dict[str, str]) -> Response[bytes]:
    form = form_of(request.headers.get("content-type", "")) or "json"
    return Response(
        failure(form, status, message), status_code=status, headers=headers, media_type=MEDIA_TYPES[form]
    )
