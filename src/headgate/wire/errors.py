"""Faults as each dialect writes errors, so that the caller's own SDK raises its own exception.

Always with code, message with what to do next, and the request id. Never reads a provider's error: that is
`wire.answers`. Shapes: OpenAI API reference (errors), Anthropic API reference (errors), Google AIP-193.
"""

from typing import Self

import msgspec

from headgate.core.call import Dialect
from headgate.core.faults import Fault, InvalidRequest

_OPENAI_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "invalid_request_error",
    413: "request_too_large",
    422: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_GOOGLE_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_encode = msgspec.json.Encoder().encode


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an error says, before any dialect has it."""

    status: int
    code: str
    message: str
    request_id: str
    parameter: str | None = None
    retry_after_s: float | None = None

    @classmethod
    def of(cls, fault: Fault, request_id: str) -> Self:
        """Say a fault of ours: what went wrong, what to do next, and the id."""
        return cls(
            status=fault.status,
            code=fault.code,
            message=_message(fault, request_id),
            request_id=request_id,
            parameter=_parameter(fault),
            retry_after_s=fault.retry_after_s,
        )


def error_body(dialect: Dialect, fault: Fault, request_id: str) -> bytes:
    """Write a fault as the JSON body of an error answer in the caller's dialect."""
    return written(dialect, Said.of(fault, request_id))


def written(dialect: Dialect, said: Said) -> bytes:
    """Write an error as the JSON body of an answer in the caller's dialect."""
    return _encode(_body_of(dialect, said))


def error_event(dialect: Dialect, fault: Fault, request_id: str) -> bytes:
    """Write a fault as the event that ends a broken stream in the caller's dialect, without a terminator."""
    said = Said.of(fault, request_id)
    body = _body_of(dialect, said)
    if dialect == "anthropic":
        return b"event: error\ndata: " + _encode(body) + b"\n\n"
    if dialect == "openai-responses":
        event = {
            "type": "error",
            "code": said.code,
            "message": said.message,
            "param": said.parameter,
            "request_id": request_id,
            "error": body["error"],
        }
        return b"event: error\ndata: " + _encode(event) + b"\n\n"
    return b"data: " + _encode(body) + b"\n\n"


def _body_of(dialect: Dialect, said: Said) -> dict[str, object]:
    match dialect:
        case "anthropic":
            return {
                "type": "error",
                "error": {
                    "type": _ANTHROPIC_TYPES.get(said.status, "api_error"),
                    "message": said.message,
                    "code": said.code,
                },
                "request_id": said.request_id,
            }
        case "google":
            return {
                "error": {
                    "code": said.status,
                    "message": said.message,
                    "status": _GOOGLE_STATUSES.get(said.status, "INTERNAL"),
                    "details": _google_details(said),
                }
            }
        case "openai" | "openai-chat" | "openai-responses":
            return {
                "error": {
                    "message": said.message,
                    "type": _OPENAI_TYPES.get(said.status, "server_error"),
                    "param": said.parameter,
                    "code": said.code,
                    "request_id": said.request_id,
                }
            }


def _google_details(said: Said) -> list[dict[str, object]]:
    details: list[dict[str, object]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": said.code,
            "domain": "headgate",
        },
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": said.request_id},
    ]
    if said.retry_after_s is not None:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": f"{said.retry_after_s:g}s",
            }
        )
    return details


def _message(fault: Fault, request_id: str) -> str:
    """What went wrong, what to do next, and the id: SDKs show the message and often nothing else."""
    hint = f" Hint: {fault.hint}." if fault.hint else ""
    stop = "" if fault.message.endswith((".", "!", "?")) else "."
    return f"{fault.message}{stop}{hint} (request {request_id})"


def _parameter(fault: Fault) -> str | None:
    return fault.parameter if isinstance(fault, InvalidRequest) else None
