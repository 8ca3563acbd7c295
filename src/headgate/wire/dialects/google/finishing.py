"""Why an answer of Google's ends, and what it used, both ways.

Google says `STOP` when it calls a function too (trap 20), and says nothing but `promptFeedback` where it
refuses the prompt (22). Pure. Source: Gemini API reference, `FinishReason`, `BlockedReason`, `UsageMetadata`.
"""

from typing import Final, cast

from headgate.core.call import Usage
from headgate.core.chat import Fields, Finish, FinishReason

_REASONS: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "CONTINUATION": "pause",
}
"""Every other reason (a malformed or unexpected call, a missing signature, no image) is an error."""

_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "pause": "OTHER",
    "context_window": "MAX_TOKENS",
    "error": "OTHER",
}
_SAYS_LESS: Final[frozenset[FinishReason]] = frozenset({"refusal", "pause", "context_window", "error"})
"""Reasons for which Google has no word of their own."""


def finish_of(word: str, *, has_calls: bool) -> Finish:
    """Why a candidate ends; `has_calls` where it calls functions."""
    reason = _REASONS.get(word, "error")
    if reason == "stop" and has_calls:
        reason = "tool_calls"
    return Finish(reason=reason, native=word)


def blocked(fields: Fields) -> Finish | None:
    """Why the prompt itself was refused, from the whole answer; None where it was not."""
    feedback = fields.get("promptFeedback")
    if not isinstance(feedback, dict):
        return None
    word = cast("Fields", feedback).get("blockReason")
    return Finish(reason="content_filter", native=word) if isinstance(word, str) and word else None


def put_finish(fields: Fields, finish: Finish, *, is_own: bool) -> None:
    """Write why a candidate ends; where Google has no such word, the native one stands in the message."""
    if is_own:
        fields["finishReason"] = finish.native
        return
    fields["finishReason"] = _WORDS[finish.reason]
    if finish.reason in _SAYS_LESS:
        said = f" ({finish.native})" if finish.native and finish.native != finish.reason else ""
        fields.setdefault("finishMessage", f"{finish.reason}{said}")
    elif finish.sequence is not None:
        fields.setdefault("finishMessage", f"met the stop sequence {finish.sequence!r}")


def put_unnamed(fields: Fields) -> None:
    """Write that a candidate has ended whose provider said so, and not why."""
    fields["finishReason"] = "STOP"
    fields["finishMessage"] = "the provider named no reason"


def usage_fields(usage: Usage) -> Fields:
    """A usageMetadata of usage that another dialect told.

    `candidatesTokenCount` holds no reasoning (trap 2), `promptTokenCount` all that went in, cached or not.
    """
    cached = usage.cache_read + usage.cache_read_audio
    made = usage.output + usage.output_audio + usage.output_image
    fields: Fields = {"promptTokenCount": usage.total_input, "candidatesTokenCount": made}
    if usage.reasoning:
        fields["thoughtsTokenCount"] = usage.reasoning
    fields["totalTokenCount"] = usage.total
    if cached:
        fields["cachedContentTokenCount"] = cached
    if usage.cache_read_audio:
        fields["cacheTokensDetails"] = _details(cached, {"AUDIO": usage.cache_read_audio})
    heard = {"AUDIO": usage.input_audio + usage.cache_read_audio, "IMAGE": usage.input_image}
    if any(heard.values()):
        fields["promptTokensDetails"] = _details(usage.total_input, heard)
    spoken = {"AUDIO": usage.output_audio, "IMAGE": usage.output_image}
    if any(spoken.values()):
        fields["candidatesTokensDetails"] = _details(made, spoken)
    return fields


def _details(total: int, parts: dict[str, int]) -> list[Fields]:
    rows = {"TEXT": total - sum(parts.values()), **parts}
    return [{"modality": name, "tokenCount": count} for name, count in rows.items() if count]
