"""Why an answer ends, in OpenAI's words and those of its families, both ways (traps 20 to 23). Pure.

OpenAI has five words; what they don't tell is carried in `native_finish_reason`, as OpenRouter has it. Read
next: `answers`, `streams_in`, `streams_out`.
"""

from typing import Final

from headgate.core.chat import Fields, Finish, FinishReason

_READ: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "context_window",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "refusal": "refusal",
    "error": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
    "abort": "error",
}
_WRITTEN: Final[dict[FinishReason, str]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "length",
    "context_window": "length",
    "error": "content_filter",
}
"""What is no end must not look like one: a pause is an answer that was cut."""


def read_reason(word: str, *, calls: bool, refuses: bool) -> Finish:
    """Read a finish reason, for what the answer holds: some say `stop` when they call a tool (trap 20)."""
    reason = _READ.get(word.lower(), "stop")
    if reason == "stop" and calls:
        reason = "tool_calls"
    elif reason == "stop" and refuses:
        reason = "refusal"
    return Finish(reason=reason, native=word)


def write_reason(finish: Finish, *, calls: bool, refuses: bool, is_own: bool) -> Fields:
    """Write a finish reason as members of a choice."""
    if is_own:
        return {"finish_reason": finish.native or _WRITTEN[finish.reason]}
    word = _WRITTEN[finish.reason]
    if finish.reason == "refusal" and refuses:
        word = "stop"  # the refusal itself says the rest
    elif finish.reason == "stop" and calls:
        word = "tool_calls"
    fields: Fields = {"finish_reason": word}
    if finish.native and finish.native != word:
        fields["native_finish_reason"] = finish.native
    if finish.sequence is not None:
        fields["stop_reason"] = finish.sequence
    return fields
