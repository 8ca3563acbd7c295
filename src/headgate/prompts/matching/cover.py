"""Chooses, of all the renderings that fit a message, those that made it.

What covers more of the message with its fragments wins; whoever overlaps it goes. Of several that cover the
same, whitespace, the running commit, the other pieces and then age decide. Pure. Read next: `pieces`.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headgate.prompts.matching.chaining import Chain
from headgate.prompts.matching.model import CatalogueVersion, Place
from headgate.prompts.matching.texts import Text
from headgate.prompts.model import Template

PIECES_MAX = 200
"""Of one message; smaller pieces beyond are left out."""


class Candidate(NamedTuple):
    """One rendering of a template, and the places in the catalogue that hold it."""

    template: Template
    chain: Chain
    holders: Sequence[CatalogueVersion]


class Choice(NamedTuple):
    """What was chosen for one stretch: versions of one prompt that fit equally, and who else fits."""

    template: Template
    chain: Chain
    versions: tuple[CatalogueVersion, ...]
    others: tuple[Place, ...]
    first: int
    last: int
    """The commits of its catalogue that hold text that fits, here or elsewhere: a prompt may have moved."""


def place_of(version: CatalogueVersion) -> Place:
    """Return where a version's prompt stands."""
    return Place(source=version.source, path=version.path, symbol=version.symbol)


def cover(message: Text, candidates: list[Candidate], at: Mapping[str, int]) -> list[Choice]:
    """Choose among the candidates."""
    running = _narrowed(candidates, at) if at else candidates
    groups: dict[tuple[tuple[int, int], ...], list[Candidate]] = {}
    for candidate in running:
        groups.setdefault(candidate.chain.spans, []).append(candidate)
    taken = Taken()
    kept: list[list[Candidate]] = []
    for spans in sorted(groups, key=_rank):
        if len(kept) < PIECES_MAX and taken.has_room(spans):
            taken.take(spans)
            kept.append(_best_by_whitespace(message, groups[spans]))
    return [_choice(group, kept, at) for group in kept]


class Taken:
    """Stretches of a message that are spoken for."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def has_room(self, spans: Sequence[tuple[int, int]]) -> bool:
        """Whether none of the stretches is taken, not even in part."""
        return all(self._is_free(start, end) for start, end in spans)

    def _is_free(self, start: int, end: int) -> bool:
        index = bisect_left(self._ends, start + 1)
        return index == len(self._starts) or self._starts[index] >= end

    def take(self, spans: Sequence[tuple[int, int]]) -> None:
        """Take stretches that are free."""
        for start, end in spans:
            index = bisect_left(self._starts, start)
            self._starts.insert(index, start)
            self._ends.insert(index, end)

    def gaps(self, length: int) -> list[tuple[int, int]]:
        """Return the stretches of a text of some length that are free, in order."""
        edges = [0, *(edge for pair in zip(self._starts, self._ends, strict=True) for edge in pair), length]
        return [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2) if edges[i] < edges[i + 1]]


def _rank(spans: tuple[tuple[int, int], ...]) -> tuple[int, int, int]:
    """The most literal text first; of equals the tightest, then the earliest."""
    literal = sum(end - start for start, end in spans)
    return -literal, spans[-1][1] - spans[0][0], spans[0][0]


def is_running(version: CatalogueVersion, at: Mapping[str, int]) -> bool:
    """Whether the commit that runs holds a version."""
    place = at.get(version.source)
    return place is not None and version.first <= place <= version.last


def _narrowed(candidates: list[Candidate], at: Mapping[str, int]) -> list[Candidate]:
    """Leave out versions of prompts of which another fits that the running commit holds."""
    held = {
        place_of(version)
        for candidate in candidates
        for version in candidate.holders
        if is_running(version, at)
    }
    narrowed: list[Candidate] = []
    for candidate in candidates:
        holders = [
            version
            for version in candidate.holders
            if is_running(version, at) or place_of(version) not in held
        ]
        if holders:
            narrowed.append(candidate._replace(holders=holders))
    return narrowed


def _best_by_whitespace(message: Text, group: list[Candidate]) -> list[Candidate]:
    """Of templates that differ in whitespace only, keep those whose whitespace is the message's."""
    if len(group) == 1:
        return group
    scores = [_kept(message, candidate) for candidate in group]
    best = max(scores)
    return [candidate for candidate, score in zip(group, scores, strict=True) if score == best]


def _kept(message: Text, candidate: Candidate) -> int:
    """Count the characters of fragments that the message has as they are, whitespace and all."""
    parts = candidate.template.parts
    raw = message.raw
    kept = 0
    end_before = 0
    for step, start, end in candidate.chain.places:
        part = parts[step.part]
        if not isinstance(part, str):
            continue
        inner = part.strip()
        at, until = message.at(start), message.end_at(end)
        if raw.startswith(inner, at):
            before, after = len(part) - len(part.lstrip()), len(part) - len(part.rstrip())
            kept += len(inner)
            kept += before if at >= before and raw.startswith(part[:before], at - before) else 0
            kept += after if raw.startswith(part[len(part) - after :], until) else 0
        for between in _whitespace_before(parts, step.part):
            kept += len(between) if raw.find(between, end_before, at) >= 0 else 0
        end_before = until
    return kept


def _whitespace_before(parts: Sequence[object], index: int) -> list[str]:
    """Return the fragments of mere whitespace between a fragment and the one before it."""
    found: list[str] = []
    for part in reversed(parts[:index]):
        if isinstance(part, str):
            if not part.isspace():
                break
            found.append(part)
    return found


def _choice(group: list[Candidate], all_groups: list[list[Candidate]], at: Mapping[str, int]) -> Choice:
    by_place: dict[Place, list[tuple[CatalogueVersion, Candidate]]] = {}
    for candidate in group:
        for version in candidate.holders:
            by_place.setdefault(place_of(version), []).append((version, candidate))
    place = next(iter(by_place))
    if len(by_place) > 1:
        paths, intervals = _company(group, all_groups)

        def rank(place: Place) -> tuple[bool, int, int, int]:
            held = [version for version, _ in by_place[place]]
            first, last = min(each.first for each in held), max(each.last for each in held)
            together = sum(
                source == place.source and low <= last and first <= high for source, low, high in intervals
            )
            is_held = any(is_running(version, at) for version in held)
            return is_held, together, paths[place.source, place.path], last

        place = max(sorted(by_place), key=rank)
    held = sorted(by_place[place], key=lambda each: (not is_running(each[0], at), -each[0].last))
    fitting = [
        version for candidate in group for version in candidate.holders if version.source == place.source
    ]
    return Choice(
        template=held[0][1].template,
        chain=held[0][1].chain,
        versions=tuple(version for version, _ in held),
        others=tuple(sorted(other for other in by_place if other != place)),
        first=min(version.first for version in fitting),
        last=max(version.last for version in fitting),
    )


def _company(
    group: list[Candidate], all_groups: list[list[Candidate]]
) -> tuple[Counter[tuple[str, str]], list[tuple[str, int, int]]]:
    """Count the paths that the other pieces may come from, and return the commits that may hold them."""
    paths: Counter[tuple[str, str]] = Counter()
    intervals: list[tuple[str, int, int]] = []
    for other in all_groups:
        if other is group:
            continue
        holders = [version for candidate in other for version in candidate.holders]
        paths.update({(version.source, version.path) for version in holders})
        for source in {version.source for version in holders}:
            held = [version for version in holders if version.source == source]
            intervals.append((source, min(each.first for each in held), max(each.last for each in held)))
    return paths, intervals
