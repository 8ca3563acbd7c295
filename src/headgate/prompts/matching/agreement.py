"""Prefers, among covers of a message that explain as much, one that a single commit could have made.

A prompt that was split in two renders to the same text as before: the other pieces tell which it was. Pure.
Read next: `pieces`.
"""

from collections import Counter
from collections.abc import Mapping

from headgate.prompts.matching.cover import Candidate, Choice, cover, is_running
from headgate.prompts.matching.texts import Text

COMMITS_MAX = 16
"""That are tried for one catalogue."""
LOST_MAX = 0.01
"""Share of the literal text that a cover may explain less for the sake of agreement."""
LOST_TO_KNOWN_MAX = 0.1
"""The same where it is known which commit runs."""


def agreed_cover(message: Text, candidates: list[Candidate], at: Mapping[str, int]) -> list[Choice]:
    """Choose among candidates, so that pieces from one catalogue share a commit if they can."""
    choices = cover(message, candidates, at)
    for source in sorted({choice.versions[0].source for choice in choices}):
        if source not in at and _agree(choices, source):
            continue
        literal = _literal(choices)
        places, lost_max = ([at[source]], LOST_TO_KNOWN_MAX) if source in at else (None, LOST_MAX)
        for place in places or _places(candidates, source):
            held = _held_at(candidates, source, place)
            attempt = cover(message, held, at)
            if _literal(attempt) >= (1 - lost_max) * literal:
                choices = attempt
                candidates = held
                break
    return choices


def _agree(choices: list[Choice], source: str) -> bool:
    """Whether one commit of a catalogue holds a version of each of its pieces."""
    of_source = [choice.versions for choice in choices if choice.versions[0].source == source]
    first = max(min(version.first for version in versions) for versions in of_source)
    last = min(max(version.last for version in versions) for versions in of_source)
    return first <= last


def _literal(choices: list[Choice]) -> int:
    return sum(choice.chain.literal for choice in choices)


def _places(candidates: list[Candidate], source: str) -> list[int]:
    """Return the commits that hold the most of what fits; between changes all commits are alike."""
    holders = [
        version for candidate in candidates for version in candidate.holders if version.source == source
    ]
    counts: Counter[int] = Counter()
    for place in {version.first for version in holders}:
        counts[place] = sum(version.first <= place <= version.last for version in holders)
    return sorted(counts, key=lambda place: (-counts[place], -place))[:COMMITS_MAX]


def _held_at(candidates: list[Candidate], source: str, place: int) -> list[Candidate]:
    at = {source: place}
    narrowed: list[Candidate] = []
    for candidate in candidates:
        holders = [
            version for version in candidate.holders if version.source != source or is_running(version, at)
        ]
        if holders:
            narrowed.append(candidate._replace(holders=holders))
    return narrowed
