"""A stream of Cohere's chat, read into events. Sans-I/O; any chunking of the same bytes gives the same.

Parsed by the rules of server-sent events (`wire.sse`). `message-end` ends an answer; what comes after it says
nothing. A text stays open until something else begins, as its citations may follow it. An event that is no
JSON is told by the next call after what came before it. Read next: `streams_out`.
"""

import contextlib
from typing import Final, cast

from headgate.core.chat import Fields, Native, NativePart, Part, Reasoning, Text, ToolCall
from headgate.core.events import (
    ArgumentsDelta,
    Began,
    Broke,
    CitationDelta,
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
from headgate.wire.dialects.cohere.answers import usage_in
from headgate.wire.dialects.cohere.parts_in import OWN, PLAN, plan_of, read_citation, read_part
from headgate.wire.dialects.cohere.reasons import finish_of
from headgate.wire.dialects.fields import decode
from headgate.wire.dialects.stream_reading import StreamReading
from headgate.wire.event_reader import ERROR_LENGTH_MAX
from headgate.wire.sse import EventSplitter, data_of

_OF_EVENTS: Final = frozenset({"type", "index", "delta", "id"})
_OF_END: Final = frozenset({"finish_reason", "usage", "error"})


class StreamReader(StreamReading):
    """Reads one stream."""

    __slots__ = (
        "_content",
        "_has_calls",
        "_is_begun",
        "_is_over",
        "_logprobs",
        "_number",
        "_open",
        "_plan",
        "_splitter",
        "_tools",
    )

    def __init__(self) -> None:
        super().__init__()
        self._splitter = EventSplitter()
        self._is_begun = False
        self._is_over = False
        self._has_calls = False
        self._number = 0
        self._plan: int | None = None
        self._content: dict[int, tuple[int, str]] = {}
        """Parts of the content by their index: their number, and the member that they grow by."""
        self._tools: dict[int, int] = {}
        self._open: list[int] = []
        """Texts, reasoning and plans that have not ended."""
        self._logprobs: list[object] = []

    def _feed(self, data: bytes, events: list[Event]) -> None:
        for piece in self._splitter.feed(data):
            self._take(data_of(piece).strip(), events)

    def _end(self, events: list[Event]) -> None:
        """What no blank line had ended counts, if it is whole."""
        rest = self._splitter.rest()
        if rest:
            with contextlib.suppress(UpstreamError):  # cut in the middle of an event
                self._take(data_of(rest).strip(), events)

    def _take(self, data: bytes, events: list[Event]) -> None:
        if self._is_over or not data or data == b"[DONE]":
            return
        try:
            value = decode(data)
        except ValueError as error:
            raise UpstreamError(f"the provider's stream can't be read: {error}") from None
        if not isinstance(value, dict):
            raise UpstreamError("the provider's stream can't be read: an event is no JSON object")
        fields = cast("Fields", value)
        kind = fields.get("type")
        held = fields.get("delta")
        delta = cast("Fields", held) if isinstance(held, dict) else {}
        said = delta.get("message")
        message = cast("Fields", said) if isinstance(said, dict) else {}
        if not isinstance(kind, str):
            self._break(fields.get("message", fields.get("error")), events)
            return
        self._begin(fields, events)
        self._event(kind, fields, delta, message, events)

    def _event(self, kind: str, fields: Fields, delta: Fields, message: Fields, events: list[Event]) -> None:
        index = fields.get("index")
        place = index if type(index) is int else 0
        match kind:
            case "message-start" | "citation-end":
                return
            case "content-start" | "content-delta":
                self._keep_logprobs(fields)
                self._grow(kind, place, message.get("content"), events)
            case "content-end":
                return
            case "tool-plan-delta":
                self._grow_plan(message.get(PLAN), events)
            case "tool-call-start" | "tool-call-delta":
                self._call(kind, place, message.get("tool_calls"), events)
            case "tool-call-end":
                number = self._tools.pop(place, None)
                if number is not None:
                    events.append(PartEnded(number=number))
            case "citation-start":
                self._cite(message.get("citations"), events)
            case "message-end":
                self._end_message(fields, delta, events)
            case _:
                events.append(NativeEvent(dialect=OWN, kind=kind, value=fields))

    def _begin(self, fields: Fields, events: list[Event]) -> None:
        if self._is_begun:
            return
        self._is_begun = True
        identifier = fields.get("id") if fields.get("type") == "message-start" else None
        events.append(Began(dialect=OWN, id=identifier if isinstance(identifier, str) else ""))

    def _new(self, part: Part, events: list[Event]) -> int:
        self._number += 1
        events.append(PartBegan(number=self._number - 1, part=part))
        return self._number - 1

    def _close(self, events: list[Event]) -> None:
        events.extend(PartEnded(number=number) for number in self._open)
        self._open.clear()

    def _grow(self, kind: str, place: int, held: object, events: list[Event]) -> None:
        """A part of the content, or more of it; one that nothing has begun begins with what is said."""
        if not isinstance(held, dict):
            return
        content = cast("Fields", held)
        if kind == "content-start" or place not in self._content:
            self._close(events)
            member = "thinking" if content.get("type") == "thinking" or "thinking" in content else "text"
            named = content.get("type")
            if named is not None and named != "text" and named != "thinking":
                number = self._new(NativePart(dialect=OWN, kind=str(named)[:64], value=content), events)
                events.append(PartEnded(number=number))
                return
            first = read_part({**content, "type": member, member: ""})
            if not isinstance(first, Text | Reasoning):
                first = Text(text="")
            number = self._new(first, events)
            self._content[place] = (number, member)
            self._open.append(number)
        number, member = self._content[place]
        text = content.get(member)
        if isinstance(text, str) and text and number in self._open:
            events.append(TextDelta(number=number, text=text))

    def _grow_plan(self, text: object, events: list[Event]) -> None:
        if not isinstance(text, str) or not text:
            return
        if self._plan is None or self._plan not in self._open:
            self._close(events)
            self._plan = self._new(plan_of(""), events)
            self._open.append(self._plan)
        events.append(TextDelta(number=self._plan, text=text))

    def _call(self, kind: str, place: int, held: object, events: list[Event]) -> None:
        if not isinstance(held, dict):
            return
        entry = dict(cast("Fields", held))
        inner = entry.get("function")
        function = dict(cast("Fields", inner)) if isinstance(inner, dict) else {}
        arguments = function.pop("arguments", None)
        if kind == "tool-call-start" or place not in self._tools:
            self._close(events)
            earlier = self._tools.pop(place, None)
            if earlier is not None:
                events.append(PartEnded(number=earlier))
            self._has_calls = True
            self._tools[place] = self._new(_called(entry, function), events)
        if isinstance(arguments, str) and arguments:
            events.append(ArgumentsDelta(number=self._tools[place], json=arguments))

    def _cite(self, held: object, events: list[Event]) -> None:
        """A citation, of the text that it names or of the last; one of no text is kept for the end."""
        if not isinstance(held, dict):
            return
        entry = cast("Fields", held)
        named = entry.get("content_index")
        texts = [number for number, member in self._content.values() if member == "text"]
        found = self._content.get(named, (-1, ""))[0] if type(named) is int else texts[-1] if texts else -1
        if found in self._open and found in texts:
            events.append(CitationDelta(number=found, citation=read_citation(entry)))
        else:
            events.append(NativeEvent(dialect=OWN, kind="citation-start", value={"citations": entry}))

    def _keep_logprobs(self, fields: Fields) -> None:
        if isinstance(fields.get("logprobs"), dict):
            self._logprobs.append(fields["logprobs"])

    def _end_message(self, fields: Fields, delta: Fields, events: list[Event]) -> None:
        self._close(events)
        events.extend(PartEnded(number=number) for number in self._tools.values())
        self._tools.clear()
        error = delta.get("error")
        if isinstance(error, str) and error:
            self._break(error, events)
            return
        self._is_over = True
        word = delta.get("finish_reason")
        if isinstance(word, str) and word:
            events.append(Finished(finish=finish_of(word, has_calls=self._has_calls)))
        usage = usage_in(delta)
        if usage is not None:
            events.append(
                UsageSeen(usage=usage, native=Native(dialect=OWN, fields={"usage": delta["usage"]}))
            )
        late = {name: value for name, value in delta.items() if name not in _OF_END and value is not None}
        late |= {name: value for name, value in fields.items() if name not in _OF_EVENTS}
        if self._logprobs:
            late["logprobs"] = list(self._logprobs)
        events.append(Ended(native=Native(dialect=OWN, fields=late) if late else None))

    def _break(self, error: object, events: list[Event]) -> None:
        self._is_over = True
        self._begin({}, events)
        message = error if isinstance(error, str) and error else "unnamed error"
        events.append(Broke(message=message[:ERROR_LENGTH_MAX], kind="ERROR"))


def _called(entry: Fields, function: Fields) -> ToolCall:
    """A call as it begins, without its arguments."""
    entry.pop("type", None)
    entry.pop("function", None)
    identifier, name = entry.pop("id", None), function.pop("name", None)
    if function:
        entry["function"] = function
    return ToolCall(
        id=identifier if isinstance(identifier, str) else "",
        name=name if isinstance(name, str) else "",
        arguments="",
        native=Native(dialect=OWN, fields=entry) if entry else None,
    )
