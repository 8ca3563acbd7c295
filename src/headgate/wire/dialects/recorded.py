"""The answer that a recorded body holds, whichever way it was sent. Pure.

Read next: `wire.dialects.folding`.
"""

from typing import cast

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer
from headgate.core.faults import Fault
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.registry import codec_of


def read_recorded(dialect: str, response: bytes, content_type: str) -> ChatAnswer | None:
    """Return what was answered: whole, or as events, or as the one array in which Google's clients stream.

    None for what is no chat, an error, a stream that never began, and a body that was not kept whole.
    """
    codec = codec_of(cast("AnyDialect", dialect))
    if codec is None:
        return None
    try:
        if "event-stream" in content_type or response.lstrip()[:1] == b"[":
            events = codec.events_in()
            return fold([*events.feed(response), *events.end()])
        return codec.read_answer(response)
    except (Fault, ValueError):
        return None
