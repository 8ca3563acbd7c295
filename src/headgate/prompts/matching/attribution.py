"""Says of every byte of a call's input where it came from: template, variable, history, document, or unknown.

A fragment of a template is `template`. What else was seen before, as an answer or a document, is `history` or
`document`, inside a hole or not. The rest of a hole is `variable`. Pure; keeps no text, only digests of its
words. Read next: `index`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Literal, TypeVar

import msgspec

from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import MessageMatch

Origin = Literal["template", "variable", "history", "document", "unknown"]
ORIGINS: tuple[Origin, ...] = ("template", "variable", "history", "document", "unknown")

Made = TypeVar("Made", bound=str)
Stretch = tuple[int, int, Made, str]
"""Start, end, where it came from, and the name of that."""

WINDOW = 4
"""Words in a row that must have been seen for them to count as seen."""
WINDOWS_MAX = 1_000_000
"""Of all texts together; what is seen after that is not remembered."""
TOOL_ROLES = ("tool", "function")

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]")


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a request."""

    role: str
    text: str


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Characters `start` to `end` of one message, and where they came from."""

    message: int
    start: int
    end: int
    origin: Origin
    name: str
    """Of a template `path:symbol`, of a variable its hole's name; of the others what they were called."""


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """All spans of a call's input, in order and without a gap, and how many bytes (UTF-8) each origin has."""

    spans: tuple[Span, ...]
    bytes_by_origin: dict[Origin, int]

    @property
    def bytes_in_all(self) -> int:
        """The bytes of all messages."""
        return sum(self.bytes_by_origin.values())

    @property
    def share(self) -> float:
        """The share of the bytes whose origin is known; 1 where there are none."""
        return 1 - self.bytes_by_origin["unknown"] / max(self.bytes_in_all, 1)


class Seen:
    """What was seen before a call in its session: answers, documents, and what the user gave."""

    def __init__(self) -> None:
        self._windows: dict[int, tuple[Origin, str]] = {}

    def add_answer(self, text: str, name: str = "answer") -> None:
        """Remember an earlier answer, or another message of the conversation."""
        self._add(text, "history", name)

    def add_document(self, text: str, name: str = "document") -> None:
        """Remember a tool's result or a text that was retrieved."""
        self._add(text, "document", name)

    def add_variable(self, text: str, name: str) -> None:
        """Remember what the program was given: its user's words."""
        self._add(text, "variable", name)

    def _add(self, text: str, origin: Origin, name: str) -> None:
        words = [match.group() for match in _WORD.finditer(text)]
        for window in _windows(words):
            if len(self._windows) >= WINDOWS_MAX:
                return
            self._windows.setdefault(window, (origin, name))

    def spans(self, text: str, start: int, end: int) -> Iterator[Stretch[Origin]]:
        """Yield the stretches of a part of a text that were seen, with their origin and its name."""
        places = [match.span() for match in _WORD.finditer(text, start, end)]
        words = [text[low:high] for low, high in places]
        origins: list[tuple[Origin, str] | None] = [None] * len(words)
        for index, window in enumerate(_windows(words)):
            known = self._windows.get(window)
            if known is not None:
                for inner in range(index, min(index + WINDOW, len(words))):
                    origins[inner] = origins[inner] or known
        index = 0
        while index < len(words):
            known, first = origins[index], index
            while index < len(words) and origins[index] == known:
                index += 1
            if known is not None:
                yield places[first][0], places[index - 1][1], *known


def _windows(words: Sequence[str]) -> Iterator[int]:
    """Digest each few words in a row; a text of fewer is one window of its own length."""
    for index in range(max(len(words) - WINDOW + 1, min(len(words), 1))):
        yield hash(tuple(words[index : index + WINDOW]))


def attribute(messages: Iterable[Message], matcher: Matcher, seen: Seen) -> Attribution:
    """Attribute all text of a call's messages.

    Whitespace that nobody claims goes with what stands before it. A tool's message is a document.
    """
    spans: list[Span] = []
    counts: dict[Origin, int] = dict.fromkeys(ORIGINS, 0)
    for number, message in enumerate(messages):
        for span in _of_message(number, message, matcher.match(message.text), seen):
            spans.append(span)
            counts[span.origin] += len(message.text[span.start : span.end].encode("utf-8", "surrogatepass"))
    return Attribution(spans=tuple(spans), bytes_by_origin=counts)


def _of_message(number: int, message: Message, match: MessageMatch, seen: Seen) -> Iterator[Span]:
    painting: Painting[Origin] = Painting(len(message.text))
    for piece in match.pieces:
        for start, end in piece.literals:
            painting.paint(start, end, "template", f"{piece.path}:{piece.symbol}")
    painting.fill([each for start, end in painting.gaps() for each in seen.spans(message.text, start, end)])
    if message.role in TOOL_ROLES:
        painting.paint(0, len(message.text), "document", message.role)
    # The hole within another's value was filled last, and says more.
    holes = sorted(
        (hole for piece in match.pieces for hole in piece.holes), key=lambda hole: hole.end - hole.start
    )
    for hole in holes:
        painting.paint(hole.start, hole.end, "variable", hole.name)
    painting.close(message.text, "unknown")
    for start, end, origin, name in painting.stretches:
        yield Span(message=number, start=start, end=end, origin=origin, name=name)


class Painting(Generic[Made]):
    """Stretches of one message, each painted once: what is painted first stays."""

    def __init__(self, length: int) -> None:
        self._length = length
        self.stretches: list[Stretch[Made]] = []

    def gaps(self) -> list[tuple[int, int]]:
        """Return what is not painted yet."""
        found: list[tuple[int, int]] = []
        position = 0
        for start, end, _, _ in self.stretches:
            if position < start:
                found.append((position, start))
            position = end
        if position < self._length:
            found.append((position, self._length))
        return found

    def paint(self, start: int, end: int, origin: Made, name: str) -> None:
        """Paint as much of a stretch as is free."""
        new: list[Stretch[Made]] = []
        for low, high in self.gaps():
            if max(low, start) < min(high, end):
                new.append((max(low, start), min(high, end), origin, name))
        self.fill(new)

    def fill(self, stretches: list[Stretch[Made]]) -> None:
        """Paint stretches that are free."""
        self.stretches = sorted([*self.stretches, *stretches])

    def close(self, text: str, rest: Made) -> None:
        """Give mere whitespace to what stands before it, or else after it, and say where the rest is from."""
        for start, end in self.gaps():
            if text[start:end].isspace() and self.stretches:
                beside = next(
                    (each for each in reversed(self.stretches) if each[1] <= start), self.stretches[0]
                )
                self.paint(start, end, beside[2], beside[3])
        for start, end in self.gaps():
            self.paint(start, end, rest, "")
