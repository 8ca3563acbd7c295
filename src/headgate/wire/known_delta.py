"""Events that are like one before but for their text: told apart by comparing, without reading them again.

An answer is hundreds of events that differ in one string, and reading their JSON is most of what a stream
costs. Never guesses: what differs in anything else is for the dialect's reader. Pure. Read next:
`wire.event_reader`, which asks this first.
"""

import re
from typing import Final, Self

# What may stand between the quotes of a JSON string (RFC 8259, section 7).
_TEXT: Final = re.compile(rb'(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))+').fullmatch


class KnownDelta:
    """One event and what is relayed of it, each cut around the one string in which the next may differ."""

    __slots__ = ("_end", "_head", "_is_whole", "_sent_head", "_sent_tail", "_start", "_tail")

    def __init__(self, event: tuple[bytes, bytes], sent: tuple[bytes, bytes]) -> None:
        self._head, self._tail = event
        self._sent_head, self._sent_tail = sent
        self._is_whole = event == sent
        self._start, self._end = len(self._head), -len(self._tail)

    @classmethod
    def of(cls, event: bytes, sent: bytes, raw: bytes) -> Self | None:
        """Know an event by the JSON string `raw` in it; None where that stands in it more than once."""
        before = _around(event, raw)
        after = before if sent is event else _around(sent, raw)
        return None if before is None or after is None else cls(before, after)

    def text_of(self, event: bytes) -> bytes | None:
        """Return the text of an event that is like this one, as JSON writes it; None for any other."""
        if not event.startswith(self._head) or not event.endswith(self._tail):
            return None
        text = event[self._start : self._end]  # empty where head and tail overlap, and then no text
        return text if _TEXT(text) else None

    def relayed(self, event: bytes, text: bytes) -> bytes:
        """Return what is relayed of an event that is like this one."""
        return event if self._is_whole else self._sent_head + text + self._sent_tail


def _around(event: bytes, raw: bytes) -> tuple[bytes, bytes] | None:
    at = event.find(raw)
    if at < 0 or event.find(raw, at + 1) >= 0:
        return None
    return event[: at + 1], event[at + len(raw) - 1 :]
