"""What each piece of a context did: helped, harmed, was used, or nothing that shows. Pure.

A replay that failed is the worst answer, as a call that fails is wrong elsewhere: judged it scores 0, and it
shares no word with answers that have a text. Numbers come from `headgate.statistics`. Read next:
`grounding.replaying` (where answers come from).
"""

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.grounding.model import Piece
from headgate.grounding.replaying import Answered, Replayed
from headgate.statistics.distances import energy_distance, energy_test, least_p
from headgate.statistics.effects import bounded_difference
from headgate.statistics.model import Interval
from headgate.statistics.multiplicity import holm
from headgate.statistics.proportions import difference_of_shares

ERROR: Final = 0.05
ANSWERS_LEAST: Final = 2
_WORD: Final = re.compile(r"\w+")
_NOTHING: Final = frozenset({""})
"""Instead of the words of an answer that failed: like each other, and like no text."""

Did = Literal["helped", "harmed", "used", "nothing shows", "can't be told"]


class PieceEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What a piece did. `difference` is the score with it less that without; None where nobody judged.

    `p` is the chance of answers that differ as much as these if the piece were not used at all.
    """

    piece: str
    kind: str
    name: str
    did: Did
    sentence: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    change: float | None = None
    """How far answers with and without it are apart, beyond how far they are apart by themselves."""


def effects_of(replayed: Replayed) -> tuple[PieceEffect, ...]:
    """Return what each piece did; intervals and p-values hold for all pieces together."""
    whole = replayed.whole
    changed: dict[str, float] = {}
    changes: dict[str, float] = {}
    for piece, answers in replayed.without:
        is_repeated = min(len(whole), len(answers)) >= ANSWERS_LEAST
        if is_repeated and max(_spoken(whole), _spoken(answers)) >= ANSWERS_LEAST:
            distances = _distances([*whole, *answers])
            changed[piece.id] = energy_test(distances, len(whole))
            changes[piece.id] = energy_distance(distances, len(whole))
    corrected = dict(zip(changed, holm(list(changed.values())), strict=True)) if changed else {}
    count = len(replayed.without)
    return tuple(
        [
            msgspec.structs.replace(
                _effect(piece, whole, answers, corrected.get(piece.id), count), change=changes.get(piece.id)
            )
            for piece, answers in replayed.without
        ]
    )


def _spoken(answers: Sequence[Answered]) -> int:
    return sum(answer.text is not None for answer in answers)


def _effect(
    piece: Piece, whole: Sequence[Answered], answers: Sequence[Answered], p: float | None, count: int
) -> PieceEffect:
    effect = PieceEffect(
        piece=piece.id, kind=piece.kind, name=piece.name, did="can't be told", sentence="", p=p
    )
    if p is None:
        said = next((each.problem for each in (*answers, *whole) if each.text is None), "too few answers")
        return msgspec.structs.replace(effect, sentence=f"can't be told: {said}")
    difference = _difference(whole, answers, ERROR / count)
    failed = _failed(whole, "with it") + _failed(answers, "without it")
    shown = ""
    if difference is not None:
        effect = msgspec.structs.replace(
            effect, difference=difference.estimate, low=difference.low, high=difference.high
        )
        shown = f"{difference.estimate:+.2f} ({difference.low:+.2f} to {difference.high:+.2f})"
        if difference.excludes(0):
            did: Did = "helped" if difference.estimate > 0 else "harmed"
            return msgspec.structs.replace(effect, did=did, sentence=f"it {did}: {shown} with it{failed}")
    rest = (f"; its score with it {shown}" if shown else "") + failed
    if p <= ERROR:
        return msgspec.structs.replace(
            effect, did="used", sentence=f"without it answers are others than before{rest}"
        )
    least = least_p(len(whole), len(answers)) * count
    if least > ERROR:
        sentence = f"{len(answers)} repeats are too few to show anything of {count} pieces; take more{rest}"
        return msgspec.structs.replace(effect, sentence=f"can't be told: {sentence}")
    sentence = f"without it answers differ no more than they do by themselves{rest}"
    return msgspec.structs.replace(effect, did="nothing shows", sentence=sentence)


def _failed(answers: Sequence[Answered], when: str) -> str:
    """Say how many replays failed, and why the first did."""
    problems = [answer.problem for answer in answers if answer.text is None]
    if not problems:
        return ""
    return f"; {len(problems)} of {len(answers)} replays {when} failed, and count as wrong: {problems[0]}"


def _difference(whole: Sequence[Answered], answers: Sequence[Answered], alpha: float) -> Interval | None:
    """Scores with everything less those without the piece; None where nobody judged."""
    if all(answer.score is None for answer in (*whole, *answers)):
        return None
    with_it, without = _scores(whole), _scores(answers)
    if min(len(with_it), len(without)) < ANSWERS_LEAST:
        return None
    if {*with_it, *without} <= {0.0, 1.0}:
        return difference_of_shares(
            (with_it.count(1.0), len(with_it)), (without.count(1.0), len(without)), alpha=alpha
        )
    try:
        return bounded_difference(with_it, without, alpha=alpha)
    except InvalidRequest:
        return None


def _scores(answers: Sequence[Answered]) -> list[float]:
    """What answers are worth: nothing where they failed; what the judge didn't mark is left out."""
    scores = [0.0 if answer.text is None else answer.score for answer in answers]
    return [score for score in scores if score is not None]


def _distances(answers: Sequence[Answered]) -> list[list[float]]:
    """How far answers are apart: the share of their words that only one of two has (Jaccard 1912)."""
    words = [_NOTHING if each.text is None else _words(each.text) for each in answers]
    return [[_apart(one, other) for other in words] for one in words]


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _apart(one: frozenset[str], other: frozenset[str]) -> float:
    union = one | other
    return 1 - len(one & other) / len(union) if union else 0.0
