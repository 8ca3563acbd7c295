"""A provider's refusal of a request: why it refuses, and how a caller who speaks another dialect is told.

Status and message stay; type and code become those of the caller's dialect. The two reasons that programs and
routing look for (a conversation too long, content against a policy) are recognised by names and words.
Whose fault an error is otherwise says `wire.answers.classify`. Read next: `wire.declining` (refusals that are
answers), `wire.errors`.
"""

from typing import Final, Literal, cast

import msgspec

from headgate.core.call import AnyDialect, Dialect
from headgate.wire.answers import MESSAGE_LENGTH_MAX, error_of, provider_message, words_of
from headgate.wire.errors import Said, written

Reason = Literal["context", "policy", "other"]

_CONTEXT: Final = (
    "context_length_exceeded",  # OpenAI, Azure, Groq, Cerebras, xAI: the code
    "exceed_context_size",  # llama.cpp: the type
    "context length",  # OpenAI, vLLM, SGLang, OpenRouter, DeepSeek, Mistral, Fireworks
    "context window",  # OpenAI's Responses, MiniMax
    "context size",  # llama.cpp
    "exceed context limit",  # Anthropic: input and max_tokens together
    "prompt is too long",  # Anthropic, Fireworks
    "input is too long",  # Bedrock
    "input tokens exceeded",  # Amazon Nova
    "too many input tokens",  # Amazon Titan
    "input token count",  # Google
    "exceeds the maximum number of tokens",  # Google
    "maximum prompt length",  # xAI
    "maximum model length",  # vLLM
    "too many tokens",  # Cohere
    "too large for model with",  # Mistral
    "reduce the length of the messages",  # Groq, Cerebras
    "exceeded model token limit",  # Moonshot
    "range of input length should be",  # Alibaba
    "inputs` tokens + `max_new_tokens` must be",  # TGI, Together
    "inputs` must have less than",  # TGI
)
_POLICY: Final = (
    "content_policy",  # OpenAI's images, Headgate itself
    "content_filter",  # Azure, Moonshot: the code
    "content filter",  # Azure, Amazon Titan
    "content filtering policy",  # Anthropic
    "content management policy",  # Azure
    "responsibleaipolicyviolation",  # Azure: the inner code
    "responsible ai p",  # Google's images (practices), Amazon (policy)
    "moderation_blocked",  # OpenAI's images
    "requires moderation",  # OpenRouter
    "invalid_prompt",  # OpenAI: the code
    "usage policies",
    "usage policy",  # OpenAI
    "usage guidelines",  # xAI
    "guardrail_intervened",  # Bedrock
    "prohibited_content",  # Google
    "violates our policies",
    "content exists risk",  # DeepSeek
    "considered high risk",  # Moonshot
    "data_inspection_failed",  # Alibaba
    "datainspectionfailed",
)
"""Sources (2026-11-21): the error references of the providers that are named; recorded answers; public issues
of clients (xAI's 403: theopenco/llmgateway #1785)."""

_CONTEXT_STATUSES: Final = frozenset({400, 413, 422})
_POLICY_STATUSES: Final = frozenset({400, 403, 422, 451})
"""xAI and OpenRouter refuse content with 403, which otherwise speaks of a key."""

_NAMES: Final[dict[Reason, str]] = {
    "context": "context_length_exceeded",
    "policy": "content_policy_violation",
    "other": "upstream_refused",
}
_LEADS: Final[dict[Dialect, dict[Reason, str]]] = {"anthropic": {"context": "prompt is too long: "}}
"""Words that a dialect's clients look for at the beginning of a message."""


def reason_of(status: int, body: bytes) -> Reason:
    """Why a provider refuses a request, from the status, the names and the words of its error."""
    if not 400 <= status < 500:
        return "other"
    reason = reason_in(f"{words_of(body)} {_inner_words(body)}")
    if reason == "other":
        return "other"
    taken = _CONTEXT_STATUSES if reason == "context" else _POLICY_STATUSES
    return reason if status in taken else "other"


def reason_in(words: str) -> Reason:
    """Why a provider refuses a request, from what it says alone: the message of an error in a stream."""
    words = words.lower()
    if any(one in words for one in _CONTEXT):
        return "context"
    return "policy" if any(one in words for one in _POLICY) else "other"


def _inner_words(body: bytes) -> str:
    """What stands deeper in an error: Azure's inner code, and what OpenRouter was told by whom it asked."""
    error = error_of(body) or {}
    found: list[object] = []
    for name, member in (("innererror", "code"), ("metadata", "raw")):
        inner = error.get(name)
        if isinstance(inner, dict):
            found.append(cast("dict[str, object]", inner).get(member))
    detail = error.get("detail")
    found.append(detail if isinstance(detail, str) else None)
    texts = [one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in found if one]
    return " ".join(text[:MESSAGE_LENGTH_MAX] for text in texts)


def name_of(reason: Reason) -> str:
    """The name of a refusal, as errors and records have it."""
    return _NAMES[reason]


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
    said = provider_message(other, body)
    return told_refusal(
        own,
        status,
        reason_of(status, body),
        said,
        request_id=request_id,
        provider_request_id=provider_request_id,
    )


def told_refusal(
    own: Dialect, status: int, reason: Reason, said: str, *, request_id: str, provider_request_id: str = ""
) -> bytes:
    """The same for a refusal of which the provider's message alone is known."""
    said = said or "the provider gave no reason"
    lead = _LEADS.get(own, {}).get(reason, "")
    if said.lower().startswith(lead.strip()):
        lead = ""
    ids = f"request {request_id}"
    if provider_request_id:
        ids += f", the provider's own {provider_request_id}"
    told = Said(status=status, code=_NAMES[reason], message=f"{lead}{said} ({ids})", request_id=request_id)
    return written(own, told)
