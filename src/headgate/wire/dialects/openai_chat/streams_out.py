"""Events, written as a stream of OpenAI's chat to a client. Sans-I/O; holds nothing back that can be said
now.

Every chunk names the role first (trap 14), calls by a place of their own (13), and arguments that are JSON
(15); usage comes in a chunk of its own before `[DONE]`, to who asked for it (6). A stream that broke, or was
cut, gets no `[DONE]`. Read next: `chunks_out`, `streams_in`.
"""

from typing import cast

import msgspec

from headgate.core.chat import Fields, Finish, ToolCall
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
    SealDelta,
    TextDelta,
    UsageSeen,
)
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import is_hollow
from headgate.wire.dialects.identifiers import given
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_chat.answers import is_tier, tell
from headgate.wire.dialects.openai_chat.chunks_out import Chunks, PartOut, TextOut, part_out
from headgate.wire.dialects.openai_chat.parts_out import Writing
from headgate.wire.dialects.openai_chat.reasons import write_reason
from headgate.wire.dialects.openai_chat.spelling import OWN
from headgate.wire.dialects.openai_chat.usages import write_usage

_encode = msgspec.json.Encoder().encode


class StreamWriter:
    """Writes one stream."""

    __slots__ = ("_asked", "_changes", "_chunks", "_is_over", "_is_own", "_parts", "_seen", "_unfinished")

    def __init__(self, asked: Asked, changes: Changes) -> None:
        self._asked = asked
        self._changes = changes
        self._chunks: Chunks | None = None
        self._parts: dict[int, PartOut] = {}
        self._seen: UsageSeen | None = None
        self._is_own = False
        self._is_over = False
        self._unfinished: dict[int, bool] = {}

    def write(self, event: Event) -> bytes:
        """Return the bytes that say an event, maybe none. Raises UpstreamError for one nested too deeply."""
        if type(event) is TextDelta or type(event) is ArgumentsDelta:
            part = self._parts.get(event.number)
            if part is None:
                return b""
            return part.grow(event.text if type(event) is TextDelta else cast("ArgumentsDelta", event).json)
        if self._is_over:
            return b""
        try:
            return self._rarely(event)
        except RecursionError:
            raise UpstreamError("the provider's stream is nested too deeply") from None

    def _rarely(self, event: Event) -> bytes:
        match event:
            case Began():
                return self._begin(event)
            case PartBegan():
                return self._part(event)
            case SealDelta() | CitationDelta() | PartEnded():
                return self._of_part(event)
            case Finished():
                return self._finish(event)
            case UsageSeen():
                self._seen = event
                return b""
            case Ended():
                return self._end(event)
            case Broke():
                return self._break(event)
            case NativeEvent():
                return self._native(event)
            case _:
                return b""

    def _begin(self, event: Began) -> bytes:
        self._is_own = event.dialect == OWN
        fields: Fields = {
            "id": event.id or ("" if self._is_own else self._asked.request_id),
            "object": "chat.completion.chunk",
            "created": event.created_s if event.created_s is not None else self._asked.created_s,
            "model": event.model or ("" if self._is_own else self._asked.model),
        }
        tier = event.service_tier
        if tier is not None and is_tier(tier, self._changes, is_own=self._is_own):
            fields["service_tier"] = tier
        first: Fields = {}
        if event.native is not None and self._is_own:
            said = event.native.fields
            fields |= {name: value for name, value in said.items() if isinstance(value, str)}
            first = {name: value for name, value in said.items() if not isinstance(value, str)}
        else:
            tell(event.native, self._changes, "")
        self._chunks = Chunks(fields)
        self._unfinished[0] = False
        return self._chunks.opening(0, first)

    def _begun(self) -> Chunks:
        """The chunks of the stream; of one that nobody began, in the caller's words."""
        if self._chunks is None:
            self._begin(Began(dialect=OWN))
        assert self._chunks is not None
        return self._chunks

    def _part(self, event: PartBegan) -> bytes:
        chunks = self._begun()
        head = b""
        if event.candidate not in self._unfinished:
            self._unfinished[event.candidate] = False
            head = chunks.opening(event.candidate, {})
        part = event.part
        if isinstance(part, ToolCall):
            self._unfinished[event.candidate] = True
            if not part.id and not self._is_own:
                part = msgspec.structs.replace(part, id=given(chunks.id, event.number))
        writing = Writing(changes=self._changes, is_own=self._is_own)
        out, said = part_out(part, chunks.choice(event.candidate), writing)
        if out is not None:
            self._parts[event.number] = out
        return head + said

    def _of_part(self, event: SealDelta | CitationDelta | PartEnded) -> bytes:
        part = self._parts.get(event.number)
        if part is None:
            return b""
        match event:
            case SealDelta():
                return part.seal(event.seal)
            case CitationDelta():
                return part.cite(event.citation) if isinstance(part, TextOut) else b""
            case PartEnded():
                del self._parts[event.number]
                return part.end()

    def _finish(self, event: Finished) -> bytes:
        chunks = self._begun()
        choice = chunks.choice(event.candidate)
        calls = self._unfinished.pop(event.candidate, False)
        refuses = choice.is_refusing
        said = write_reason(event.finish, calls=calls, refuses=refuses, is_own=self._is_own)
        delta: Fields = {}
        native = event.native
        if native is not None and native.dialect == OWN:
            for name, value in native.fields.items():
                if name == "message" and isinstance(value, dict):
                    delta = cast("Fields", value)
                else:
                    said.setdefault(name, value)
        else:
            tell(native, self._changes, f"choices[{event.candidate}]")
        return choice.chunk(delta, said)

    def _end(self, event: Ended) -> bytes:
        self._is_over = True
        chunks = self._begun()
        said: list[bytes] = []
        for index, calls in list(self._unfinished.items()):
            if not self._is_own:
                finish = Finish(reason="tool_calls" if calls else "stop")
                said.append(self._finish(Finished(finish=finish, candidate=index)))
        native = event.native
        if native is not None and native.dialect == OWN:
            said.append(chunks.apart(native.fields))
        else:
            tell(native, self._changes, "")
        said.append(self._usage())
        said.append(b"data: [DONE]\n\n")
        return b"".join(said)

    def _usage(self) -> bytes:
        """The chunk of usage, for a client that asked for it (trap 6)."""
        if not self._asked.wants_usage or self._seen is None:
            return b""
        return self._begun().apart({"usage": write_usage(self._seen.usage, self._seen.native)})

    def _break(self, event: Broke) -> bytes:
        """An error, as OpenAI's SDKs look for one in a stream; no end follows it (trap 17)."""
        self._is_over = True
        self._parts.clear()
        error: Fields = {"message": event.message, "type": event.kind or "server_error"}
        error |= {"param": None, "code": event.status if event.status is not None else event.kind or None}
        return self._usage() + b"data: " + _encode({"error": error}) + b"\n\n"

    def _native(self, event: NativeEvent) -> bytes:
        """What only this dialect knows: more of a choice that has finished."""
        if event.dialect != OWN or event.kind != "choice" or is_hollow(event.value):
            return b""
        index = event.value.get("index")
        left = {name: value for name, value in event.value.items() if name != "index"}
        choice = self._begun().choice(index if type(index) is int else 0)
        return choice.chunk({}, {"finish_reason": None, **left})
