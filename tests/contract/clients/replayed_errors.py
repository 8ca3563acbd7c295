"""How each provider refuses: a call that is wrong, one too many, and one when it is overloaded.

In the providers' own formats, with the headers that they send along. Read next: `replayed_providers`.
"""

import json
from typing import Any, Literal

import msgspec

from headgate.core.call import AnyDialect

Error = Literal["refused", "limited", "overloaded"]
ERRORS: tuple[Error, ...] = ("refused", "limited", "overloaded")
SAID = "what was asked can't be done"
"""What stands in each of them."""


class ErrorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal as it goes over the wire."""

    status: int
    body: bytes
    headers: tuple[str, ...] = ()


def error_of(dialect: AnyDialect, error: Error) -> ErrorAnswer:
    """A provider's refusal."""
    status, value, headers = _ERRORS[dialect][error]
    return ErrorAnswer(status=status, body=json.dumps(value).encode(), headers=headers)


def _openai(kind: str, code: str | None) -> Any:
    return {"error": {"message": SAID, "type": kind, "param": None, "code": code}}


def _anthropic(kind: str) -> Any:
    return {"type": "error", "error": {"type": kind, "message": SAID}, "request_id": "req_replayed"}


def _google(code: int, status: str) -> Any:
    return {"error": {"code": code, "message": SAID, "status": status}}


_OPENAI: dict[Error, tuple[int, Any, tuple[str, ...]]] = {
    "refused": (400, _openai("invalid_request_error", "invalid_value"), ("x-request-id: req_replayed",)),
    "limited": (
        429,
        _openai("tokens", "rate_limit_exceeded"),
        ("retry-after: 2", "x-request-id: req_replayed"),
    ),
    "overloaded": (503, _openai("server_error", None), ("x-request-id: req_replayed",)),
}
_ERRORS: dict[str, dict[Error, tuple[int, Any, tuple[str, ...]]]] = {
    "openai-chat": _OPENAI,
    "openai-responses": _OPENAI,
    "anthropic": {
        "refused": (400, _anthropic("invalid_request_error"), ("request-id: req_replayed",)),
        "limited": (429, _anthropic("rate_limit_error"), ("retry-after: 2", "request-id: req_replayed")),
        "overloaded": (529, _anthropic("overloaded_error"), ("request-id: req_replayed",)),
    },
    "google": {
        "refused": (400, _google(400, "INVALID_ARGUMENT"), ()),
        "limited": (429, _google(429, "RESOURCE_EXHAUSTED"), ()),
        "overloaded": (503, _google(503, "UNAVAILABLE"), ()),
    },
    "bedrock": {
        "refused": (400, {"message": SAID}, ("x-amzn-errortype: ValidationException",)),
        "limited": (429, {"message": SAID}, ("x-amzn-errortype: ThrottlingException",)),
        "overloaded": (503, {"message": SAID}, ("x-amzn-errortype: ServiceUnavailableException",)),
    },
}
