"""Errors as each provider words them, for drills and for requests that are not what a dialect says. Pure.

Source: OpenAI "Error codes", Anthropic "Errors", Google "Troubleshooting" and google.rpc.Status.
"""

from typing import Any, Literal

from headgate.core.ports import Headers
from headgate.standins.drills import Refused
from headgate.standins.planned import Piece, Planned, encode

Manner = Literal["openai", "anthropic", "google"]
"""Whose way of wording an error."""

_OPENAI: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request is invalid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "This is not permitted."),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you have no access to it.",
    ),
    413: ("invalid_request_error", "request_too_large", "The request is too large."),
    422: ("invalid_request_error", None, "The request can't be processed."),
    429: ("rate_limit_error", "rate_limit_exceeded", "Rate limit reached. Please try again shortly."),
    500: ("server_error", None, "The server had an error while processing your request."),
    503: ("server_error", "overloaded", "The engine is currently overloaded, please try again later."),
}

_ANTHROPIC: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "The request is invalid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "The requested resource could not be found."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your rate limit."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}

_GOOGLE: dict[int, tuple[str, str]] = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "The model is not found for API version v1beta."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}


_REFUSED: dict[Refused, tuple[str, dict[Manner, str]]] = {
    "context-overflow": (
        "context_length_exceeded",
        {
            "openai": "The maximum context length is 8192 tokens. Reduce the length of the messages.",
            "anthropic": "prompt is too long: 9000 tokens > 8192 maximum",
            "google": "The input token count (9000) exceeds the maximum number of tokens allowed (8192).",
        },
    ),
    "content-policy": (
        "content_policy_violation",
        {
            "openai": "Your request was rejected: it may violate our usage policies.",
            "anthropic": "Output blocked by content filtering policy",
            "google": "The prompt was blocked: PROHIBITED_CONTENT",
        },
    ),
}


def error_answer(
    manner: Manner,
    status: int,
    message: str | None = None,
    *,
    parameter: str | None = None,
    code: str | None = None,
    retry_after_s: int | None = None,
) -> Planned:
    """Word an error; without a message, in the usual words of that status."""
    body = encode(_body(manner, status, message, parameter, code))
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"request-id" if manner == "anthropic" else b"x-request-id", b"req_standin"),
    ]
    if retry_after_s is not None:
        headers.append((b"retry-after", str(retry_after_s).encode()))
    return Planned(status=status, headers=headers, pieces=(Piece(body),))


def refused_answer(manner: Manner, refused: Refused) -> Planned:
    """Word the refusal of a conversation too long, or of content, as each provider does."""
    code, words = _REFUSED[refused]
    return error_answer(manner, 400, words[manner], code=code)


def _body(
    manner: Manner, status: int, message: str | None, parameter: str | None, code: str | None
) -> dict[str, Any]:
    nearest = status if status < 500 else 500
    match manner:
        case "openai":
            kind, usual, words = _OPENAI.get(status) or _OPENAI.get(nearest) or _OPENAI[400]
            return {
                "error": {
                    "message": message or words,
                    "type": kind,
                    "param": parameter,
                    "code": code or usual,
                }
            }
        case "anthropic":
            kind, words = _ANTHROPIC.get(status) or _ANTHROPIC.get(nearest) or _ANTHROPIC[400]
            error = {"type": kind, "message": message or words}
            return {"type": "error", "error": error, "request_id": "req_standin"}
        case "google":
            kind, words = _GOOGLE.get(status) or _GOOGLE.get(nearest) or _GOOGLE[400]
            return {"error": {"code": status, "message": message or words, "status": kind}}
