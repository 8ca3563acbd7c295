"""Where in a call's texts the documents stand that retrieval brought in its trace.

A document counts where it stands whole, or at least eight of its words in a row do, however they are wrapped,
escaped or cased. Read next: `traces.lineage.matching`, `traces.lineage.recorded`.
"""

import asyncio
import uuid
from collections.abc import Sequence

import msgspec

from headgate.store.database import Connection
from headgate.traces.lineage.matching import Index, Stretch
from headgate.traces.lineage.recorded import documents_of
from headgate.traces.lineage.words import Piece, Pieces


class DocumentPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A document's words in a text: characters `start` to `end`."""

    start: int
    end: int
    name: str


class RetrievedDocuments:
    """Finds documents of a call's trace in its texts."""

    async def places(
        self, connection: Connection, project: str, call: uuid.UUID, texts: Sequence[str]
    ) -> list[list[DocumentPlace]]:
        """Return for each text where documents stand in it, in order and apart from each other."""
        documents = await documents_of(connection, project, call)
        if not documents or not texts:
            return [[] for _ in texts]
        return await asyncio.to_thread(places_of, documents, texts)


def places_of(documents: Sequence[tuple[str, str]], texts: Sequence[str]) -> list[list[DocumentPlace]]:
    """Return where documents, each a name and a text, stand in texts: the first of equal ones is named."""
    pieces, index = Pieces(), Index()
    names: dict[int, tuple[str, int]] = {}
    for number, (name, text) in enumerate(documents):
        piece = pieces.of(text)
        names.setdefault(id(piece), (name or f"document {number + 1}", -number))
        index.add(piece)
    found: list[list[DocumentPlace]] = []
    for text in texts:
        piece = pieces.of(text)
        if id(piece) in names:
            # The text is a document and nothing else.
            found.append([DocumentPlace(start=0, end=len(text), name=names[id(piece)][0])])
            continue
        places: list[DocumentPlace] = []
        for stretch in index.match(piece, lambda source: (names[id(source)][1],)):
            start, end = _grown(piece, stretch)
            places.append(DocumentPlace(start=start, end=end, name=names[id(stretch.source)][0]))
        found.append(places)
    return found


def _grown(piece: Piece, stretch: Stretch) -> tuple[int, int]:
    """Return where a stretch stands in a text, with the signs around its words that the document has, too."""
    start, end = piece.span(stretch.to_first, stretch.to_first + stretch.length)
    source = stretch.source
    first, last = source.span(stretch.from_first, stretch.from_first + stretch.length)
    while start and first and piece.text[start - 1] == source.text[first - 1]:
        start, first = start - 1, first - 1
    while end < len(piece.text) and last < len(source.text) and piece.text[end] == source.text[last]:
        end, last = end + 1, last + 1
    return start, end
