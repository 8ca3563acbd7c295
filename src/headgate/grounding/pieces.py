"""What a model read, cut into pieces: documents, results of tools, messages, instructions. Pure.

Documents that a trace's retrieval brought are found where they stand in the request; documents that are
marked as such in a text (`<document>`, `[1]`, `Source 2:`) are found without a trace. What the model said
itself before is no context: it would speak for itself. Read next: `grounding.lexical`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from headgate.grounding.model import Piece, PieceKind
from headgate.traces.lineage.model import Text

PIECES_MAX: Final = 200
DOCUMENT_CHARACTERS_MIN: Final = 20
_TAGS: Final = "document|doc|source|passage|chunk|snippet|article|page|result|context"
_MARKED: Final = re.compile(rf"<({_TAGS})\b[^>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_HEADED: Final = re.compile(
    r"^[ \t]*(?:\[(?:\w+\s)?\d{1,3}\]|(?:document|source|passage|chunk|result)\s#?\d{1,3}\s?[:.)\-])",
    re.MULTILINE | re.IGNORECASE,
)
_BREAK: Final = re.compile(r"\n[ \t]*\n")


def pieces_of(texts: Sequence[Text], documents: Sequence[tuple[str, str]] = ()) -> tuple[Piece, ...]:
    """Return the pieces of a request's texts; `documents` are names and texts that retrieval brought."""
    found: list[Piece] = []
    for text in texts:
        kind = _kind(text)
        if kind is None or not text.value.strip():
            continue
        for start, end, of_kind, name in _cut(text.value, kind, documents):
            if len(found) >= PIECES_MAX or not text.value[start:end].strip():
                continue
            found.append(
                Piece(
                    id=f"p{len(found) + 1}",
                    kind=of_kind,
                    name=name or text.name,
                    part=text.part.removeprefix("/request"),
                    start=start,
                    end=end,
                    whole=(start, end) == (0, len(text.value)),
                    text=text.value[start:end],
                )
            )
    return tuple(found)


def _kind(text: Text) -> PieceKind | None:
    if text.kind == "tool_result":
        return "tool_result"
    if text.kind in ("tools", "tool_call") or text.role in ("assistant", "model"):
        return None
    return "system" if text.kind == "system" else "message"


def _cut(
    value: str, kind: PieceKind, documents: Sequence[tuple[str, str]]
) -> Iterator[tuple[int, int, PieceKind, str]]:
    """The documents of a text and what stands between them."""
    places = _traced(value, documents) or _marked(value)
    at = 0
    for start, end, name in places:
        if start > at:
            yield at, start, kind, ""
        yield start, end, "document", name
        at = end
    if at < len(value):
        yield at, len(value), kind, ""


def _traced(value: str, documents: Sequence[tuple[str, str]]) -> list[tuple[int, int, str]]:
    places: list[tuple[int, int, str]] = []
    for name, document in documents:
        text = document.strip()
        start = value.find(text) if len(text) >= DOCUMENT_CHARACTERS_MIN else -1
        if start >= 0:
            places.append((start, start + len(text), name))
    return _apart(places)


def _marked(value: str) -> list[tuple[int, int, str]]:
    tagged = [(found.start(), found.end(), found[1].lower()) for found in _MARKED.finditer(value)]
    if tagged:
        return _apart(tagged)
    heads = list(_HEADED.finditer(value))
    if len(heads) < 2:
        return []
    places: list[tuple[int, int, str]] = []
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        end = len(value) if following is None else following.start()
        if following is None:
            # The last one ends where a paragraph does: what comes after is the question, most often.
            stop = _BREAK.search(value, head.end())
            end = stop.start() if stop is not None else end
        places.append((head.start(), end, head[0].strip(" \t:.)-")))
    return places


def _apart(places: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """In order, without those that overlap one before."""
    kept: list[tuple[int, int, str]] = []
    for place in sorted(places):
        if not kept or place[0] >= kept[-1][1]:
            kept.append(place)
    return kept
