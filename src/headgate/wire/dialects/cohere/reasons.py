"""Why an answer of Cohere's ends, both ways. Pure data and two functions.

Source: Cohere API reference (chat, versions 1 and 2). Read next: `answers`, `streams_in`.
"""

from typing import Final

from headgate.core.chat import Finish, FinishReason

_REASONS: Final[dict[str, FinishReason]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
    "ERROR_TOXIC": "content_filter",
    "ERROR_LIMIT": "context_window",
    "USER_CANCEL": "error",
}
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "content_filter": "ERROR",
    "refusal": "ERROR",
    "pause": "MAX_TOKENS",
    "context_window": "MAX_TOKENS",
    "error": "ERROR",
}
"""What is no end must not look like one."""


def finish_of(word: str, *, has_calls: bool) -> Finish:
    """Read a finish reason; an unknown word is no failure of an answer that came whole."""
    reason = _REASONS.get(word, "stop")
    return Finish(reason="tool_calls" if reason == "stop" and has_calls else reason, native=word)


def word_of(finish: Finish, *, is_own: bool) -> str:
    """Cohere's word for why an answer ends."""
    if is_own and finish.native:
        return finish.native
    return "STOP_SEQUENCE" if finish.sequence is not None else _WORDS[finish.reason]
