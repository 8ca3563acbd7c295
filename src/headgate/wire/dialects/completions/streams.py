"""A stream of text completions, as one of OpenAI's chat whose deltas are texts. Sans-I/O.

Any chunking of the same bytes gives the same events. Read next: `wire.dialects.openai_chat.streams_in`.
"""

from typing import cast

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import Fields
from headgate.core.events import Began, Ended, Event, Finished, NativeEvent, UsageSeen
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.completions.bodies import OWN, named
from headgate.wire.dialects.fields import decode, objects_in
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_chat.codec import CODEC as CHAT
from headgate.wire.dialects.openai_chat.spelling import OWN as CHAT_DIALECT
from headgate.wire.dialects.stream_reading import StreamReading
from headgate.wire.sse import EventSplitter, data_of

_encode = msgspec.json.Encoder().encode


class StreamReader(StreamReading):
    """Reads one stream."""

    __slots__ = ("_chat", "_splitter")

    def __init__(self) -> None:
        super().__init__()
        self._splitter = EventSplitter()
        self._chat = CHAT.events_in()

    def _feed(self, data: bytes, events: list[Event]) -> None:
        for piece in self._splitter.feed(data):
            events += _named(self._chat.feed(_as_chat(piece)), OWN)

    def _end(self, events: list[Event]) -> None:
        """What no blank line had ended counts, if it is whole: the chat's reader says."""
        rest = self._splitter.rest()
        if rest:
            events += _named(self._chat.feed(_as_chat(rest)), OWN)
        events += _named(self._chat.end(), OWN)


def _named(events: list[Event], dialect: AnyDialect) -> list[Event]:
    """The same events under another dialect's name."""
    return [_event_named(event, dialect) for event in events]


def _event_named(event: Event, dialect: AnyDialect) -> Event:
    match event:
        case Began():
            return msgspec.structs.replace(event, dialect=dialect, native=named(event.native, dialect))
        case NativeEvent():
            return msgspec.structs.replace(event, dialect=dialect)
        case Finished() | UsageSeen() | Ended():
            return msgspec.structs.replace(event, native=named(event.native, dialect))
        case _:
            return event


def _fields_of(piece: bytes) -> Fields | None:
    try:
        value = decode(data_of(piece))
    except ValueError:
        return None
    return cast("Fields", value) if isinstance(value, dict) else None


def _as_chat(piece: bytes) -> bytes:
    """An event as a chunk of chat; what is no completion's is left to the reader of chats."""
    fields = _fields_of(piece)
    choices = objects_in(fields.get("choices")) if fields is not None else None
    if fields is None or not choices:
        return piece
    deltas = [
        {**{name: value for name, value in choice.items() if name != "text"}, "delta": _delta(choice)}
        for choice in choices
    ]
    try:
        return b"data: %b\n\n" % _encode({**fields, "choices": deltas})
    except RecursionError:
        raise UpstreamError("the provider's stream can't be read: a chunk is nested too deeply") from None


def _delta(choice: Fields) -> Fields:
    text = choice.get("text")
    return {"content": text} if isinstance(text, str) else {}


class StreamWriter:
    """Writes one stream that was read from this dialect."""

    __slots__ = ("_chat",)

    def __init__(self, asked: Asked, changes: Changes) -> None:
        self._chat = CHAT.events_out(asked, changes)

    def write(self, event: Event) -> bytes:
        """Return the bytes that say an event, maybe none. Raises UpstreamError for one nested too deeply."""
        said = self._chat.write(_event_named(event, CHAT_DIALECT))
        return b"".join([_as_text(piece) for piece in said.split(b"\n\n") if piece])


def _as_text(piece: bytes) -> bytes:
    fields = _fields_of(piece + b"\n\n")
    choices = objects_in(fields.get("choices")) if fields is not None else None
    if fields is None or choices is None:
        return piece + b"\n\n"
    for choice in choices:
        delta = choice.pop("delta", None)
        choice["text"] = cast("Fields", delta).get("content", "") if isinstance(delta, dict) else ""
    return b"data: %b\n\n" % _encode({**fields, "object": "text_completion"})
