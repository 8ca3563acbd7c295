"""Events, written as a stream of Cohere's chat. Sans-I/O; holds nothing back that can be said now.

Parts of the content are counted by themselves, and so are calls. A stream that broke, or was cut, has no end
that looks like one. Read next: `streams_in`.
"""

from typing import Final

import msgspec

from headgate.core.chat import Fields, Finish, NativePart, Reasoning, Refusal, Text, ToolCall
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
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.cohere.answers import write_usage
from headgate.wire.dialects.cohere.parts_in import CALL_KIND, OWN, PLAN
from headgate.wire.dialects.cohere.parts_out import (
    Writing,
    entry_of,
    is_plan,
    tool_call_entry,
    write_citation,
)
from headgate.wire.dialects.cohere.reasons import word_of
from headgate.wire.dialects.model import Asked

_encode = msgspec.json.Encoder().encode
_NOTHING: Final = b""


class _Part:
    """A part that is open: how it grows, and its place among its kind."""

    __slots__ = ("citations", "kind", "member", "place")

    def __init__(self, kind: str, member: str, place: int) -> None:
        self.kind = kind
        self.member = member
        self.place = place
        self.citations = 0


class StreamWriter:
    """Writes one stream."""

    __slots__ = (
        "_asked", "_calls", "_changes", "_contents", "_finish", "_is_over", "_parts", "_usage",
        "_writing",
    )  # fmt: skip

    def __init__(self, asked: Asked, changes: Changes) -> None:
        self._asked = asked
        self._changes = changes
        self._writing = Writing(changes=changes, is_own=False)
        self._parts: dict[int, _Part] = {}
        self._contents = 0
        self._calls = 0
        self._finish: Finish | None = None
        self._usage: UsageSeen | None = None
        self._is_over = False

    def write(self, event: Event) -> bytes:
        """Return the bytes that say an event, maybe none. Raises UpstreamError for one nested too deep."""
        if self._is_over:
            return _NOTHING
        try:
            return self._said(event)
        except RecursionError:
            raise UpstreamError("the provider's stream is nested too deep") from None

    def _said(self, event: Event) -> bytes:
        match event:
            case Began():
                return self._begin(event)
            case PartBegan():
                return self._part(event) if event.candidate == 0 else _NOTHING
            case TextDelta():
                return self._grow(event.number, event.text)
            case ArgumentsDelta():
                return self._grow(event.number, event.json)
            case CitationDelta():
                return self._cite(event)
            case PartEnded():
                return self._end_part(event.number)
            case Finished():
                if event.candidate == 0:
                    self._finish = event.finish
                return _NOTHING
            case UsageSeen():
                self._usage = event
                return _NOTHING
            case Ended():
                return self._end(event)
            case Broke():
                self._is_over = True
                return _event("message-end", {"delta": {"finish_reason": "ERROR", "error": event.message}})
            case NativeEvent():
                return self._native(event)
            case _:  # seals: Cohere has none
                return _NOTHING

    def _begin(self, event: Began) -> bytes:
        is_own = event.dialect == OWN
        self._writing = Writing(changes=self._changes, is_own=is_own)
        message: Fields = {"role": "assistant", "content": [], PLAN: "", "tool_calls": [], "citations": []}
        fields: Fields = {"id": event.id or ("" if is_own else self._asked.request_id)}
        return _event("message-start", {**fields, "type": "", "delta": {"message": message}})

    def _part(self, event: PartBegan) -> bytes:
        part = event.part
        if is_plan(part) and isinstance(part, Reasoning):
            self._parts[event.number] = _Part("tool-plan", PLAN, 0)
            return self._grow(event.number, part.text)
        if isinstance(part, ToolCall):
            return self._call(event.number, part)
        entry = entry_of(part, self._writing, "content")
        if entry is None or (isinstance(part, NativePart) and part.kind == CALL_KIND):
            return _NOTHING
        place, self._contents = self._contents, self._contents + 1
        said = [_event("content-start", {"index": place, "delta": {"message": {"content": entry}}})]
        if not isinstance(part, Text | Reasoning | Refusal):
            return said[0] + _event("content-end", {"index": place})
        member = "thinking" if isinstance(part, Reasoning) else "text"
        self._parts[event.number] = _Part("content", member, place)
        if isinstance(part, Text):
            said += [self._cite(CitationDelta(number=event.number, citation=one)) for one in part.citations]
        return b"".join(said)

    def _call(self, number: int, part: ToolCall) -> bytes:
        place, self._calls = self._calls, self._calls + 1
        self._parts[number] = _Part("tool-call", "", place)
        entry = tool_call_entry(part, self._writing, "tool_calls")
        function = entry.get("function")
        if isinstance(function, dict):
            function["arguments"] = part.arguments
        return _event("tool-call-start", {"index": place, "delta": {"message": {"tool_calls": entry}}})

    def _grow(self, number: int, text: str) -> bytes:
        part = self._parts.get(number)
        if part is None or not text:
            return _NOTHING
        match part.kind:
            case "tool-plan":
                return _event("tool-plan-delta", {"delta": {"message": {PLAN: text}}})
            case "tool-call":
                held: Fields = {"tool_calls": {"function": {"arguments": text}}}
                return _event("tool-call-delta", {"index": part.place, "delta": {"message": held}})
            case _:
                held = {"content": {part.member: text}}
                return _event("content-delta", {"index": part.place, "delta": {"message": held}})

    def _cite(self, event: CitationDelta) -> bytes:
        part = self._parts.get(event.number)
        if part is None or part.kind != "content":
            return _NOTHING
        entry = write_citation(event.citation, "", part.place, self._writing, "citations")
        if not self._writing.is_own:
            entry["text"] = event.citation.quote or ""
        place, part.citations = part.citations, part.citations + 1
        return _event(
            "citation-start", {"index": place, "delta": {"message": {"citations": entry}}}
        ) + _event("citation-end", {"index": place})

    def _end_part(self, number: int) -> bytes:
        part = self._parts.pop(number, None)
        if part is None or part.kind == "tool-plan":
            return _NOTHING
        return _event(f"{part.kind}-end", {"index": part.place})

    def _end(self, event: Ended) -> bytes:
        self._is_over = True
        is_own = self._writing.is_own
        finish = self._finish if self._finish is not None or is_own else Finish(reason="stop")
        delta: Fields = {}
        if finish is not None:
            delta["finish_reason"] = word_of(finish, is_own=is_own)
        if self._usage is not None:
            native = self._usage.native
            own = native.fields.get("usage") if native is not None and native.dialect == OWN else None
            delta["usage"] = own if isinstance(own, dict) else write_usage(self._usage.usage)
        fields: Fields = {"delta": delta}
        if event.native is not None and event.native.dialect == OWN:
            delta.update(event.native.fields)
        return _event("message-end", fields) + b"data: [DONE]\n\n"

    def _native(self, event: NativeEvent) -> bytes:
        """What only this dialect knows goes on as it came."""
        if event.dialect != OWN:
            return _NOTHING
        if event.kind == "citation-start":
            return _event("citation-start", {"index": 0, "delta": {"message": event.value}})
        return b"event: " + _encode(event.kind)[1:-1] + b"\ndata: " + _encode(event.value) + b"\n\n"


def _event(kind: str, fields: Fields) -> bytes:
    named = {**fields, "type": kind} if "type" in fields else {"type": kind, **fields}
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(named))
