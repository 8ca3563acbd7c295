"""Streams of Google's generateContent read into events: server-sent events or one JSON array, as they come.

A text goes on from chunk to chunk; what has a signature is a part of its own (trap 34). Why an answer ends
and what it used is said at the very end, from what came last (5): older models name a reason in every chunk.
Keeps no more than an unfinished chunk and the texts that citations may point into. Read next: `streams_out`.
"""

from typing import Final, cast

from headgate.core.chat import Citation, Fields, Finish, Native, Reasoning, Text, ToolCall
from headgate.core.events import (
    Began,
    Broke,
    CitationDelta,
    Ended,
    Event,
    Finished,
    PartBegan,
    PartEnded,
    TextDelta,
    UsageSeen,
)
from headgate.core.faults import UpstreamError
from headgate.wire.answers import google_searches, tier_of, with_units
from headgate.wire.dialects.fields import decode
from headgate.wire.dialects.google.finishing import blocked, finish_of
from headgate.wire.dialects.google.grounding import Support, located, supports_of
from headgate.wire.dialects.google.parts import read_part
from headgate.wire.dialects.google.spelling import DIALECT, Members
from headgate.wire.dialects.google.times import created_of
from headgate.wire.dialects.stream_reading import StreamReading
from headgate.wire.google_stream import ArraySplitter
from headgate.wire.sse import EventSplitter, data_of
from headgate.wire.usage import usage_of

_PLAIN: Final = Text(text="")
_THOUGHT: Final = Reasoning(is_summary=True)
_KNOWN: Final = frozenset(
    {"candidates", "usageMetadata", "modelVersion", "responseId", "createTime", "error"}
)
_OF_CANDIDATES: Final = frozenset({"content", "finishReason", "index"})

CANDIDATES_MAX: Final = 1_024
MESSAGE_LENGTH_MAX: Final = 2_000


class _State:
    """One candidate while it comes."""

    __slots__ = (
        "cited", "has_calls", "is_past", "left", "numbers", "open", "reason", "shown", "supports", "thinks",
    )  # fmt: skip

    def __init__(self) -> None:
        self.open = -1
        """The number of the text that still goes on; -1 for none."""
        self.thinks = False
        self.is_past = False
        """Whether what has come since is no part of that text."""
        self.shown: list[list[str]] = []
        self.numbers: list[int] = []
        self.supports: list[Support] = []
        self.cited: set[tuple[int, Citation]] = set()
        self.reason = ""
        self.has_calls = False
        self.left: Fields = {}


class GoogleEventsIn(StreamReading):
    """Reads one stream."""

    def __init__(self) -> None:
        super().__init__()
        self._splitter = EventSplitter()
        self._array: ArraySplitter | None = None
        self._is_known = False
        self._has_begun = False
        self._number = 0
        self._states: dict[int, _State] = {}
        self._usage: Fields | None = None
        self._searches = 0
        self._left: Fields = {}

    def _feed(self, data: bytes, events: list[Event]) -> None:
        if not self._is_known:
            begin = data.lstrip()[:1]
            if not begin:
                return
            self._is_known = True
            if begin == b"[":
                self._array = ArraySplitter()
        if self._array is None:
            for event in self._splitter.feed(data):
                self._take(data_of(event), events)
            return
        for _, value in self._array.feed(data):
            self._take(value, events)

    def _end(self, events: list[Event]) -> None:
        rest = self._splitter.rest() if self._array is None else b""
        if rest.strip():
            try:
                self._take(data_of(rest), events)
            except UpstreamError:
                return  # an event that the connection's end has cut
        self._finish(events)

    def _take(self, data: bytes, found: list[Event]) -> None:
        if not data or data == b"[DONE]":
            return
        try:
            chunk = decode(data)
        except ValueError as error:
            raise UpstreamError(f"an event of the provider's stream is no JSON: {error}") from None
        if not isinstance(chunk, dict):
            raise UpstreamError("an event of the provider's stream is no JSON object")
        try:
            self._read(cast("Fields", chunk), data, found)
        except RecursionError:
            raise UpstreamError("an event of the provider's stream is nested too deeply") from None

    def _read(self, chunk: Fields, data: bytes, found: list[Event]) -> None:
        if "error" in chunk:
            found.append(_broke(chunk["error"]))
            return
        if not self._has_begun:
            found.append(self._began(chunk))
        candidates = chunk.get("candidates")
        if isinstance(candidates, list):
            for place, candidate in enumerate(cast("list[object]", candidates)):
                if isinstance(candidate, dict):
                    self._candidate(cast("Fields", candidate), place, found)
        elif candidates is not None:  # as of a whole answer: what it was to say is lost
            raise UpstreamError("the provider's stream is none of its dialect: candidates is no list")
        usage = chunk.get("usageMetadata")
        if isinstance(usage, dict):
            self._usage = cast("Fields", usage)
        if b'"webSearchQueries"' in data:
            self._searches = max(self._searches, google_searches(data))
        if not chunk.keys() <= _KNOWN:
            self._left.update((name, value) for name, value in chunk.items() if name not in _KNOWN)

    def _began(self, chunk: Fields) -> Began:
        self._has_begun = True
        members = Members(chunk)
        created_s = created_of(members)
        members.left = {}
        return Began(
            dialect=DIALECT,
            id=members_text(chunk, "responseId"),
            model=members_text(chunk, "modelVersion"),
            created_s=created_s,
            native=members.shaped(),
        )

    def _candidate(self, candidate: Fields, place: int, found: list[Event]) -> None:
        index = candidate.get("index")
        if type(index) is not int or not 0 <= index < CANDIDATES_MAX:
            index = place
        state = self._states.get(index)
        if state is None:
            if len(self._states) >= CANDIDATES_MAX:
                raise UpstreamError(f"the provider's stream has more than {CANDIDATES_MAX} candidates")
            state = self._states[index] = _State()
        if not candidate.keys() <= _OF_CANDIDATES:
            self._beside(state, candidate)
        content = candidate.get("content")
        parts = cast("Fields", content).get("parts") if isinstance(content, dict) else None
        if isinstance(parts, list):
            for part in cast("list[object]", parts):
                if isinstance(part, dict):
                    self._part(state, index, cast("Fields", part), found)
        if state.supports:
            self._cite(state, found)
            state.supports = []
        reason = candidate.get("finishReason")
        if isinstance(reason, str) and reason:
            state.reason = reason

    def _beside(self, state: _State, candidate: Fields) -> None:
        """What is said of a candidate beside its parts; an empty object never replaces what said more."""
        for name, value in candidate.items():
            if name not in _OF_CANDIDATES and (value or name not in state.left):
                state.left[name] = value
        state.supports = supports_of(candidate)

    def _part(self, state: _State, index: int, part: Fields, found: list[Event]) -> None:
        text = part.get("text")
        thinks = part.get("thought") is True
        if isinstance(text, str) and len(part) == 1 + thinks:
            if not text:
                return
            if state.open < 0 or state.thinks is not thinks or state.is_past:
                self._close(state, found)
                self._open(state, index, found, thinks=thinks)
            if not thinks:
                state.shown[-1].append(text)
            found.append(TextDelta(number=state.open, text=text))
            return
        whole = read_part(part)
        if state.thinks:
            self._close(state, found)
        else:
            # A call or a signature behind a text is most often the end, where it is said what the text has
            # from elsewhere: it takes citations until another text begins.
            state.is_past = True
        number = self._number
        self._number += 1
        if isinstance(whole, Text):
            state.shown.append([whole.text])
            state.numbers.append(number)
        elif isinstance(whole, ToolCall):
            state.has_calls = True
        found.append(PartBegan(number=number, part=whole, candidate=index))
        found.append(PartEnded(number=number))

    def _open(self, state: _State, index: int, found: list[Event], *, thinks: bool) -> None:
        state.open, state.thinks, state.is_past = self._number, thinks, False
        self._number += 1
        if not thinks:
            state.shown.append([])
            state.numbers.append(state.open)
        found.append(PartBegan(number=state.open, part=_THOUGHT if thinks else _PLAIN, candidate=index))

    def _close(self, state: _State, found: list[Event]) -> None:
        if state.open < 0:
            return
        if state.supports:
            self._cite(state, found)
        found.append(PartEnded(number=state.open))
        state.open = -1

    def _cite(self, state: _State, found: list[Event]) -> None:
        """Say what the text that goes on has from elsewhere; texts that have ended take no more citations."""
        if state.open < 0 or state.thinks:
            return
        texts = ["".join(pieces) for pieces in state.shown]
        for one in located(state.supports, texts, range(len(texts))):
            number = state.numbers[one.place]
            known = (number, one.citation)
            if number == state.open and known not in state.cited:
                state.cited.add(known)
                found.append(CitationDelta(number=number, citation=one.citation))

    def _finish(self, found: list[Event]) -> None:
        refused = blocked(self._left)
        is_whole = refused is not None or bool(self._states)
        for state in self._states.values():
            is_whole = is_whole and bool(state.reason)
        if not self._has_begun or not is_whole:
            return
        for index, state in sorted(self._states.items()):
            self._close(state, found)
            finish = finish_of(state.reason, has_calls=state.has_calls)
            native = Native(dialect=DIALECT, fields=state.left) if state.left else None
            found.append(Finished(finish=finish, candidate=index, native=native))
        if not self._states:
            found.append(_unsaid(refused))
        if self._usage is not None:
            usage = usage_of(DIALECT, "chat", self._usage)
            if self._searches:
                usage = with_units(usage, {"web_search": self._searches})
            native = Native(dialect=DIALECT, fields={"usageMetadata": self._usage})
            tier = tier_of(self._usage, None)
            found.append(UsageSeen(usage=usage, native=native, service_tier=tier))
        found.append(Ended(native=Native(dialect=DIALECT, fields=self._left) if self._left else None))


def _unsaid(refused: Finish | None) -> Finished:
    """The end of an answer without candidates: the prompt was refused (trap 22)."""
    finish = refused or Finish(reason="error")
    return Finished(finish=finish, native=Native(dialect=DIALECT, shape="unsaid"))


def members_text(fields: Fields, name: str) -> str:
    """A member that is a text; empty for anything else."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _broke(error: object) -> Broke:
    if not isinstance(error, dict):
        return Broke(message=str(error)[:MESSAGE_LENGTH_MAX] or "unnamed error")
    fields = cast("Fields", error)
    kind, status = members_text(fields, "status"), fields.get("code")
    message = members_text(fields, "message") or kind or "unnamed error"
    return Broke(
        message=message[:MESSAGE_LENGTH_MAX],
        kind=kind[:MESSAGE_LENGTH_MAX],
        status=status if type(status) is int and 100 <= status <= 599 else None,
    )
