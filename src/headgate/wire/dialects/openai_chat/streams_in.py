"""A stream of OpenAI's chat and its families, read into events. Sans-I/O; any chunking gives the same events.

Parsed by the rules of server-sent events (`wire.sse`, trap 16). Only `[DONE]` ends a stream (17); what a
chunk says that has no word is kept for the end of its choice, or of the stream. A chunk that is no JSON is
told by the next call after what came before it. Read next: `deltas_in`, `streams_out`.
"""

import contextlib
from typing import Final, cast

import msgspec

from headgate.core.chat import Fields, Native
from headgate.core.events import Began, Broke, Ended, Event, UsageSeen
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.fields import is_hollow
from headgate.wire.dialects.openai_chat.deltas_in import ChoiceIn, Numbers
from headgate.wire.dialects.openai_chat.spelling import OWN
from headgate.wire.dialects.stream_reading import StreamReading
from headgate.wire.event_reader import ERROR_LENGTH_MAX
from headgate.wire.sse import EventSplitter, data_of
from headgate.wire.usage import Fields as UsageFields
from headgate.wire.usage import usage_of

_decode = msgspec.json.Decoder().decode

_KNOWN: Final = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "error", "x_groq", "obfuscation"}
)
"""Members of a chunk that are read one by one; padding says nothing."""

CHOICES_MAX: Final = 1024


def _not_read(why: str) -> UpstreamError:
    return UpstreamError(f"the provider's stream can't be read: {why}")


class StreamReader(StreamReading):
    """Reads one stream."""

    __slots__ = (
        "_began",
        "_choices",
        "_is_over",
        "_late",
        "_numbers",
        "_said",
        "_splitter",
        "_usage",
    )

    def __init__(self) -> None:
        super().__init__()
        self._splitter = EventSplitter()
        self._numbers = Numbers()
        self._choices: dict[int, ChoiceIn] = {}
        self._began = False
        self._is_over = False
        self._said: Fields = {}
        self._late: Fields = {}
        self._usage: Fields | None = None

    def _feed(self, data: bytes, events: list[Event]) -> None:
        for piece in self._splitter.feed(data):
            self._take(piece, events)

    def _end(self, events: list[Event]) -> None:
        """What no blank line had ended counts, if it is whole."""
        rest = self._splitter.rest()
        if rest:
            with contextlib.suppress(UpstreamError):  # cut in the middle of an event
                self._take(rest, events)

    def _take(self, piece: bytes, events: list[Event]) -> None:
        data = data_of(piece)
        if not data or self._is_over:
            return
        if data[:1] != b"{":
            self._take_mark(data.strip(), events)
            return
        try:
            value = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _not_read(f"a chunk is no JSON: {error}") from None
        if piece.startswith(b"event: error") and "error" not in value:
            value = {"error": value}
        try:
            self._chunk(cast("Fields", value), events)
        except (ValueError, RecursionError) as error:
            raise _not_read(f"a chunk is nested too deeply: {error}") from None

    def _take_mark(self, data: bytes, events: list[Event]) -> None:
        if not data:
            return
        if data != b"[DONE]":
            raise _not_read(f"a chunk is no JSON object: {data[:40]!r}")
        self._is_over = True
        self._begin({}, events)
        for choice in self._choices.values():
            choice.close(events)
        self._count(events)
        events.append(Ended(native=Native(dialect=OWN, fields=self._late) if self._late else None))

    def _chunk(self, chunk: Fields, events: list[Event]) -> None:
        choices = chunk.get("choices")
        if choices and type(choices) is not list:
            raise _not_read("its choices are no list")
        if not self._began and (choices or chunk.get("id") or chunk.get("error")):
            self._begin(chunk, events)
        else:
            self._keep(chunk)
        if choices:
            self._take_choices(cast("list[object]", choices), events)
        usage = chunk.get("usage")
        if usage is None and "x_groq" in chunk:
            usage = self._groq(chunk["x_groq"])
        if isinstance(usage, dict):
            self._usage = cast("Fields", usage)
        if self._usage is not None and (
            not choices or any(one.is_finished for one in self._choices.values())
        ):
            self._count(events)
        error = chunk.get("error")
        if error:
            self._is_over = True
            events.append(broke_of(error))

    def _take_choices(self, choices: list[object], events: list[Event]) -> None:
        for one in choices:
            if type(one) is not dict:
                raise _not_read("its choices are no list of objects")
            entry = cast("Fields", one)
            index = entry.get("index")
            place = index if type(index) is int and 0 <= index < CHOICES_MAX else 0
            choice = self._choices.get(place)
            if choice is None:
                choice = self._choices[place] = ChoiceIn(place, self._numbers)
            choice.take(entry, events)

    def _begin(self, chunk: Fields, events: list[Event]) -> None:
        """Azure's first chunk has neither choices nor names: it does not begin the answer (trap 8)."""
        if self._began:
            return
        self._began = True
        self._keep(chunk)
        fields, self._late = self._late, {}
        tier = fields.pop("service_tier", None)
        if tier is not None and not isinstance(tier, str):
            fields["service_tier"] = tier
            tier = None
        identifier, model, created = chunk.get("id"), chunk.get("model"), chunk.get("created")
        events.append(
            Began(
                dialect=OWN,
                id=identifier if isinstance(identifier, str) else "",
                model=model if isinstance(model, str) else "",
                created_s=created if type(created) is int else None,
                service_tier=tier,
                native=Native(dialect=OWN, fields=fields) if fields else None,
            )
        )

    def _keep(self, chunk: Fields) -> None:
        """Keep members that have no word, as they were said last."""
        said = self._said
        for name, value in chunk.items():
            if name in _KNOWN or value is None or said.get(name) == value or is_hollow(value):
                continue
            said[name] = self._late[name] = value

    def _groq(self, extension: object) -> object:
        """The usage that older Groq streams state in an object of their own, whose rest is kept (trap 7)."""
        if not isinstance(extension, dict):
            return None
        fields = dict(cast("Fields", extension))
        usage = fields.pop("usage", None)
        if fields and self._said.get("x_groq") != fields:
            self._said["x_groq"] = self._late["x_groq"] = fields
        return usage

    def _count(self, events: list[Event]) -> None:
        """Usage is final at or after a finish reason, or apart from any choice; before, a running sum."""
        raw, self._usage = self._usage, None
        if raw is None:
            return
        usage = usage_of(OWN, "chat", cast("UsageFields", raw))
        events.append(UsageSeen(usage=usage, native=Native(dialect=OWN, fields={"usage": raw})))


def broke_of(error: object) -> Broke:
    """An error inside a stream, as providers write one: an object with a message, or a text."""
    if not isinstance(error, dict):
        return Broke(message=str(error)[:ERROR_LENGTH_MAX])
    fields = cast("Fields", error)
    said = next((fields[name] for name in ("message", "detail", "type", "code") if fields.get(name)), "")
    kind = next((fields[name] for name in ("type", "code") if isinstance(fields.get(name), str)), "")
    codes = [fields.get(name) for name in ("status_code", "status", "code")]
    status = next((code for code in codes if type(code) is int and 100 <= code < 600), None)
    message = said if isinstance(said, str) else "unnamed error"
    return Broke(
        message=message[:ERROR_LENGTH_MAX] or "unnamed error", kind=cast("str", kind)[:64], status=status
    )
