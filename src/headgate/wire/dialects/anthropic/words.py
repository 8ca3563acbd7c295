"""What both directions of Anthropic's dialect share: its name, its stop reasons, and its errors.

Source: Anthropic API reference (Messages, Streaming, Errors). Read next: `codec`.
"""

from typing import Final, Literal

import msgspec

from headgate.core.chat import FinishReason

DIALECT: Final[Literal["anthropic"]] = "anthropic"

_FINISHES: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_window",
}
_STOPS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "pause": "pause_turn",
    "refusal": "refusal",
    "content_filter": "refusal",
    "context_window": "model_context_window_exceeded",
    "error": "refusal",
}
_STATUSES: Final[dict[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_KINDS: Final[dict[int, str]] = {status: kind for kind, status in _STATUSES.items()} | {
    503: "overloaded_error"
}

_encode = msgspec.json.Encoder().encode


class Malformed(Exception):
    """A member is not what the dialect says. `where` is its path, from within outwards."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where} {what}")
        self.where = where
        self.what = what

    def within(self, name: str | int) -> "Malformed":
        """The same, seen from one level further out."""
        head = f"[{name}]" if isinstance(name, int) else name
        joint = "" if not self.where or self.where.startswith("[") else "."
        return Malformed(f"{head}{joint}{self.where}", self.what)


def finish_reason(stop_reason: str) -> FinishReason:
    """What a stop reason means; one that is not known is an end like any other (21, 23)."""
    return _FINISHES.get(stop_reason, "stop")


def stop_reason(reason: FinishReason, *, has_sequence: bool, has_calls: bool, has_refusal: bool) -> str:
    """The stop reason that says a finish, and what the answer holds, to a client."""
    if reason == "stop" and has_sequence:
        return "stop_sequence"
    if reason == "stop" and has_refusal:
        return "refusal"
    if reason == "stop" and has_calls:
        return "tool_use"
    return _STOPS[reason]


def error_status(kind: str) -> int | None:
    """The HTTP status that an error of this type has."""
    return _STATUSES.get(kind)


def error_kind(kind: str, status: int | None) -> str:
    """The error type to say: its own where it is one, else that of the status."""
    if kind in _STATUSES:
        return kind
    return _KINDS.get(status or 500, "api_error")


def encoded(value: object) -> str:
    """JSON text of a value that was decoded from JSON."""
    return _encode(value).decode()
