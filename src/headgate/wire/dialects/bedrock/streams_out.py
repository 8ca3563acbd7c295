"""Events, written as Bedrock's event stream. Sans-I/O.

No client of Headgate speaks this dialect: it is written so that what `streams_in` reads can be proved, and by
the stand-ins of providers. Read next: `streams_in`.
"""

from typing import Final, cast

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import Citation, Fields, Native, Part, Reasoning, Refusal, Text, ToolCall
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
from headgate.wire.dialects.bedrock.answers import (
    ASSISTANT,
    MESSAGE,
    own_fields,
    put_additional,
    put_message,
    write_usage,
)
from headgate.wire.dialects.bedrock.frames import write_frame
from headgate.wire.dialects.bedrock.parts_in import OWN
from headgate.wire.dialects.bedrock.parts_out import BlockWriter, write_citation
from headgate.wire.dialects.bedrock.reasons import word_of
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import put_native
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.seals import wrapped

_JSON: Final = "application/json"
_encode = msgspec.json.Encoder().encode


class StreamWriter:
    """Writes one stream to a client."""

    def __init__(self, asked: Asked, changes: Changes) -> None:
        del asked  # nothing of it stands in the frames
        self._changes = changes
        self._is_own = True
        self._blocks = BlockWriter(changes, is_own=True)
        self._kinds: dict[int, str] = {}
        self._native: Fields = {}
        self._usage: Usage | None = None
        self._usage_native: Native | None = None

    def write(self, event: Event) -> bytes:
        """Return the bytes that say it, maybe none."""
        match event:
            case TextDelta():
                return self._text(event.number, event.text)
            case ArgumentsDelta():
                return _delta(event.number, {"toolUse": {"input": event.json}})
            case PartBegan():
                return self._part(event)
            case PartEnded():
                self._kinds.pop(event.number, None)
                return _frame("contentBlockStop", {"contentBlockIndex": event.number})
            case SealDelta():
                return self._seal(event)
            case CitationDelta():
                return self._citation(event.number, event.citation)
            case _:
                return self._whole(event)

    def _whole(self, event: Began | Finished | UsageSeen | Ended | Broke | NativeEvent) -> bytes:
        """What concerns the whole answer, and no part of it."""
        match event:
            case Began():
                return self._began(event)
            case Finished():
                return self._finished(event)
            case UsageSeen():
                self._usage, self._usage_native = event.usage, event.native
                return b""
            case Ended():
                return self._ended(event)
            case Broke():
                return _broken(event)
            case NativeEvent():
                return _frame(event.kind, event.value) if event.dialect == OWN else b""

    def _began(self, event: Began) -> bytes:
        self._is_own = event.dialect == OWN
        self._blocks = BlockWriter(self._changes, is_own=self._is_own)
        put_native({}, event.native, OWN, self._changes, "")
        beside = own_fields(event.native)
        # An answer that was whole brings all that it says beside its parts at its beginning.
        self._native = {name: value for name, value in beside.items() if name != MESSAGE}
        return _frame("messageStart", put_message({"role": ASSISTANT}, beside))

    def _part(self, event: PartBegan) -> bytes:
        part, number = event.part, event.number
        match part:
            case Text() | Refusal():
                self._kinds[number] = "text"
                return b"".join(self._opening(number, part))
            case Reasoning():
                self._kinds[number] = "redacted" if part.is_redacted else "reasoning"
                return b"".join(self._opening(number, part))
            case ToolCall():
                start: Fields = {"toolUseId": part.id, "name": part.name}
                begun = _start(number, {"toolUse": put_native(start, part.native, OWN, self._changes, "")})
                if not part.arguments:
                    return begun
                return begun + _delta(number, {"toolUse": {"input": part.arguments}})
            case _:
                return self._in_one(number, part)

    def _opening(self, number: int, part: Text | Refusal | Reasoning) -> list[bytes]:
        frames = [self._text(number, part.text)] if part.text else []
        if isinstance(part, Text):
            for one in part.citations:
                frames.append(self._citation(number, one))
        if isinstance(part, Reasoning) and part.seal is not None:
            frames.append(self._seal(SealDelta(number=number, seal=part.seal)))
        return frames

    def _text(self, number: int, text: str) -> bytes:
        if self._kinds.get(number) == "reasoning":
            return _delta(number, {"reasoningContent": {"text": text}})
        return _delta(number, {"text": text})

    def _citation(self, number: int, citation: Citation) -> bytes:
        return _delta(number, {"citation": write_citation(citation, self._changes, "citations")})

    def _seal(self, event: SealDelta) -> bytes:
        kind = self._kinds.get(event.number)
        if kind not in ("reasoning", "redacted"):
            return b""
        member = "signature" if kind == "reasoning" else "redactedContent"
        return _delta(event.number, {"reasoningContent": {member: wrapped(event.seal, OWN)}})

    def _in_one(self, number: int, part: Part) -> bytes:
        """A block that no delta of ours adds to."""
        blocks = self._blocks.blocks((part,), "content")
        if not blocks or not blocks[0]:  # a block of no member says nothing
            return b""
        member, value = next(iter(blocks[0].items()))
        start: Fields = dict(cast("Fields", value)) if isinstance(value, dict) else {}
        deltas: list[bytes] = []
        if member == "toolUse" and "input" in start:
            given = start.pop("input")
            text = given if isinstance(given, str) else _encode(given).decode()
            deltas.append(_delta(number, {"toolUse": {"input": text}}))
        elif member == "toolResult" and "content" in start:
            deltas.append(_delta(number, {"toolResult": start.pop("content")}))
        elif "source" in start:
            deltas.append(_delta(number, {member: {"source": start.pop("source")}}))
        return b"".join((_start(number, {member: start}), *deltas))

    def _finished(self, event: Finished) -> bytes:
        if event.candidate:
            self._changes.alter("candidates", "Bedrock has one answer only; the first was kept")
            return b""
        body: Fields = {}
        body["stopReason"], also = word_of(event.finish, is_own=self._is_own)
        put_additional(body, own_fields(event.native), also)
        return _frame("messageStop", body)

    def _ended(self, event: Ended) -> bytes:
        body: Fields = dict(self._native)
        if self._usage is not None and "usage" not in body:
            body["usage"] = write_usage(self._usage)
        put_native(body, self._usage_native, OWN, self._changes, "")
        return _frame("metadata", put_native(body, event.native, OWN, self._changes, ""))


def _start(number: int, start: Fields) -> bytes:
    return _frame("contentBlockStart", {"contentBlockIndex": number, "start": start})


def _delta(number: int, delta: Fields) -> bytes:
    return _frame("contentBlockDelta", {"contentBlockIndex": number, "delta": delta})


def _frame(kind: str, payload: Fields) -> bytes:
    headers = {":event-type": kind, ":content-type": _JSON, ":message-type": "event"}
    return write_frame(headers, _encode(payload))


def _broken(event: Broke) -> bytes:
    kind = event.kind or "internalServerException"
    headers = {":exception-type": kind, ":content-type": _JSON, ":message-type": "exception"}
    return write_frame(headers, _encode({"message": event.message}))
