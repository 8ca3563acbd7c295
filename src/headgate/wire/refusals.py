"""A provider's refusal of a request, told to a caller who speaks another dialect.

Status and message stay; type and code become those of the caller's dialect. The two refusals that programs
look for (a conversation too long, content against a policy) are recognised by their words in every dialect.
Whose fault an error is says `wire.answers.classify`. Read next: `wire.errors`.
"""

from typing import Final, Literal

from headgate.core.call import AnyDialect, Dialect
from headgate.wire.answers import provider_message
from headgate.wire.errors import Said, written

Reason = Literal["context", "policy", "other"]

_CONTEXT: Final = (
    "context_length_exceeded",
    "context length",
    "context window",
    "prompt is too long",
    "input is too long",
    "input token count",
    "too many tokens",
    "too large for model",
    "reduce the length of the messages",
    "exceeds the maximum number of tokens",
    "exceed_context_size",
)
_POLICY: Final = (
    "content_policy_violation",
    "content_filter",
    "content filter",
    "content management policy",
    "responsibleaipolicyviolation",
    "moderation_blocked",
    "invalid_prompt",
    "usage policies",
    "usage policy",
    "guardrail_intervened",
    "violates our policies",
)
"""Sources (2026-11-21): the error references of the providers of each dialect; recorded answers."""

_CODES: Final[dict[Reason, str]] = {
    "context": "context_length_exceeded",
    "policy": "content_policy_violation",
    "other": "upstream_refused",
}
_LEADS: Final[dict[Dialect, dict[Reason, str]]] = {"anthropic": {"context": "prompt is too long: "}}
"""Words that a dialect's clients look for at the beginning of a message."""


def reason_of(body: bytes) -> Reason:
    """Why a provider refuses a request, from the words of its error."""
    words = body[:4096].decode("utf-8", "replace").lower()
    if any(one in words for one in _CONTEXT):
        return "context"
    return "policy" if any(one in words for one in _POLICY) else "other"


def refusal(
    own: Dialect,
    other: AnyDialect,
    status: int,
    body: bytes,
    *,
    request_id: str,
    provider_request_id: str = "",
) -> bytes:
    """Write a provider's refusal, in its dialect `other`, as the error that a caller of `own` expects."""
    reason = reason_of(body)
    lead = _LEADS.get(own, {}).get(reason, "")
    said = provider_message(other, body) or "the provider gave no reason"
    if said.lower().startswith(lead.strip()):
        lead = ""
    ids = f"request {request_id}"
    if provider_request_id:
        ids += f", the provider's own {provider_request_id}"
    told = Said(status=status, code=_CODES[reason], message=f"{lead}{said} ({ids})", request_id=request_id)
    return written(own, told)
