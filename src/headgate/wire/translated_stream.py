"""One stream on its way from a provider's dialect into a caller's, seen as `wire.model.StreamReader` is.

Holds back nothing that can be said: what a feed brings is written at once. Its facts mean what those of a
passed-through stream mean, so that relay and settlement need not know the difference; but `finished` is the
provider's own end, after which nothing comes. Read next: `wire.translating`, `core.events`.
"""

from typing import Final, cast

import msgspec

from headgate.core.call import Dialect, Usage
from headgate.core.chat import (
    Fields,
    FinishReason,
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
    Began,
    Broke,
    CitationDelta,
    Ended,
    Event,
    Finished,
    PartBegan,
    TextDelta,
    UsageSeen,
)
from headgate.core.faults import UpstreamError
from headgate.wire.answers import tier_of
from headgate.wire.declining import declined_by
from headgate.wire.dialects.custom_tools import CustomCalls
from headgate.wire.dialects.model import EventsIn, EventsOut
from headgate.wire.dialects.sealing import stamped_event
from headgate.wire.dialects.structured_stream import RestoredStream
from headgate.wire.errors import error_event
from headgate.wire.model import StreamEvent

ERROR_LENGTH_MAX: Final = 2000
_ENCODE: Final = msgspec.json.Encoder().encode


class TranslatedStream:
    """A `wire.model.StreamReader` whose bytes are the caller's dialect."""

    __slots__ = (
        "_committed",
        "_custom",
        "_declined",
        "_ending",
        "_in",
        "_latest",
        "_maker",
        "_out",
        "_own",
        "_request_id",
        "_restoring",
        "error",
        "fingerprint",
        "finish",
        "finished",
        "model",
        "output_bytes",
        "response_id",
        "service_tier",
        "tool_calls",
        "usage",
        "usage_raw",
    )

    def __init__(
        self,
        into: EventsIn,
        out: EventsOut,
        *,
        own: Dialect,
        request_id: str,
        maker: str = "",
        restoring: RestoredStream | None = None,
        custom: CustomCalls | None = None,
    ) -> None:
        """`maker`: whom seals are marked with, where not every provider of the dialect takes them.
        `restoring`: what turns an answer's form back, where the target was made to keep one.
        `custom`: what turns calls of custom tools back, where the target knows functions alone."""
        self._in = into
        self._out = out
        self._own: Dialect = own
        self._request_id = request_id
        self._maker = maker
        self._restoring = restoring
        self._custom = custom
        self._committed = False
        self._ending = False
        self._declined: str | None = None
        self._latest: UsageSeen | None = None
        self.usage: Usage | None = None
        self.usage_raw = b""
        self.model: str | None = None
        self.service_tier: str | None = None
        self.response_id: str | None = None
        self.fingerprint: str | None = None
        self.finish: FinishReason | None = None
        self.tool_calls = 0
        self.finished = False
        self.error: str | None = None
        self.output_bytes = 0

    def feed(self, data: bytes) -> StreamEvent:
        """Take the next bytes; return what they say, in the caller's dialect. Raises UpstreamError."""
        return StreamEvent(self._said(self._in.feed(data)), self._committed)

    def end(self) -> StreamEvent:
        """The stream has ended; return what that says. Raises UpstreamError."""
        return StreamEvent(self._said(self._in.end()), self._committed)

    @property
    def declined(self) -> str:
        """The provider's word for why it filtered all of its answer; empty where it gave one."""
        return "" if self._committed else self._declined or ""

    def _said(self, events: list[Event]) -> bytes:
        said: list[bytes] = []
        if self._restoring is not None:
            events = self._restored(self._restoring, events)
        if self._custom is not None:
            events = [one for event in events for one in self._custom.take(event)]
        for event in events:
            if self.finished or self.error is not None:
                break
            if self._maker:
                event = stamped_event(event, self._maker)
            self._see(event)
            said.append(self._broken(event) if isinstance(event, Broke) else self._out.write(event))
        return said[0] if len(said) == 1 else b"".join(said)

    @staticmethod
    def _restored(restoring: RestoredStream, events: list[Event]) -> list[Event]:
        found: list[Event] = []
        for event in events:
            if isinstance(event, Ended):
                found += restoring.end()
            found += restoring.take(event)
        return found

    def _broken(self, event: Broke) -> bytes:
        """The provider's error, as the caller's dialect has it."""
        fault = UpstreamError(event.message or "the provider reported an error in the stream")
        return self._out.write(event) or error_event(self._own, fault, self._request_id)

    def _see(self, event: Event) -> None:
        match event:
            case TextDelta():
                self._made(event.text)
            case ArgumentsDelta():
                self._made(event.json)
            case PartBegan():
                self._begins(event.part)
            case CitationDelta():
                self._made(event.citation.quote or event.citation.url or "")
            case UsageSeen():
                self._latest = event
                self._count()
            case Finished():
                self._ending = True
                self.finish = event.finish.reason
                self._declined = declined_by(event, self._declined)
                self._count()
            case Began():
                self.model = event.model or None
                self.response_id = event.id or self._request_id or None
                self.service_tier = _dearer(event.service_tier)
            case Ended():
                self._ending = self.finished = True
                self._count()
            case Broke():
                self.error = (event.message or event.kind or "unnamed error")[:ERROR_LENGTH_MAX]
            case _:  # ends of parts, seals, and what only its dialect knows: nothing that anybody sees
                return

    def _made(self, text: str) -> None:
        if text:
            self._committed = True
            self.output_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))

    def _begins(self, part: Part) -> None:
        match part:
            case Text() | Refusal():
                self._made(part.text)
            case Reasoning():
                self._made(part.text)
                if part.is_redacted:
                    self._made(part.seal.data if part.seal is not None else " ")
            case Media():
                self._made(part.data or part.url or " ")
            case NativePart():
                self._made(_ENCODE(part.value).decode("utf-8", "replace"))
            case _:  # a tool's call, or a part of the provider's own, is a sign of life though it be empty
                self._committed = True
                self.tool_calls += isinstance(part, ToolCall)

    def _count(self) -> None:
        """What was said of usage counts once the answer ends; before, it is only the beginning."""
        latest = self._latest
        if latest is None or not self._ending:
            return
        self.usage = latest.usage
        self.usage_raw = usage_bytes(latest.native)
        stated = _dearer(latest.service_tier) or self.service_tier
        self.service_tier = tier_of(_usage_fields(latest.native), stated)


def _dearer(tier: str | None) -> str | None:
    """A tier that may have another price than the plain one."""
    return None if tier == "standard" else tier


def usage_bytes(native: Native | None) -> bytes:
    """The provider's own usage object, as JSON; empty where it was not kept."""
    fields = _usage_fields(native)
    return _ENCODE(fields) if fields else b""


def _usage_fields(native: Native | None) -> Fields | None:
    if native is None:
        return None
    for name in ("usage", "usageMetadata"):
        value = native.fields.get(name)
        if isinstance(value, dict):
            return cast("Fields", value)
    return None
