"""One choice of a stream of OpenAI's chat: its deltas become parts that begin, grow and end. Sans-I/O.

Text, refusal and reasoning end where something else begins; tool calls may grow side by side (traps 12 and
13), and one ends before its choice only where its arguments are whole. Read next: `streams_in`.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import (
    Citation,
    Fields,
    Media,
    Native,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from headgate.core.events import (
    ArgumentsDelta,
    CitationDelta,
    Event,
    Finished,
    NativeEvent,
    PartBegan,
    PartEnded,
    SealDelta,
    TextDelta,
)
from headgate.wire.dialects.fields import Taking, is_hollow, objects_in
from headgate.wire.dialects.openai_chat.parts_in import CALL_KIND, read_citation, read_image, read_part
from headgate.wire.dialects.openai_chat.reasoning import (
    FLAT,
    MEMBERS,
    THINKING,
    Shape,
    native_of,
    read_entry,
)
from headgate.wire.dialects.openai_chat.reasons import read_reason
from headgate.wire.dialects.openai_chat.spelling import OWN, encoded, take_signature

_NOTHING = -1
_CHOICE: Final = frozenset({"index", "delta", "finish_reason", "message", "text"})
_PIECES: Final = frozenset({"text", "summary", "data", "signature", "id"})
_FLAT_NATIVE: Final = {name: native_of(Shape((name,))) for name in FLAT}


class Numbers:
    """Numbers parts over a whole stream."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = 0

    def take(self) -> int:
        """The next number."""
        self._next += 1
        return self._next - 1


class _Tool:
    """A tool call while it grows. `number` is -1 until its name is known."""

    __slots__ = ("first", "id", "is_open", "number", "pieces")

    def __init__(self, first: Fields) -> None:
        self.first = first
        self.id = ""
        self.number = _NOTHING
        self.pieces: list[str] = []
        self.is_open = True

    def is_whole(self) -> bool:
        """Whether its arguments are an object that nothing can be added to."""
        text = "".join(self.pieces)
        if not text.rstrip().endswith("}"):
            return False
        try:
            return isinstance(msgspec.json.decode(text), dict)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return False


class ChoiceIn:
    """Reads the deltas of one choice."""

    __slots__ = (
        "_cited",
        "_index",
        "_is_calling",
        "_is_refusing",
        "_key",
        "_last_tool",
        "_length",
        "_logprobs",
        "_message",
        "_native",
        "_number",
        "_numbers",
        "_offset",
        "_tools",
        "is_finished",
    )

    def __init__(self, index: int, numbers: Numbers) -> None:
        self._index = index
        self._numbers = numbers
        self._key = ""
        self._number = _NOTHING
        self._length = 0
        self._offset = 0
        self._tools: dict[int | str, _Tool] = {}
        self._last_tool: _Tool | None = None
        self._is_calling = False
        self._is_refusing = False
        self._logprobs: dict[str, list[object]] = {}
        self._message: Fields = {}
        self._native: Fields = {}
        self._cited: list[tuple[Fields, Citation]] = []
        self.is_finished = False

    def take(self, choice: Fields, events: list[Event]) -> None:
        """Take one entry of a chunk's choices."""
        delta = choice.get("delta")
        if type(delta) is dict:
            self._delta(cast("Fields", delta), events)
        for name in choice:
            if name not in _CHOICE and choice[name] is not None:
                self._keep(choice, events)
                break
        word = choice.get("finish_reason")
        if word is not None and word and isinstance(word, str) and not self.is_finished:
            self._finish(word, events)

    def close(self, events: list[Event]) -> None:
        """End every part that is open."""
        self._close_text(events)
        for tool in self._tools.values():
            self._begin_tool(tool, events)
            if tool.is_open:
                tool.is_open = False
                events.append(PartEnded(number=tool.number))

    def _finish(self, word: str, events: list[Event]) -> None:
        self.close(events)
        self.is_finished = True
        fields = dict(self._native)
        if self._cited:
            self._message["annotations"] = [entry for entry, _ in self._cited]
        if self._logprobs:
            fields["logprobs"] = dict(self._logprobs)
        if self._message:
            fields["message"] = dict(self._message)
        finish = read_reason(word, calls=self._is_calling, refuses=self._is_refusing)
        native = Native(dialect=OWN, fields=fields) if fields else None
        events.append(Finished(finish=finish, candidate=self._index, native=native))

    def _keep(self, choice: Fields, events: list[Event]) -> None:
        """What a choice says that has no word: until its end, or after it as an event of its own."""
        late: Fields = {}
        for name, value in choice.items():
            if name == "logprobs" and type(value) is dict:
                self._keep_logprobs(cast("Fields", value))
            elif name not in _CHOICE and name != "logprobs" and not is_hollow(value):
                late[name] = value
        if not self.is_finished:
            self._native |= late
        elif late:
            value = {"index": self._index, **late}
            events.append(NativeEvent(dialect=OWN, kind="choice", value=value))

    def _keep_logprobs(self, logprobs: Fields) -> None:
        for name, value in logprobs.items():
            if isinstance(value, list) and value:
                self._logprobs.setdefault(name, []).extend(cast("list[object]", value))

    def _delta(self, delta: Fields, events: list[Event]) -> None:
        details = objects_in(delta["reasoning_details"]) if "reasoning_details" in delta else None
        told = self._details(details, delta, events) if details else False
        for name, value in delta.items():
            if name == "content":
                if type(value) is str:
                    if not value:
                        continue
                    if self._key != "text":
                        self._begin_text(events)
                    self._length += len(value)
                    events.append(TextDelta(number=self._number, text=value))
                elif value:
                    self._content(value, events)
            elif value is None or name == "role" or name == "reasoning_details":
                continue
            elif name == "tool_calls":
                for entry in objects_in(value) or ():
                    self._tool(entry, events)
            elif name in FLAT and isinstance(value, str):
                if value and not told:
                    self._grow(name, Reasoning(native=_FLAT_NATIVE[name]), value, events)
            elif not self._rarely(name, value, events) and not is_hollow(value):
                self._message[name] = value

    def _rarely(self, name: str, value: object, events: list[Event]) -> bool:
        """Members that few chunks have; return whether the member was read."""
        if name == "refusal" and isinstance(value, str):
            if value:
                self._is_refusing = True
                self._grow(name, Refusal(text=""), value, events)
            return True
        if name == "function_call" and isinstance(value, dict):
            self._legacy(cast("Fields", value), events)
            return True
        if name == "annotations":
            return self._annotations(value, events)
        if name == "images":
            for entry in objects_in(value) or ():
                self._whole(read_image(entry), events)
            return objects_in(value) is not None
        if name == "audio" and isinstance(value, dict):
            self._audio(Taking(cast("Fields", value)), events)
            return True
        if name == "extra_content" and self._key == "text":
            return self._sealed_text(value, events)
        return False

    def _begin_text(self, events: list[Event]) -> None:
        self._grow("text", Text(text=""), "", events)
        self._offset = self._length
        self._cite(events)

    def _grow(self, key: str, part: Part, text: str, events: list[Event]) -> None:
        """More of the open part, or of one that begins now and ends what was open."""
        if self._key != key:
            self._close_text(events)
            self._key = key
            self._number = self._numbers.take()
            events.append(PartBegan(number=self._number, part=part, candidate=self._index))
        if text:
            events.append(TextDelta(number=self._number, text=text))

    def _close_text(self, events: list[Event]) -> None:
        if self._key:
            events.append(PartEnded(number=self._number))
            self._key = ""
            self._number = _NOTHING

    def _whole(self, part: Part, events: list[Event]) -> None:
        """A part that comes in one."""
        self._close_text(events)
        number = self._numbers.take()
        events.append(PartBegan(number=number, part=part, candidate=self._index))
        events.append(PartEnded(number=number))

    def _content(self, value: object, events: list[Event]) -> None:
        """A list of contents, as Mistral streams one."""
        for entry in objects_in(value) or ():
            part = read_part(entry)
            match part:
                case Text(native=None, cache=None):
                    self._delta({"content": part.text}, events)
                case Reasoning():
                    native = Native(dialect=OWN, shape=THINKING)
                    self._grow(THINKING, Reasoning(native=native), part.text, events)
                case NativePart(kind="thinking"):
                    continue  # without a text it only says that thinking is over
                case _:
                    self._whole(part, events)

    def _details(self, entries: list[Fields], delta: Fields, events: list[Event]) -> bool:
        """Objects of `reasoning_details`; return whether they tell the flat text as well."""
        texts = ""
        for entry in entries:
            part, _ = read_entry(entry)
            texts += part.text
            kind, index = entry.get("type"), entry.get("index")
            place = index if type(index) is int else ""
            rest = {name: value for name, value in entry.items() if name not in _PIECES and name != "type"}
            flat = tuple(name for name in FLAT if part.text and delta.get(name) == part.text)
            native = native_of(Shape(flat, True, encoded(rest) if rest else ""))
            if not isinstance(kind, str) or kind not in MEMBERS:
                native = native_of(Shape((), True, encoded([entry])))
            begun = msgspec.structs.replace(part, text="", seal=None, native=native)
            key = f"{kind} {place}"
            self._grow(key, begun, part.text, events)
            if part.seal is not None:
                events.append(SealDelta(number=self._number, seal=part.seal))
        return bool(texts)

    def _annotations(self, value: object, events: list[Event]) -> bool:
        """Citations of the text that is open, or else of the next one (trap 46)."""
        entries = objects_in(value)
        if not entries:
            return False
        # Those that gather deltas put the place of an entry beside it.
        plain = [{name: said for name, said in entry.items() if name != "index"} for entry in entries]
        found = [citation for entry in plain if (citation := read_citation(entry)) is not None]
        if len(found) != len(entries):
            return False
        self._cited.extend(zip(plain, found, strict=True))
        if self._key == "text":
            self._cite(events)
        return True

    def _cite(self, events: list[Event]) -> None:
        """Citations by the open text's own characters."""
        for _, citation in self._cited:
            start = citation.start - self._offset if citation.start is not None else None
            end = citation.end - self._offset if citation.end is not None else None
            moved = msgspec.structs.replace(citation, start=start, end=end)
            events.append(CitationDelta(number=self._number, citation=moved))
        self._cited.clear()

    def _sealed_text(self, value: object, events: list[Event]) -> bool:
        seal = take_signature(Taking({"extra_content": value}))
        if seal is not None:
            events.append(SealDelta(number=self._number, seal=seal))
        return seal is not None

    def _audio(self, taking: Taking, events: list[Event]) -> None:
        """A piece of sound, with what of its words belongs to it."""
        data = taking.text("data")
        self._whole(Media(kind="audio", data=data or "", native=taking.native(OWN, "audio")), events)

    def _legacy(self, function: Fields, events: list[Event]) -> None:
        self._tool({"index": 0, "function": function}, events, shape="function_call")

    def _tool(self, entry: Fields, events: list[Event], shape: str = "") -> None:
        held = entry.get("function")
        if not isinstance(held, dict):
            if entry.get("type") not in (None, "function"):
                self._whole(NativePart(dialect=OWN, kind=CALL_KIND, value=entry), events)
            return
        function = cast("Fields", held)
        tool = self._tool_of(entry, function, events)
        name = function.get("name")
        if tool.number == _NOTHING:
            tool.first = {**tool.first, **entry, "function": {**_function_of(tool.first), **_said(function)}}
            if name and isinstance(name, str):
                self._begin_tool(tool, events, shape)
        elif "extra_content" in entry:
            seal = take_signature(Taking(entry))
            if seal is not None and tool.is_open:
                events.append(SealDelta(number=tool.number, seal=seal))
        self._arguments(tool, function.get("arguments"), events)

    def _arguments(self, tool: _Tool, arguments: object, events: list[Event]) -> None:
        if isinstance(arguments, dict):
            given = cast("Fields", arguments)
            arguments = encoded(given) if given else ""  # some families give an object
        if not isinstance(arguments, str) or not arguments or not tool.is_open:
            return
        tool.pieces.append(arguments)
        if tool.number != _NOTHING:
            events.append(ArgumentsDelta(number=tool.number, json=arguments))

    def _tool_of(self, entry: Fields, function: Fields, events: list[Event]) -> _Tool:
        """The call that a delta belongs to: by its index; one with another id is another (trap 13)."""
        index, identifier = entry.get("index"), entry.get("id")
        identifier = identifier if isinstance(identifier, str) else ""
        key: int | str = index if type(index) is int else f"id {identifier}"
        tool = self._tools.get(key)
        if tool is None and not identifier and type(index) is not int:
            tool = self._last_tool
        if tool is not None and identifier and tool.id and identifier != tool.id and function.get("name"):
            self._tools[f"{key} {len(self._tools)}"] = tool
            tool = None
        if tool is None:
            if self._last_tool is not None:
                self._end_whole(self._last_tool, events)
            tool = self._tools[key] = _Tool({})
        tool.id = tool.id or identifier
        self._last_tool = tool
        return tool

    def _end_whole(self, tool: _Tool, events: list[Event]) -> None:
        if tool.is_open and tool.number != _NOTHING and tool.is_whole():
            tool.is_open = False
            events.append(PartEnded(number=tool.number))

    def _begin_tool(self, tool: _Tool, events: list[Event], shape: str = "") -> None:
        if tool.number != _NOTHING:
            return
        self._close_text(events)
        self._is_calling = True
        tool.number = self._numbers.take()
        taking = Taking(tool.first)
        function = taking.object("function") or {}
        name = function.get("name")
        for known in ("index", "id", "type"):
            taking.left.pop(known, None)
        part = ToolCall(
            id=tool.id,
            name=name if isinstance(name, str) else "",
            arguments="",
            seal=take_signature(taking),
            native=taking.native(OWN, shape),
        )
        events.append(PartBegan(number=tool.number, part=part, candidate=self._index))
        for piece in tool.pieces:
            events.append(ArgumentsDelta(number=tool.number, json=piece))


def _function_of(first: Fields) -> Fields:
    held = first.get("function")
    return cast("Fields", held) if isinstance(held, dict) else {}


def _said(function: Fields) -> Fields:
    return {name: value for name, value in function.items() if value is not None and name != "arguments"}
