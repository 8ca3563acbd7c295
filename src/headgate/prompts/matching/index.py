"""Finds the templates that a message was made of."""

from collections.abc import Mapping, Sequence

from headgate.prompts.matching.model import CatalogueVersion, HoleValue, MatchedPiece, MessageMatch
from headgate.prompts.model import Hole

LITERAL_MIN = 24
"""Characters of fragments that a template needs to be found within a message."""


class Matcher:
    """The templates of a catalogue, ready to be found in messages."""

    def __init__(self, versions: Sequence[CatalogueVersion]) -> None:
        self._versions = [each for each in versions if len(each.template.literal.strip()) >= LITERAL_MIN]

    def match(self, text: str, *, at: Mapping[str, int] | None = None) -> MessageMatch:
        """Return the pieces of a message; `at` is, for a source, the place of the commit that runs."""
        found = [piece for each in self._versions if (piece := _piece(each, text)) is not None]
        running = at or {}

        def rank(piece: MatchedPiece) -> tuple[int, bool]:
            place = running.get(piece.source, -1)
            return -sum(end - start for start, end in piece.literals), not piece.first <= place <= piece.last

        taken: list[MatchedPiece] = []
        for piece in sorted(found, key=rank):
            if not any(
                start < other_end and other_start < end
                for start, end in piece.literals
                for other in taken
                for other_start, other_end in other.literals
            ):
                taken.append(piece)
        literal = sum(end - start for piece in taken for start, end in piece.literals)
        return MessageMatch(
            pieces=tuple(sorted(taken, key=lambda piece: piece.start)),
            literal_share=literal / max(len(text), 1),
        )


def _piece(version: CatalogueVersion, text: str) -> MatchedPiece | None:
    position = 0
    literals: list[tuple[int, int]] = []
    holes: list[HoleValue] = []
    names: list[str] = []
    for part in version.template.parts:
        if isinstance(part, Hole):
            names.append(part.name)
            continue
        start = text.find(part, position)
        if start < 0:
            return None
        if names and literals:
            holes.append(HoleValue(name=names[0], start=position, end=start))
        names.clear()
        position = start + len(part)
        literals.append((start, position))
    if names:
        holes.append(HoleValue(name=names[0], start=position, end=len(text)))
    return MatchedPiece(
        source=version.source,
        path=version.path,
        symbol=version.symbol,
        versions=(version.version,),
        first=version.first,
        last=version.last,
        start=literals[0][0],
        end=holes[-1].end if names else literals[-1][1],
        values={hole.name: text[hole.start : hole.end] for hole in reversed(holes)},
        exact=True,
        literals=tuple(literals),
        holes=tuple(holes),
    )
