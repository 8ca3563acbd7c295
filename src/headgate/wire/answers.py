"""What a whole answer says of itself: usage, model, tier; and whose fault an error is.

Never changes an answer. Read next: `wire.usage` for the counting, `wire.streams` for answers in pieces.
"""

from email.utils import parsedate_to_datetime
from typing import cast

import msgspec

from headgate.core.call import AnyDialect, Dialect, Operation, Usage
from headgate.core.ports import Headers
from headgate.wire.endings import NOTHING, decode_whole
from headgate.wire.model import NO_ENDING, AnswerFacts, ErrorClass
from headgate.wire.usage import Fields, count, fields_of, inner, plain_chat_usage, usage_of

NAME_LENGTH_MAX = 256
MESSAGE_LENGTH_MAX = 2000
RETRY_AFTER_S_MAX = 86_400.0

_wholes = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode


class _Action(msgspec.Struct):
    type: str = ""


class _Typed(msgspec.Struct):
    type: str = ""
    action: _Action | None = None


_typed = msgspec.json.Decoder(list[_Typed]).decode

FREE: frozenset[Operation] = frozenset({"count_tokens", "moderations", "models"})
"""Operations that providers do not charge for."""


def read_answer(dialect: Dialect, operation: Operation, body: bytes) -> AnswerFacts:
    """Return what a successful whole answer says of itself. A body that says nothing gives no usage."""
    free = Usage() if operation in FREE else None
    try:
        # Google's stream without `alt=sse` is one array of answers, whose last one counts.
        whole = decode_whole(dialect, bytes(_wholes(body)[-1]) if body[:1] == b"[" else body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, IndexError):
        return AnswerFacts(usage=free)
    ending = whole.ending if operation == "chat" else NO_ENDING
    if dialect == "openai-chat" and free is None:
        plain = plain_chat_usage(whole.usage)
        if plain is not None:
            return AnswerFacts(
                usage=plain,
                usage_raw=bytes(whole.usage),
                service_tier=None if whole.service_tier is NOTHING else short_text(whole.service_tier),
                response_id=short_text(whole.id),
                model=_said(whole.model),
                fingerprint=_said(whole.system_fingerprint),
                ending=ending,
            )
    google = dialect == "google"
    raw = bytes(whole.usageMetadata if google else whole.usage)
    if raw == b"null" and not google:
        raw = groq_usage(whole.x_groq)
    fields = fields_of(raw)
    usage = free
    if fields is not None and free is None:
        usage = with_units(
            usage_of(dialect, operation, fields), served_units(dialect, body, whole.output, whole.tool_usage)
        )
    return AnswerFacts(
        usage=usage,
        usage_raw=b"" if fields is None else raw,
        service_tier=tier_of(fields, short_text(whole.service_tier)),
        response_id=short_text(whole.responseId if google else whole.id),
        model=_said(whole.modelVersion if google else whole.model),
        fingerprint=_said(whole.system_fingerprint),
        ending=ending,
    )


def groq_usage(extension: msgspec.Raw) -> bytes:
    """The usage that older Groq answers hold under `x_groq`, or null."""
    members = inner({"x_groq": fields_of(extension) or {}}, "x_groq")
    usage = members.get("usage")
    return msgspec.json.encode(usage) if isinstance(usage, dict) else b"null"


def tier_of(usage: Fields | None, stated: str | None) -> str | None:
    """The service tier that was served: beside the usage, or in it (Anthropic, Google)."""
    if stated is not None or usage is None:
        return stated
    for name in ("speed", "service_tier", "serviceTier"):
        value = usage.get(name)
        if isinstance(value, str) and value != "standard":
            return value[:NAME_LENGTH_MAX].lower()
    return None


def _said(raw: msgspec.Raw) -> str | None:
    """A short text where there is one; to find none out costs nothing."""
    return None if raw is NOTHING else short_text(raw)


def short_text(raw: msgspec.Raw) -> str | None:
    """A short text; None for anything else."""
    if len(bytes(raw)) > NAME_LENGTH_MAX:
        return None
    try:
        return _text(raw) or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


_OUTPUT_UNITS = {
    "web_search_call": "web_search",
    "file_search_call": "file_search",
    "code_interpreter_call": "code_execution",
    "image_generation_call": "image_generation",
}


def served_units(
    dialect: Dialect, body: bytes, output: msgspec.Raw = NOTHING, stated: msgspec.Raw = NOTHING
) -> dict[str, int]:
    """What a provider's own tools did, from the answer's items or from what it states beside its usage."""
    if dialect == "openai-responses":
        return _responses_units(output, stated)
    if dialect == "google" and b'"webSearchQueries"' in body:
        return {"web_search": google_searches(body)}
    return {}


def _responses_units(output: msgspec.Raw, stated: msgspec.Raw) -> dict[str, int]:
    try:
        # Opening a page is an item too, but only searches are charged.
        kinds = [item.type for item in _typed(output) if item.action is None or item.action.type == "search"]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        kinds = []
    units: dict[str, int] = {}
    for kind in kinds:
        if kind in _OUTPUT_UNITS:
            units[_OUTPUT_UNITS[kind]] = units.get(_OUTPUT_UNITS[kind], 0) + 1
    searches = inner(fields_of(stated) or {}, "web_search")
    if "num_requests" in searches:
        units["web_search"] = count(searches, "num_requests")
    return {kind: number for kind, number in units.items() if number}


class _Grounding(msgspec.Struct):
    webSearchQueries: tuple[str, ...] = ()  # noqa: N815


class _Candidate(msgspec.Struct):
    groundingMetadata: _Grounding | None = None  # noqa: N815


class _Candidates(msgspec.Struct):
    candidates: tuple[_Candidate, ...] = ()


_candidates = msgspec.json.Decoder(_Candidates).decode


def google_searches(body: bytes) -> int:
    """How many searches a grounded answer names."""
    try:
        found = _candidates(body).candidates
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 1
    return sum(len(c.groundingMetadata.webSearchQueries) for c in found if c.groundingMetadata is not None)


def with_units(usage: Usage, units: dict[str, int]) -> Usage:
    """The usage with units that it does not name itself."""
    if not units:
        return usage
    return msgspec.structs.replace(usage, units={**units, **usage.units})


_EXHAUSTED = (
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_balance",
    "credit balance is too low",
    "exceeded your current quota, please check your plan and billing",
    "insufficient credits",
    "insufficient balance",
    "api calls / month",
)
_CREDENTIAL = (
    "api key not valid",
    "api_key_invalid",
    "api key expired",
    "invalid_api_key",
    "incorrect api key",
    "authentication_error",
    "organization has been disabled",
    "user location is not supported",
)
_MODEL = ("model_not_found", "model_not_available", "invalid_model", "deploymentnotfound")


_BEDROCK_MODEL = (
    "model identifier",
    "throughput isn",
    "access to the model",
    "end of its life",
    "support counting tokens",
)


def classify(dialect: AnyDialect, status: int, body: bytes, *, kind: str = "") -> ErrorClass:
    """Say whose fault a provider's error is, from its status and, where that is not enough, its words.

    `kind` is the name that Bedrock gives an error in a header (`dialects.bedrock.errors`). Source: the error
    references of OpenAI, Anthropic, Google and Amazon, and recorded answers.
    """
    if dialect == "bedrock":
        return _classify_bedrock(status, body, kind)
    if status == 402:
        return "exhausted"
    if status in (401, 403, 404):
        return "target"
    if status in (408, 409) or status >= 500 or status < 400:
        return "server"
    words = words_of(body)
    if status == 413 and "rate_limit_exceeded" in words:
        return "limited"  # Groq: more tokens at once than this account may send in a minute
    if status == 429:
        # Google says "exceeded your current quota" of what passes within the minute, too.
        exhausted = any(word in words for word in _EXHAUSTED) and (
            dialect != "google" or "perday" in words.replace("_", "")
        )
        return "exhausted" if exhausted else "limited"
    if status == 400:
        if any(word in words for word in _EXHAUSTED):
            return "exhausted"
        if any(word in words for word in (*_CREDENTIAL, *_MODEL)):
            return "target"
    return "request"


def _classify_bedrock(status: int, body: bytes, kind: str) -> ErrorClass:
    words = words_of(body)
    if status == 429:
        return "exhausted" if "per day" in words else "limited"
    if status == 400:
        if kind.startswith("ServiceQuotaExceeded"):
            return "exhausted"
        signs = ("Signature", "Token", "UnrecognizedClient", "Access", "OptInRequired")
        if any(sign in kind for sign in signs) or any(word in words for word in _BEDROCK_MODEL):
            return "target"
        return "request"
    if status in (401, 402, 403, 404):
        return "exhausted" if status == 402 else "target"
    # 424 says that the model behind Bedrock failed.
    return "server" if status in (408, 409, 424) or status >= 500 or status < 400 else "request"


def words_of(body: bytes) -> str:
    """The parts of an error that name its reason; not the caller's own words, which some quote."""
    error = error_of(body)
    if error is None:
        return body[:MESSAGE_LENGTH_MAX].decode("utf-8", "replace").lower()
    named = [error.get(name) for name in ("code", "type", "status", "message", "Message")]
    details = error.get("details")
    if isinstance(details, list):
        named.append(msgspec.json.encode(details).decode())
    return " ".join(str(word)[:MESSAGE_LENGTH_MAX] for word in named if word is not None).lower()


def error_of(body: bytes) -> Fields | None:
    """The error object: `{"error": {...}}`, the same in an array (Google), or bare (Mistral and others)."""
    text = body.strip()
    if text.startswith(b"["):
        try:
            text = bytes(msgspec.json.decode(text, type=list[msgspec.Raw])[0])
        except (msgspec.DecodeError, IndexError, RecursionError):
            return None
    fields = fields_of(text)
    if fields is None:
        return None
    error = fields.get("error", fields)
    if isinstance(error, dict):
        return cast("Fields", error)
    return {"message": error if isinstance(error, str) else fields.get("message")}


def provider_message(dialect: AnyDialect, body: bytes) -> str:
    """The message of a provider's error, at most 2,000 characters; empty where there is none."""
    error = error_of(body) or {}
    for name in ("message", "detail", "msg", "Message"):
        value = error.get(name)
        if isinstance(value, str) and value:
            return value[:MESSAGE_LENGTH_MAX]
        if value is not None:
            return msgspec.json.encode(value).decode()[:MESSAGE_LENGTH_MAX]
    if dialect == "google" and isinstance(error.get("status"), str):
        return str(error["status"])
    return body[:200].decode("utf-8", "replace").strip()


def retry_after_s(headers: Headers, body: bytes) -> float | None:
    """How long a provider asks to wait, at most a day; None where it does not say.

    From `retry-after-ms`, `retry-after` (seconds, or a date set against the answer's own `date`), or Google's
    RetryInfo. Source: RFC 9110 section 10.2.3, google.rpc.RetryInfo.
    """
    fields = {name: value.decode("latin-1").strip() for name, value in reversed(headers)}
    wait_ms = _number(fields.get(b"retry-after-ms", ""))
    if wait_ms is not None:
        return _bounded(wait_ms / 1000)
    after = fields.get(b"retry-after", "")
    wait_s = _number(after)
    if wait_s is None and after:
        wait_s = _until(after, fields.get(b"date", ""))
    if wait_s is None and b"retryDelay" in body:
        wait_s = _retry_info(body)
    return None if wait_s is None else _bounded(wait_s)


def _number(text: str) -> float | None:
    if not text or not text.isascii() or not text.replace(".", "", 1).isdigit() or len(text) > 18:
        return None
    return float(text)


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), RETRY_AFTER_S_MAX)


def _until(moment: str, now: str) -> float | None:
    try:
        return (parsedate_to_datetime(moment) - parsedate_to_datetime(now)).total_seconds()
    except (ValueError, TypeError):
        return None


def _retry_info(body: bytes) -> float | None:
    details = (error_of(body) or {}).get("details")
    if not isinstance(details, list):
        return None
    for detail in cast("list[object]", details):
        delay = cast("Fields", detail).get("retryDelay") if isinstance(detail, dict) else None
        if isinstance(delay, str) and delay.endswith("s"):
            return _number(delay[:-1])
    return None
