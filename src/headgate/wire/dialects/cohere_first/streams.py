"""A stream of Cohere's chat, version 1: one JSON object a line, of which the last holds the whole answer.

Sans-I/O; any chunking of the same bytes gives the same events. Read next: `bodies`.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import Fields, Native, Text
from headgate.core.events import (
    Began,
    Broke,
    Ended,
    Event,
    Finished,
    NativeEvent,
    PartBegan,
    PartEnded,
    TextDelta,
    UsageSeen,
)
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.cohere_first.bodies import OWN, meta_in, take_finish
from headgate.wire.dialects.fields import Taking, decode
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.stream_reading import StreamReading
from headgate.wire.sse import EVENT_BYTES_MAX
from headgate.wire.usage import usage_of

START: Final = "stream-start"
TEXT: Final = "text-generation"
END: Final = "stream-end"
KIND: Final = "event_type"

_encode = msgspec.json.Encoder().encode


class StreamReader(StreamReading):
    """Reads one stream."""

    __slots__ = ("_held", "_is_begun", "_is_over", "_is_speaking", "_texts")

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()
        self._is_begun = False
        self._is_speaking = False
        self._is_over = False
        self._texts: list[str] = []

    def _feed(self, data: bytes, events: list[Event]) -> None:
        self._held += data
        *lines, rest = self._held.split(b"\n")
        self._held = rest
        for line in lines:
            self._take(bytes(line), events)
        if len(rest) > EVENT_BYTES_MAX:
            raise UpstreamError(f"an event of the stream is larger than {EVENT_BYTES_MAX} bytes")

    def _end(self, events: list[Event]) -> None:
        """What no line end had ended counts, if it is whole."""
        rest = bytes(self._held)
        self._held.clear()
        try:
            decode(rest)
        except ValueError:
            return  # cut in the middle of an event
        self._take(rest, events)

    def _take(self, line: bytes, events: list[Event]) -> None:
        if self._is_over or not line.strip():
            return
        try:
            value = decode(line)
        except ValueError as error:
            raise UpstreamError(f"the provider's stream can't be read: {error}") from None
        fields = cast("Fields", value) if isinstance(value, dict) else {}
        kind = fields.get(KIND)
        if not self._is_begun:
            self._is_begun = True
            beside = _beside(fields) if kind == START else {}
            native = Native(dialect=OWN, fields=beside) if beside else None
            events.append(Began(dialect=OWN, native=native))
        text = fields.get("text")
        if kind == TEXT and isinstance(text, str):
            self._speak(text, events)
        elif kind == END:
            self._end_stream(fields, events)
        elif not isinstance(kind, str):
            self._is_over = True
            message = fields.get("message")
            events.append(Broke(message=message if isinstance(message, str) else "unnamed error"))
        elif kind != START:
            events.append(NativeEvent(dialect=OWN, kind=kind, value=fields))

    def _speak(self, text: str, events: list[Event]) -> None:
        if not self._is_speaking:
            self._is_speaking = True
            events.append(PartBegan(number=0, part=Text(text="")))
        if text:
            self._texts.append(text)
            events.append(TextDelta(number=0, text=text))

    def _end_stream(self, fields: Fields, events: list[Event]) -> None:
        self._is_over = True
        response = fields.get("response")
        taking = Taking(cast("Fields", response) if isinstance(response, dict) else {})
        whole = taking.left.get("text")
        if whole is not None and whole == "".join(self._texts):
            self._speak("", events)
            del taking.left["text"]
        if self._is_speaking:
            events.append(PartEnded(number=0))
        # The event's own word means the same as the answer's: with calls in the answer, it ends for them.
        finish = take_finish(taking) or take_finish(
            Taking({**taking.left, "finish_reason": fields.get("finish_reason")})
        )
        if finish is not None:
            events.append(Finished(finish=finish))
        meta = meta_in(taking.left)
        if meta is not None:
            events.append(
                UsageSeen(
                    usage=usage_of(OWN, "chat", meta), native=Native(dialect=OWN, fields={"meta": meta})
                )
            )
        events.append(Ended(native=Native(dialect=OWN, fields=taking.left) if taking.left else None))


def _beside(fields: Fields) -> Fields:
    """What the first event says beside its kind."""
    return {name: value for name, value in fields.items() if name not in (KIND, "is_finished")}


class StreamWriter:
    """Writes one stream that was read from this dialect."""

    __slots__ = ("_finish", "_texts")

    def __init__(self, asked: Asked, changes: Changes) -> None:
        del asked, changes  # what was read is written as it came
        self._texts: list[str] = []
        self._finish = ""

    def write(self, event: Event) -> bytes:
        """Return the bytes that say an event, maybe none. Raises UpstreamError for one nested too deep."""
        try:
            return self._said(event)
        except RecursionError:
            raise UpstreamError("the provider's stream is nested too deep") from None

    def _said(self, event: Event) -> bytes:
        match event:
            case Began():
                return _line(START, event.native.fields if event.native is not None else {})
            case TextDelta():
                self._texts.append(event.text)
                return _line(TEXT, {"text": event.text})
            case Finished():
                self._finish = event.finish.native
                return b""
            case NativeEvent():
                return _encode(event.value) + b"\n"
            case Broke():
                return _encode({"message": event.message}) + b"\n"
            case Ended():
                response: Fields = {"text": "".join(self._texts)}
                named: Fields = {"finish_reason": self._finish} if self._finish else {}
                left = event.native.fields if event.native is not None else {}
                return _line(END, {"response": {**response, **named, **left}, **named}, is_finished=True)
            case _:
                return b""


def _line(kind: str, fields: Fields, *, is_finished: bool = False) -> bytes:
    return _encode({"is_finished": is_finished, KIND: kind, **fields}) + b"\n"
