"""Why an answer of Bedrock ends, both ways. Pure data and two functions.

Source: the Converse API's StopReason; models may say more than it lists, such as `refusal`.
"""

from typing import Final, cast

from headgate.core.chat import Fields, Finish, FinishReason

REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "model_context_window_exceeded": "context_window",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
    "refusal": "refusal",
    "pause_turn": "pause",
}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "content_filtered",
    "refusal": "refusal",
    "pause": "pause_turn",
    "context_window": "model_context_window_exceeded",
    "error": "malformed_model_output",
}
SEQUENCE: Final = "stop_sequence"
"""The member of `additionalModelResponseFields` that says which stop sequence was met."""


def finish_of(word: str, additional: object, *, has_calls: bool) -> Finish:
    """Read a stop reason. An unknown word is no failure of an answer that came whole: it stays beside `stop`.

    `additional`: the answer's `additionalModelResponseFields`. `has_calls`: it calls tools of the client.
    """
    reason = REASONS.get(word, "stop")
    if reason == "stop" and has_calls:
        reason = "tool_calls"
    met = cast("Fields", additional).get(SEQUENCE) if isinstance(additional, dict) else None
    sequence = met if word == SEQUENCE and isinstance(met, str) else None
    return Finish(reason=reason, native=word, sequence=sequence)


def word_of(finish: Finish, *, is_own: bool) -> tuple[str, Fields]:
    """Bedrock's word for why an answer ends, and what `additionalModelResponseFields` says beside it."""
    if is_own and finish.native:
        return finish.native, {}
    if finish.reason == "stop" and finish.sequence is not None:
        return SEQUENCE, {SEQUENCE: finish.sequence}
    return _WORDS[finish.reason], {}
