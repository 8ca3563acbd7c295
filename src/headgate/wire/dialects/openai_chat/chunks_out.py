"""The chunks of one stream of OpenAI's chat, and how each kind of part grows in them. Sans-I/O.

What is the same in every chunk is written once: a delta costs the encoding of its text. Read next:
`streams_out`.
"""

from typing import Protocol

import msgspec

from headgate.core.chat import (
    Citation,
    Fields,
    Media,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
)
from headgate.wire.dialects.openai_chat.answers import image_entry
from headgate.wire.dialects.openai_chat.parts_in import CALL_KIND
from headgate.wire.dialects.openai_chat.parts_out import (
    Writing,
    citation_entry,
    content_entry,
    is_detailed,
    put_seal,
    tool_call_entry,
)
from headgate.wire.dialects.openai_chat.reasoning import (
    DETAILS,
    FLAT,
    MEMBERS,
    THINKING,
    Shape,
    entries_of,
    entry_of,
    kind_of,
    shape_from,
)
from headgate.wire.dialects.openai_chat.spelling import OWN, restore, words_of

_encode = msgspec.json.Encoder().encode
_END = b',"finish_reason":null}]}\n\n'


class Chunks:
    """What all chunks of a stream begin with."""

    __slots__ = ("_choices", "_fields", "_head", "id")

    def __init__(self, fields: Fields) -> None:
        self.id = str(fields.get("id", ""))
        self._fields = fields
        self._head = b"data: " + _encode(fields)[:-1]
        self._choices: dict[int, ChoiceOut] = {}

    def choice(self, index: int) -> "ChoiceOut":
        """One choice of the stream."""
        found = self._choices.get(index)
        if found is None:
            found = self._choices[index] = ChoiceOut(index, self._head)
        return found

    def opening(self, index: int, more: Fields) -> bytes:
        """The first chunk of a choice, which names the role."""
        delta: Fields = {"role": "assistant", "content": ""}
        choices = [{"index": index, "delta": delta, "finish_reason": None}]
        return b"data: " + _encode({**self._fields, **more, "choices": choices}) + b"\n\n"

    def apart(self, more: Fields) -> bytes:
        """A chunk without choices."""
        return b"data: " + _encode({**self._fields, "choices": [], **more}) + b"\n\n"


class ChoiceOut:
    """One choice while it is written: its calls and citations are counted over all its parts."""

    __slots__ = ("_head", "annotations", "calls", "images", "index", "is_refusing", "length", "thoughts")

    def __init__(self, index: int, head: bytes) -> None:
        self._head = head + b',"choices":[{"index":%d,"delta":' % index
        self.index = index
        self.calls = 0
        self.annotations = 0
        self.thoughts = 0
        self.images = 0
        self.length = 0
        self.is_refusing = False

    def before(self, member: bytes) -> bytes:
        """A chunk up to the text that is to stand in it."""
        return self._head + member

    def chunk(self, delta: Fields, more: Fields | None = None) -> bytes:
        """A chunk with this delta."""
        said = _encode({"finish_reason": None} if more is None else more)
        return b"".join((self._head, _encode(delta), b"," if len(said) > 2 else b"", said[1:], b"]}\n\n"))


class PartOut(Protocol):
    """A part that is open."""

    def grow(self, text: str) -> bytes:
        """More of its text or arguments."""
        ...

    def seal(self, seal: Seal) -> bytes:
        """Its seal."""
        ...

    def end(self) -> bytes:
        """It has ended."""
        ...


class TextOut:
    """A text."""

    __slots__ = ("_before", "_choice", "_held", "_length", "_offset", "_writing")

    def __init__(self, choice: ChoiceOut, writing: Writing) -> None:
        self._choice = choice
        self._writing = writing
        self._before = choice.before(b'{"content":')
        self._offset = choice.length
        self._length = 0
        self._held: list[Citation] = []

    def grow(self, text: str) -> bytes:
        """More of its text."""
        self._length += len(text)
        return b"".join((self._before, _encode(text), b"}", _END))

    def seal(self, seal: Seal) -> bytes:
        """Its seal."""
        delta: Fields = {}
        put_seal(delta, seal, self._writing, "message")
        return self._choice.chunk(delta)

    def cite(self, citation: Citation) -> bytes:
        """A citation; one of the whole text is said when it is known how long that is."""
        if citation.start is None or citation.end is None:
            self._held.append(citation)
            return b""
        return self._cited([citation])

    def _cited(self, citations: list[Citation]) -> bytes:
        annotations: list[Fields] = []
        others: list[Fields] = []
        for citation in citations:
            entry = citation_entry(citation, self._offset, self._length, self._writing, "message")
            # SDKs that gather deltas want a place in every list.
            placed = {**entry, "index": self._choice.annotations}
            self._choice.annotations += 1
            (annotations if "type" in entry else others).append(placed)
        delta: Fields = {"annotations": annotations} if annotations else {}
        if others:
            delta["citations"] = others
        return self._choice.chunk(delta)

    def end(self) -> bytes:
        """It has ended."""
        self._choice.length = self._offset + self._length
        return self._cited(self._held) if self._held else b""


class RefusalOut:
    """A refusal."""

    __slots__ = ("_before",)

    def __init__(self, choice: ChoiceOut) -> None:
        choice.is_refusing = True
        self._before = choice.before(b'{"refusal":')

    def grow(self, text: str) -> bytes:
        """More of its text."""
        return b"".join((self._before, _encode(text), b"}", _END))

    def seal(self, seal: Seal) -> bytes:
        """Its seal."""
        return b""

    def end(self) -> bytes:
        """It has ended."""
        return b""


class ThoughtOut:
    """Reasoning as text that is read, and with its seal, where it has one, whole in one object."""

    __slots__ = ("_after", "_before", "_choice", "_is_own", "_part", "_seal", "_texts")

    def __init__(self, choice: ChoiceOut, part: Reasoning, member: str, *, is_own: bool) -> None:
        self._choice = choice
        self._part = part
        self._seal = part.seal
        self._texts: list[str] = []
        self._is_own = is_own
        self._before = choice.before(b'{"%b":' % member.encode())
        self._after = b"}" + _END
        if member == THINKING:
            self._before = choice.before(b'{"content":[{"type":"thinking","thinking":[{"type":"text","text":')
            self._after = b"}]}]}" + _END

    def grow(self, text: str) -> bytes:
        """More of its text."""
        if not self._is_own:
            self._texts.append(text)
        return b"".join((self._before, _encode(text), self._after))

    def seal(self, seal: Seal) -> bytes:
        """Its seal."""
        self._seal = seal
        return b""

    def end(self) -> bytes:
        """It has ended."""
        part = msgspec.structs.replace(self._part, text="".join(self._texts), seal=self._seal)
        if self._is_own or not is_detailed(part):
            return b""
        entry = entry_of(part, self._choice.thoughts)
        self._choice.thoughts += 1
        return self._choice.chunk({DETAILS: [entry]})


class DetailOut:
    """Reasoning of this dialect in the list `reasoning_details`, as it came."""

    __slots__ = ("_choice", "_is_said", "_part", "_shape")

    def __init__(self, choice: ChoiceOut, part: Reasoning, shape: Shape) -> None:
        self._choice = choice
        self._part = part
        self._shape = shape
        self._is_said = False

    def _entry(self, members: frozenset[str], part: Reasoning) -> Fields:
        [entry, *_] = entries_of(part, self._shape)
        named = {MEMBERS[kind_of(part)], "signature"}
        return {name: value for name, value in entry.items() if name not in named or name in members}

    def _piece(self, **said: object) -> Reasoning:
        """The part with only this of it, and with its id the first time."""
        identifier = "" if self._is_said else self._part.id
        self._is_said = True
        return msgspec.structs.replace(self._part, **{"text": "", "seal": None, "id": identifier, **said})

    def grow(self, text: str) -> bytes:
        """More of its text, in the list and in the flat members that had it too."""
        part = self._piece(text=text)
        delta: Fields = dict.fromkeys(self._shape.flat, text)
        delta[DETAILS] = [self._entry(frozenset({MEMBERS[kind_of(part)]}), part)]
        return self._choice.chunk(delta)

    def seal(self, seal: Seal) -> bytes:
        """Its seal."""
        part = self._piece(seal=seal)
        return self._choice.chunk({DETAILS: [self._entry(frozenset({"signature", "data"}), part)]})

    def end(self) -> bytes:
        """One that had neither text nor seal is said as it is."""
        return (
            b"" if self._is_said else self._choice.chunk({DETAILS: [self._entry(frozenset(), self._piece())]})
        )


class CallOut:
    """A tool call."""

    __slots__ = ("_before", "_choice", "_is_empty", "_place", "_writing", "first")

    def __init__(self, choice: ChoiceOut, part: ToolCall, writing: Writing) -> None:
        self._choice = choice
        self._writing = writing
        self._is_empty = not part.arguments
        entry = tool_call_entry(part, writing, "tool_calls")
        function = entry.get("function")
        if isinstance(function, dict):
            function["arguments"] = part.arguments
        self._place = choice.calls
        if "function_call" in words_of(part.native):
            self.first: Fields = {"function_call": function}
            self._before = choice.before(b'{"function_call":{"arguments":')
            self._place = -1
            return
        choice.calls += 1
        self.first = {"tool_calls": [{**entry, "index": self._place}]}
        self._before = choice.before(b'{"tool_calls":[{"index":%d,"function":{"arguments":' % self._place)

    def grow(self, text: str) -> bytes:
        """More of its text."""
        self._is_empty = self._is_empty and not text
        return b"".join((self._before, _encode(text), b"}}" if self._place < 0 else b"}}]}", _END))

    def seal(self, seal: Seal) -> bytes:
        """Its seal."""
        if self._place < 0:
            return b""
        # OpenAI's SDK wants a function in every delta of a call.
        entry: Fields = {"index": self._place, "function": {"arguments": ""}}
        put_seal(entry, seal, self._writing, "tool_calls")
        return self._choice.chunk({"tool_calls": [entry]})

    def end(self) -> bytes:
        """It has ended."""
        return self.grow("{}") if self._is_empty else b""


def part_out(part: Part, choice: ChoiceOut, writing: Writing) -> tuple[PartOut | None, bytes]:
    """Begin a part; return what writes the rest of it, if there is any, and the bytes that begin it."""
    match part:
        case Text():
            text = TextOut(choice, writing)
            said = [text.grow(part.text) if part.text else b""]
            said.extend(text.cite(citation) for citation in part.citations)
            said.append(text.seal(part.seal) if part.seal is not None else b"")
            return text, b"".join(said)
        case Refusal():
            refusal = RefusalOut(choice)
            return refusal, refusal.grow(part.text) if part.text else b""
        case Reasoning():
            return _reasoning(part, choice, writing)
        case ToolCall():
            call = CallOut(choice, part, writing)
            return call, choice.chunk(call.first)
        case Media():
            return None, _media(part, choice, writing)
        case NativePart():
            return None, _native(part, choice, writing)
        case _:
            return None, b""


def _reasoning(part: Reasoning, choice: ChoiceOut, writing: Writing) -> tuple[PartOut, bytes]:
    shape = shape_from(part.native)
    if shape is not None and shape.is_detail and writing.is_own:
        detail = DetailOut(choice, part, shape)
        said = detail.grow(part.text) if part.text else b""
        return detail, said + (detail.seal(part.seal) if part.seal is not None else b"")
    member = FLAT[0]
    if shape is not None:
        is_listed = part.native is not None and part.native.shape == THINKING
        member = THINKING if is_listed else next(iter(shape.flat), member)
    thought = ThoughtOut(choice, part, member, is_own=writing.is_own)
    return thought, thought.grow(part.text) if part.text else b""


def _media(part: Media, choice: ChoiceOut, writing: Writing) -> bytes:
    """Images as OpenRouter has them, and sound as OpenAI has it."""
    if part.kind == "image" and (part.data is not None or part.url is not None):
        choice.images += 1
        if writing.is_own:
            entry = content_entry(part, writing, "images") or {}
            put_seal(entry, part.seal, writing, "images")
            return choice.chunk({"images": [{**entry, "index": choice.images - 1}]})
        return choice.chunk({"images": [image_entry(part, choice.images - 1, writing)]})
    if part.kind == "audio" and part.data is not None:
        sound: Fields = {"data": part.data} if part.data else {}
        native = part.native if writing.is_own else None
        return choice.chunk({"audio": restore(sound, native, "", writing.changes, "audio")})
    writing.changes.alter(part.kind, "OpenAI's chat has no such part of an answer")
    return b""


def _native(part: NativePart, choice: ChoiceOut, writing: Writing) -> bytes:
    if part.dialect != OWN:
        writing.changes.lose(part.kind, f"only {part.dialect} has such a part of an answer")
        return b""
    member = {CALL_KIND: "tool_calls", "images": "images"}.get(part.kind, "content")
    value = part.value
    if part.kind == CALL_KIND and "index" not in value:
        value = {"index": choice.calls, **value}
        choice.calls += 1
    return choice.chunk({member: [value]})
