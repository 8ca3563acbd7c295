"""Every error of the control API in one shape: `{"error": {"code", "message", "hint", "request_id"}}`.

Never shows an internal error's text: that goes to the log, under the request id. Read next: `core.faults`.
"""

import logging
import uuid
from collections.abc import Callable
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import Scope

from headgate.core.faults import (
    Conflict,
    Fault,
    InvalidRequest,
    NotAllowed,
    NotFound,
    RequestTooLarge,
    Unavailable,
)

log = logging.getLogger("headgate.api")

AnyRequest = Request[Any, Any, Any]


class ErrorDetail(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong. `code` is stable; `request_id` finds it in the log."""

    code: str
    message: str
    hint: str
    request_id: str


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is an error."""

    error: ErrorDetail


def request_id_of(scope: Scope) -> str:
    """Return the id of the request that is being answered; made at the first look."""
    state: dict[str, Any] = scope["state"]
    return state.setdefault("request_id", uuid.uuid4().hex)


def answer_fault(request: AnyRequest, fault: Fault) -> Response[ErrorBody]:
    """Answer with a fault's own status, code and hint."""
    headers: dict[str, str] = {}
    if fault.retry_after_s is not None:
        headers["retry-after"] = str(max(1, round(fault.retry_after_s)))
    if fault.status == 401:
        headers["www-authenticate"] = "Bearer"
    return _answer(fault.status, ErrorBody(error=_detail(request, fault)), headers)


def answer_http(request: AnyRequest, error: HTTPException) -> Response[ErrorBody]:
    """Answer what the framework refused: no route, a wrong method, a body or parameter that doesn't fit."""
    if error.status_code >= 500:
        return answer_unexpected(request, error)
    fault = _fault_of(request, error)
    headers = dict(error.headers or {})
    return _answer(error.status_code, ErrorBody(error=_detail(request, fault)), headers)


def answer_unexpected(request: AnyRequest, error: Exception) -> Response[ErrorBody]:
    """Answer 500 and log the cause."""
    log.error(
        "%s %s failed (request %s)",
        request.scope["method"],
        request.scope["path"],
        request_id_of(request.scope),
        exc_info=error,
    )
    fault = Fault("something went wrong inside the server; its log has the cause under this request id")
    return _answer(500, ErrorBody(error=_detail(request, fault)), {})


EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[AnyRequest, Any], Response[ErrorBody]]] = {
    Fault: answer_fault,
    HTTPException: answer_http,
    Exception: answer_unexpected,
}


def _fault_of(request: AnyRequest, error: HTTPException) -> Fault:
    where = f"{request.scope['method']} {request.scope['path'][:200]}"
    match error.status_code:
        case 403:
            return NotAllowed(error.detail)
        case 404:
            return NotFound(f"there is no route {where}; /api/openapi.json lists them")
        case 405:
            return InvalidRequest(
                f"{where} is not offered; /api/openapi.json lists the methods of each route"
            )
        case 409:
            return Conflict(error.detail)
        case 413:
            return RequestTooLarge("the body is larger than this route takes; send less")
        case 503:
            return Unavailable(error.detail)
        case _:
            return InvalidRequest(_reason(error))


def _reason(error: HTTPException) -> str:
    """Name the field where the framework says it. A value never shows: it may be a secret."""
    extra: Any = error.extra
    if isinstance(error, ValidationException) and isinstance(extra, list) and extra:
        entries = cast("list[dict[str, Any]]", extra)
        reasons = [f"{entry.get('key', 'body')}: {entry.get('message', 'is refused')}" for entry in entries]
        return "; ".join(reasons[:10])
    return error.detail or "the request is not what this route takes"


def _detail(request: AnyRequest, fault: Fault) -> ErrorDetail:
    return ErrorDetail(
        code=fault.code, message=fault.message, hint=fault.hint, request_id=request_id_of(request.scope)
    )


def _answer(status: int, body: ErrorBody, headers: dict[str, str]) -> Response[ErrorBody]:
    return Response(content=body, status_code=status, headers=headers, media_type="application/json")
