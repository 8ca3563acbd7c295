"""Says of each stretch of a call's messages where it came from: template, document, variable, rule. Pure.

A rule's words come first, then a template's fragments, then documents that retrieval brought, in a hole or
not, then what else filled its holes; what none of these explains
is history in all messages but the first instructions and the last that a user wrote, and unknown there.
Read next: `provenance.reading`.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, Protocol, cast

import msgspec

from headgate.prompts.catalogue.texts import MessageText
from headgate.prompts.matching.attribution import Painting, Stretch
from headgate.prompts.matching.index import Matcher

Origin = Literal["template", "variable", "document", "history", "tool", "rule", "unknown"]
ORIGINS: Final[tuple[Origin, ...]] = (
    "template", "variable", "document", "history", "tool", "rule", "unknown",
)  # fmt: skip
COMPARED_MAX: Final = 20_000
"""Characters of a text that are compared with what stood before a rule."""

_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")
_TOOL_TYPES: Final = ("tool_result", "function_call_output", "custom_tool_call_output")


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a text. `name` is a template's `path:symbol`, a variable's hole, a document's name, or a
    rule's source."""

    text: str
    origin: Origin
    name: str


class PaintedText(msgspec.Struct, frozen=True, kw_only=True):
    """The text of one message: its pieces, put together, are it. `index` counts the body's messages."""

    index: int | None
    role: str
    pieces: list[Piece]


class OriginShare(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a call's input came from somewhere, by characters.

    `tokens_estimated` is that share of the input tokens; null where none are known.
    """

    origin: Origin
    characters: int
    share: float
    tokens_estimated: int | None


class RuleText(msgspec.Struct, frozen=True, kw_only=True):
    """A text as a rule found it and as it left it."""

    source: str
    before: str
    after: str


class FoundDocument(Protocol):
    """Where a document stands in a text."""

    @property
    def start(self) -> int:
        """Its first character."""
        ...

    @property
    def end(self) -> int:
        """The character behind its last."""
        ...

    @property
    def name(self) -> str:
        """What it is called."""
        ...


class Palette(msgspec.Struct, frozen=True, kw_only=True):
    """What the texts of a call may have come from; `documents` has a list for each text."""

    matcher: Matcher
    rules: Sequence[RuleText] = ()
    documents: Sequence[Sequence[FoundDocument]] = ()


def paint(texts: Sequence[MessageText], palette: Palette) -> list[PaintedText]:
    """Paint the texts of a call."""
    documents = palette.documents or [[] for _ in texts]
    users = [place for place, text in enumerate(texts) if text.role == "user"]
    asked = users[-1] if users else -1
    return [
        _painted(
            text, palette, found, rest="unknown" if place == asked or text.role == "system" else "history"
        )
        for place, (text, found) in enumerate(zip(texts, documents, strict=True))
    ]


def _painted(
    text: MessageText, palette: Palette, documents: Sequence[FoundDocument], *, rest: Origin
) -> PaintedText:
    painting: Painting[Origin] = Painting(len(text.text))
    for rule in palette.rules:
        for start, end in changed_by(rule, text.text):
            painting.paint(start, end, "rule", rule.source)
    found = palette.matcher.match(text.text)
    for piece in found.pieces:
        for start, end in piece.literals:
            painting.paint(start, end, "template", f"{piece.path}:{piece.symbol}")
    for document in documents:
        painting.paint(document.start, document.end, "document", document.name)
    holes = sorted(
        (hole for piece in found.pieces for hole in piece.holes), key=lambda each: each.end - each.start
    )
    for hole in holes:
        painting.paint(hole.start, hole.end, "variable", hole.name)
    painting.close(text.text, rest)
    return PaintedText(index=text.index, role=text.role, pieces=list(_pieces(text.text, painting.stretches)))


def _pieces(text: str, stretches: Iterable[Stretch[Origin]]) -> Iterable[Piece]:
    for start, end, origin, name in stretches:
        yield Piece(text=text[start:end], origin=origin, name=name)


def changed_by(rule: RuleText, text: str) -> list[tuple[int, int]]:
    """Return where in a text a rule wrote something else than what stood there before it."""
    place = text.find(rule.after) if rule.after else -1
    if place < 0 or len(rule.after) > COMPARED_MAX or len(rule.before) > COMPARED_MAX:
        return []
    before, after = (_WORD.findall(each) for each in (rule.before, rule.after))
    starts = [place]
    for word in after:
        starts.append(starts[-1] + len(word))
    compared = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return [
        (starts[first], starts[last])
        for tag, _, _, first, last in compared.get_opcodes()
        if tag in ("insert", "replace")
    ]


def shares(painted: Sequence[PaintedText], tool_characters: int, tokens: int) -> list[OriginShare]:
    """Return the share of each origin that is there, in a fixed order; they sum to 1."""
    counts: dict[Origin, int] = dict.fromkeys(ORIGINS, 0)
    counts["tool"] = tool_characters
    for text in painted:
        for piece in text.pieces:
            counts[piece.origin] += len(piece.text)
    total = max(1, sum(counts.values()))
    return [
        OriginShare(
            origin=origin,
            characters=count,
            share=round(count / total, 4),
            tokens_estimated=round(tokens * count / total) if tokens else None,
        )
        for origin, count in counts.items()
        if count
    ]


def tool_characters_of(body: Any) -> int:
    """Count the characters that tools answered, in the messages of any dialect."""
    if not isinstance(body, dict):
        return 0
    members = cast("dict[str, Any]", body)
    return sum(_answered(members.get(field)) for field in ("messages", "input", "contents"))


def _answered(given: Any) -> int:
    """Count what tools answered among messages and their parts."""
    if not isinstance(given, list):
        return 0
    count = 0
    for item in cast("list[Any]", given):
        if not isinstance(item, dict):
            continue
        part = cast("dict[str, Any]", item)
        response = part.get("functionResponse", part.get("function_response"))
        if part.get("role") in ("tool", "function") or part.get("type") in _TOOL_TYPES:
            count += _length(part.get("content", part.get("output")))
        elif response is not None:
            count += _length(response)
        else:
            count += _answered(part.get("content")) + _answered(part.get("parts"))
    return count


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(msgspec.json.encode(value))
