"""Events written as Google streams them: server-sent events, or the items of one JSON array.

Texts leave as they come; a call leaves when it is whole, for Google knows no half ones. The last chunk says
why the answer ends and what it used. Read next: `streams_in`.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import Citation, Fields, NativePart, Part, Reasoning, Refusal, Seal, Text, ToolCall
from headgate.core.events import (
    ArgumentsDelta,
    Began,
    Broke,
    CitationDelta,
    Ended,
    Event,
    Finished,
    PartBegan,
    PartEnded,
    SealDelta,
    TextDelta,
    UsageSeen,
)
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import put_native
from headgate.wire.dialects.google.finishing import put_finish, put_unnamed, usage_fields
from headgate.wire.dialects.google.grounding import Grounding
from headgate.wire.dialects.google.parts import PartsOut
from headgate.wire.dialects.google.signatures import beside_of, excused, signature_of
from headgate.wire.dialects.google.spelling import DIALECT, flags_of, own_fields, value_of
from headgate.wire.dialects.model import Asked

_encode = msgspec.json.Encoder().encode
_text = msgspec.json.Encoder().encode

_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


class _Open:
    """One part while it is written."""

    __slots__ = ("before", "candidate", "head", "json", "part", "sent", "tail")

    def __init__(self, part: Part, candidate: int) -> None:
        self.part = part
        self.candidate = candidate
        self.head = b""
        self.tail = b""
        self.sent: list[str] = []
        self.json: list[str] = []
        self.before = 0
        """Bytes of the candidate's texts before this one."""


class _Candidate:
    """What is known of one candidate until the last chunk."""

    __slots__ = ("finished", "has_called", "shown_bytes", "texts")

    def __init__(self) -> None:
        self.has_called = False
        self.finished: Finished | None = None
        self.shown_bytes = 0
        self.texts: list[_Open] = []


class GoogleEventsOut:
    """Writes one stream."""

    def __init__(self, asked: Asked, changes: Changes) -> None:
        self._asked = asked
        self._changes = changes
        self._writing = PartsOut(changes, None)
        self._open: dict[int, _Open] = {}
        self._candidates: dict[int, _Candidate] = {}
        self._citations: list[tuple[_Open, Citation]] = []
        self._usage: Fields | None = None
        self._meta: Fields = {}
        self._is_own = False
        self._is_array = asked.as_array
        self._prefix = b"[" if asked.as_array else b"data: "
        self._suffix = b"" if asked.as_array else b"\n\n"

    def write(self, event: Event) -> bytes:
        """Return the bytes that say it, maybe none."""
        match event:
            case TextDelta():
                return self._delta(event.number, event.text)
            case ArgumentsDelta():
                opened = self._open.get(event.number)
                if opened is not None:
                    opened.json.append(event.json)
                return b""
            case PartBegan():
                return self._begin(event)
            case PartEnded():
                return self._end_part(event)
            case SealDelta():
                return self._seal(event.number, event.seal)
            case CitationDelta():
                self._cite(event.number, event.citation)
                return b""
            case _:
                return self._whole(event)

    def _whole(self, event: Event) -> bytes:
        """Events of the answer as a whole."""
        match event:
            case Began():
                self._began(event)
            case Finished():
                self._candidate(event.candidate).finished = event
            case UsageSeen():
                own = own_fields(event.native).get("usageMetadata")
                self._usage = cast("Fields", own) if isinstance(own, dict) else usage_fields(event.usage)
            case Ended():
                return self._last(event)
            case Broke():
                return self._broke(event)
            case _:  # an event that only its dialect knows
                pass
        return b""

    def _began(self, event: Began) -> None:
        self._is_own = event.dialect == DIALECT
        model, identifier = event.model, event.id
        if not self._is_own:
            model, identifier = model or self._asked.model, identifier or self._asked.request_id
        if model:
            self._meta["modelVersion"] = model
        moment = value_of(flags_of(event.native), "time")
        if moment is not None:
            self._meta["createTime"] = moment
        if identifier:
            self._meta["responseId"] = identifier

    def _candidate(self, index: int) -> _Candidate:
        found = self._candidates.get(index)
        if found is None:
            found = self._candidates[index] = _Candidate()
        return found

    def _begin(self, event: PartBegan) -> bytes:
        part = event.part
        opened = _Open(part, event.candidate)
        self._open[event.number] = opened
        self._candidate(event.candidate)
        if isinstance(part, ToolCall):
            return b""
        if isinstance(part, Text | Reasoning | Refusal):
            self._frame(opened)
            if isinstance(part, Text | Refusal):
                candidate = self._candidate(event.candidate)
                opened.before = candidate.shown_bytes
                if isinstance(part, Text):
                    self._citations.extend((opened, citation) for citation in part.citations)
                self._show(opened, part.text)
            if not part.text and (isinstance(part, Refusal) or part.seal is None):
                return b""
        return self._part(part, event.candidate)

    def _frame(self, opened: _Open) -> None:
        """What stands around each piece of a text, encoded once."""
        thought = b',"thought":true' if isinstance(opened.part, Reasoning) else b""
        meta = _encode(self._meta)
        tail = b"}" if meta == b"{}" else b"," + meta[1:]
        opened.head = self._prefix + b'{"candidates":[{"content":{"parts":[{"text":'
        opened.tail = b'%b}],"role":"model"},"index":%d}]%b%b' % (
            thought, opened.candidate, tail, self._suffix,
        )  # fmt: skip

    def _delta(self, number: int, text: str) -> bytes:
        opened = self._open.get(number)
        if opened is None or not text:
            return b""
        if isinstance(opened.part, Reasoning):
            opened.sent.append(text)
        else:
            self._show(opened, text)
        self._framed(opened)
        return opened.head + _text(text) + opened.tail

    def _framed(self, opened: _Open) -> None:
        """In an array, the first item alone opens it."""
        if self._is_array:
            opened.head = self._prefix + opened.head[opened.head.index(b"{") :]
            self._prefix = b",\r\n"

    def _show(self, opened: _Open, text: str) -> None:
        opened.sent.append(text)
        self._candidate(opened.candidate).shown_bytes += len(text) if text.isascii() else len(text.encode())

    def _part(self, part: Part, candidate: int) -> bytes:
        written = self._writing.part(part, f"candidates[{candidate}]")
        return b"" if written is None else self._chunk(written, candidate)

    def _chunk(self, part: Fields, candidate: int) -> bytes:
        content = {"parts": [part], "role": "model"}
        return self._item({"candidates": [{"content": content, "index": candidate}], **self._meta})

    def _item(self, fields: Fields) -> bytes:
        written = self._prefix + _encode(fields) + self._suffix
        if self._is_array:
            self._prefix = b",\r\n"
        return written

    def _end_part(self, event: PartEnded) -> bytes:
        opened = self._open.get(event.number)
        if opened is None:
            return b""
        part = opened.part
        if not isinstance(part, ToolCall):
            if not isinstance(part, NativePart) and event.native is not None:
                put_native({}, event.native, DIALECT, self._changes, f"candidates[{opened.candidate}]")
            return b""
        arguments = part.arguments
        if opened.json:
            arguments = ("" if arguments == "{}" else arguments) + "".join(opened.json)
        whole = msgspec.structs.replace(part, arguments=arguments or "{}")
        candidate = self._candidate(opened.candidate)
        is_first, candidate.has_called = not (self._is_own or candidate.has_called), True
        return self._part(excused(whole) if is_first else whole, opened.candidate)

    def _seal(self, number: int, seal: Seal) -> bytes:
        opened = self._open.get(number)
        if opened is None:
            return b""
        part = opened.part
        match part:
            case ToolCall():
                opened.part = msgspec.structs.replace(part, seal=seal)
                return b""
            case Reasoning():
                # Its text has left in chunks of its own, without a signature; its maker wants both together.
                beside = None if seal.maker == DIALECT else beside_of(part, part.text + "".join(opened.sent))
                fields: Fields = {"text": "", "thought": True}
                fields["thoughtSignature"] = signature_of(seal, beside)
                return self._chunk(fields, opened.candidate)
            case Text():
                return self._chunk({"text": "", "thoughtSignature": signature_of(seal)}, opened.candidate)
            case _:
                return b""

    def _cite(self, number: int, citation: Citation) -> None:
        opened = self._open.get(number)
        if opened is not None and not self._is_own:
            self._citations.append((opened, citation))

    def _last(self, event: Ended) -> bytes:
        grounded = self._grounded()
        candidates: list[Fields] = []
        for index, candidate in sorted(self._candidates.items()):
            finished = candidate.finished
            if finished is not None and "unsaid" in flags_of(finished.native):
                continue
            fields: Fields = {"content": {"parts": [{"text": ""}], "role": "model"}}
            if finished is not None:
                put_finish(fields, finished.finish, is_own=self._is_own)
            else:
                put_unnamed(fields)
            fields["index"] = index
            cited = grounded.get(index)
            if cited is not None:
                fields["groundingMetadata"] = cited
            if finished is not None:
                put_native(fields, finished.native, DIALECT, self._changes, f"candidates[{index}]")
            candidates.append(fields)
        item: Fields = {"candidates": candidates} if candidates else {}
        if self._usage is not None:
            item["usageMetadata"] = self._usage
        item.update(self._meta)
        put_native(item, event.native, DIALECT, self._changes, "")
        return self._item(item) + (b"]" if self._is_array else b"")

    def _grounded(self) -> dict[int, Fields]:
        found: dict[int, Grounding] = {}
        for opened, citation in [] if self._is_own else self._citations:
            grounding = found.setdefault(opened.candidate, Grounding())
            grounding.add(citation, "".join(opened.sent), before=opened.before)
        written = {index: grounding.fields() for index, grounding in found.items()}
        return {index: fields for index, fields in written.items() if fields is not None}

    def _broke(self, event: Broke) -> bytes:
        code = event.status if event.status is not None else 500
        status = event.kind if event.kind.isupper() else _STATUSES.get(code, "INTERNAL")
        return self._item({"error": {"code": code, "message": event.message, "status": status}})
