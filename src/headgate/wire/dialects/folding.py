"""A stream's events folded into the answer that they make up, and an answer unfolded into events. Pure.

Folding what unfolding gave is the answer again. Read next: `core.events`.
"""

from collections.abc import Iterable, Iterator

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    Fields,
    Finish,
    Native,
    Part,
    Reasoning,
    Refusal,
    Seal,
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
    PartEnded,
    SealDelta,
    TextDelta,
    UsageSeen,
)

PARTS_MAX = 100_000
"""Of one stream; what comes beyond is left out of the fold."""


class _Growing:
    """One part while its deltas come."""

    __slots__ = ("candidate", "citations", "json", "native", "part", "seal", "texts")

    def __init__(self, begun: PartBegan) -> None:
        self.part = begun.part
        self.candidate = begun.candidate
        self.texts: list[str] = []
        self.json: list[str] = []
        self.citations = list(begun.part.citations) if isinstance(begun.part, Text) else []
        self.seal: Seal | None = None
        self.native: Native | None = None

    def whole(self) -> Part:
        part = self.part
        match part:
            case Text():
                changed: Part = msgspec.structs.replace(
                    part,
                    text=part.text + "".join(self.texts),
                    citations=tuple(self.citations),
                    seal=self.seal or part.seal,
                    native=_joined(part.native, self.native),
                )
            case Reasoning():
                changed = msgspec.structs.replace(
                    part,
                    text=part.text + "".join(self.texts),
                    seal=self.seal or part.seal,
                    native=_joined(part.native, self.native),
                )
            case Refusal():
                changed = msgspec.structs.replace(
                    part, text=part.text + "".join(self.texts), native=_joined(part.native, self.native)
                )
            case ToolCall():
                changed = msgspec.structs.replace(
                    part,
                    arguments=(part.arguments + "".join(self.json)) or "{}",
                    seal=self.seal or part.seal,
                    native=_joined(part.native, self.native),
                )
            case _:
                changed = part
        return changed


class Fold:
    """An answer that grows with the events of its stream."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.broke: Broke | None = None
        self.is_ended = False
        self._began: Began | None = None
        self._parts: dict[int, _Growing] = {}
        self._finishes: dict[int, Finished] = {}
        self._usage_native: Native | None = None
        self._tier: str | None = None
        self._native: Native | None = None

    def take(self, event: Event) -> None:
        """Take the next event."""
        match event:
            case Began():
                self._began = event
            case PartBegan():
                if len(self._parts) < PARTS_MAX:
                    self._parts[event.number] = _Growing(event)
            case Finished():
                self._finishes[event.candidate] = event
            case UsageSeen():
                self.usage, self._usage_native = event.usage, event.native
                self._tier = event.service_tier or self._tier
            case Ended():
                self.is_ended, self._native = True, event.native
            case Broke():
                self.broke = event
            case TextDelta() | ArgumentsDelta() | SealDelta() | CitationDelta() | PartEnded():
                self._grow(event)
            case _:  # an event that only its dialect knows adds nothing to the answer
                return

    def _grow(self, event: TextDelta | ArgumentsDelta | SealDelta | CitationDelta | PartEnded) -> None:
        growing = self._parts.get(event.number)
        if growing is None:
            return
        match event:
            case TextDelta():
                growing.texts.append(event.text)
            case ArgumentsDelta():
                growing.json.append(event.json)
            case SealDelta():
                growing.seal = event.seal
            case CitationDelta():
                growing.citations.append(event.citation)
            case PartEnded():
                growing.native = event.native

    def answer(self) -> ChatAnswer:
        """The answer as far as it has come. Raises ValueError before the stream has begun."""
        indexes = sorted({0, *self._finishes, *(one.candidate for one in self._parts.values())})
        began = self._began
        if began is None:
            raise ValueError("a stream that has not begun makes no answer")
        return ChatAnswer(
            dialect=began.dialect,
            id=began.id,
            model=began.model,
            candidates=tuple(self._candidate(index) for index in indexes),
            usage=self.usage,
            created_s=began.created_s,
            service_tier=self._tier or began.service_tier,
            native=_joined(_joined(began.native, self._usage_native), self._native),
        )

    def _candidate(self, index: int) -> Candidate:
        finished = self._finishes.get(index)
        finish: Finish | None = finished.finish if finished is not None else None
        return Candidate(
            parts=tuple(one.whole() for one in self._parts.values() if one.candidate == index),
            finish=finish,
            index=index,
            native=finished.native if finished is not None else None,
        )


def fold(events: Iterable[Event]) -> ChatAnswer:
    """The answer that a stream's events make up."""
    growing = Fold()
    for event in events:
        growing.take(event)
    return growing.answer()


def unfold(answer: ChatAnswer) -> Iterator[Event]:
    """The events of a stream that would have brought an answer, each part whole in one."""
    yield Began(
        dialect=answer.dialect,
        id=answer.id,
        model=answer.model,
        created_s=answer.created_s,
        service_tier=answer.service_tier,
        native=answer.native,
    )
    number = 0
    for candidate in answer.candidates:
        for part in candidate.parts:
            yield PartBegan(number=number, part=part, candidate=candidate.index)
            yield PartEnded(number=number)
            number += 1
        if candidate.finish is not None:
            yield Finished(finish=candidate.finish, candidate=candidate.index, native=candidate.native)
    if answer.usage is not None:
        yield UsageSeen(usage=answer.usage)
    yield Ended()


def _joined(first: Native | None, second: Native | None) -> Native | None:
    if first is None or second is None:
        return second if first is None else first
    fields: Fields = {**first.fields, **second.fields}
    return Native(dialect=first.dialect, fields=fields, shape=second.shape or first.shape)
