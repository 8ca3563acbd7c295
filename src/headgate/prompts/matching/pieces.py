"""Turns what was chosen into pieces of the original message: where each fragment and each value stands.

Pure. Read next: `index`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from headgate.prompts.matching.compiling import is_tag
from headgate.prompts.matching.cover import Choice
from headgate.prompts.matching.model import HoleValue, MatchedPiece
from headgate.prompts.matching.texts import Text, canonical
from headgate.prompts.model import Hole, Part


class _Fragment(NamedTuple):
    part: int
    start: int
    end: int
    begins: bool
    """Whether it is there from its beginning on."""
    ends: bool


def pieces_of(message: Text, whole: Sequence[Choice], partial: Sequence[Choice]) -> tuple[MatchedPiece, ...]:
    """Return the pieces, in the order in which they begin, of whole templates and of parts of some."""
    laid = [
        (choice, is_exact, _fragments(message, choice))
        for choices, is_exact in ((whole, True), (partial, False))
        for choice in choices
    ]
    _share_whitespace([fragments for _, _, fragments in laid])
    starts = sorted(fragment.start for _, _, fragments in laid for fragment in fragments)
    ends = sorted(fragment.end for _, _, fragments in laid for fragment in fragments)
    made = [
        _piece(message.raw, choice, is_exact, fragments, (starts, ends))
        for choice, is_exact, fragments in laid
    ]
    return tuple(sorted(made, key=lambda piece: (piece.start, piece.end)))


def shares(pieces: Iterable[MatchedPiece], length: int) -> tuple[float, float]:
    """Return the shares of a message that stand in fragments, and in holes but in no fragment."""
    literal = merged(span for piece in pieces for span in piece.literals)
    either = merged([*literal, *((hole.start, hole.end) for piece in pieces for hole in piece.holes)])
    in_literal = sum(end - start for start, end in literal)
    in_either = sum(end - start for start, end in either)
    return in_literal / max(length, 1), (in_either - in_literal) / max(length, 1)


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the stretches that some stretches cover together, in order."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif start < end:
            joined.append((start, end))
    return joined


def _fragments(message: Text, choice: Choice) -> list[_Fragment]:
    """Place each fragment in the original, with the whitespace at its edges as far as that is there."""
    raw = message.raw
    made: list[_Fragment] = []
    for step, start, end in choice.chain.places:
        part = choice.template.parts[step.part]
        assert isinstance(part, str)
        at, until = message.at(start), message.end_at(end)
        lead, trail = part[: len(part) - len(part.lstrip())], part[len(part.rstrip()) :]
        low = made[-1].end if made else 0
        if at - len(lead) >= low and raw.startswith(lead, at - len(lead)):
            at -= len(lead)
        if raw.startswith(trail, until):
            until += len(trail)
        here = message.canonical[start:end]
        whole = here if len(here) == step.length else canonical(part)
        made.append(_Fragment(step.part, at, until, whole.startswith(here), whole.endswith(here)))
    return made


def _share_whitespace(laid: list[list[_Fragment]]) -> None:
    """Leave whitespace that two pieces claim, each at its edge, to the one that comes first."""
    order = sorted((fragment.start, fragment.end, *place) for place, fragment in _placed(laid))
    end_before = 0
    for start, end, piece, index in order:
        if start < end_before:
            laid[piece][index] = laid[piece][index]._replace(start=end_before)
        end_before = max(end_before, end)


def _placed(laid: list[list[_Fragment]]) -> Iterator[tuple[tuple[int, int], _Fragment]]:
    for piece, fragments in enumerate(laid):
        for index, fragment in enumerate(fragments):
            yield (piece, index), fragment


def _piece(
    raw: str,
    choice: Choice,
    is_exact: bool,
    fragments: list[_Fragment],
    edges: tuple[list[int], list[int]],
) -> MatchedPiece:
    parts = choice.template.parts
    first, last = fragments[0], fragments[-1]
    # A hole at the edge of a template reaches as far as the next fragment of any piece.
    before = bisect_right(edges[1], first.start) - 1
    after = bisect_left(edges[0], last.end)
    gaps = [
        (parts[: first.part], edges[1][before] if before >= 0 else 0, first.start, first.begins),
        *(
            (parts[one.part + 1 : two.part], one.end, two.start, one.ends and two.begins)
            for one, two in pairwise(fragments)
        ),
        (parts[last.part + 1 :], last.end, edges[0][after] if after < len(edges[0]) else len(raw), last.ends),
    ]
    holes = [
        hole
        for between, start, end, is_whole in gaps
        # Where fragments are missing, nobody knows what is value and what is changed text.
        if is_exact or (is_whole and all(isinstance(part, Hole) or part.isspace() for part in between))
        for hole in _values(raw, between, start, end)
    ]
    values: dict[str, str] = {}
    for hole in holes:
        values.setdefault(hole.name, raw[hole.start : hole.end])
    version = choice.versions[0]
    return MatchedPiece(
        source=version.source,
        path=version.path,
        symbol=version.symbol,
        versions=tuple(dict.fromkeys(each.version for each in choice.versions)),
        first=choice.first,
        last=choice.last,
        start=min(first.start, holes[0].start if holes else len(raw)),
        end=max(last.end, holes[-1].end if holes else 0),
        values=values,
        exact=is_exact,
        literals=tuple((fragment.start, fragment.end) for fragment in fragments),
        holes=tuple(holes),
        others=choice.others,
    )


def _values(raw: str, between: Sequence[Part], start: int, end: int) -> list[HoleValue]:
    """Share a stretch out among the holes between two fragments, cut where whitespace stands between them.

    What stands from the first tag of a conditional or loop to the last is one value: none can tell how often
    it was repeated.
    """
    # Other fragments are those of conditionals that the rendering left out.
    parts = [part for part in between if isinstance(part, Hole) or part.isspace()]
    tags = [index for index, part in enumerate(parts) if isinstance(part, Hole) and is_tag(part.name)]
    if not any(isinstance(part, Hole) for part in parts) or start > end:
        return []
    if not tags:
        return _cut(raw, parts, start, end)
    before, middle, after = parts[: tags[0]], parts[tags[0] : tags[-1] + 1], parts[tags[-1] + 1 :]
    made: list[HoleValue] = []
    while len(before) > 1 and isinstance(hole := before[0], Hole) and isinstance(space := before[1], str):
        cut = raw.find(space, start, end)
        if cut < 0:
            break
        made.append(HoleValue(name=hole.name, start=start, end=cut))
        start, before = cut + len(space), before[2:]
    ending: list[HoleValue] = []
    while len(after) > 1 and isinstance(hole := after[-1], Hole) and isinstance(space := after[-2], str):
        cut = raw.rfind(space, start, end)
        if cut < 0:
            break
        ending.insert(0, HoleValue(name=hole.name, start=cut + len(space), end=end))
        end, after = cut, after[:-2]
    holes = [part for part in (*before, *middle, *after) if isinstance(part, Hole)]
    name = next((hole.name for hole in holes if not is_tag(hole.name)), holes[0].name)
    return [*made, HoleValue(name=name, start=start, end=end), *ending]


def _cut(raw: str, parts: Sequence[Part], start: int, end: int) -> list[HoleValue]:
    """Share a stretch out among holes: each but the last ends at the next whitespace of the template."""
    outer = list(parts)
    while isinstance(part := outer[0], str):
        outer.pop(0)
        start += len(part) if raw.startswith(part, start, end) else 0
    while isinstance(part := outer[-1], str):
        outer.pop()
        end -= len(part) if raw.endswith(part, start, end) else 0
    made: list[HoleValue] = []
    waiting: Hole | None = None
    for part in outer:
        if isinstance(part, Hole):
            waiting = waiting or part
            continue
        cut = raw.find(part, start, end) if waiting is not None else -1
        if waiting is not None and cut >= 0:
            made.append(HoleValue(name=waiting.name, start=start, end=cut))
            start, waiting = cut + len(part), None
    if waiting is not None:
        made.append(HoleValue(name=waiting.name, start=start, end=end))
    return made
