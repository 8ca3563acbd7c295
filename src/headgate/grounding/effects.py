"""What each piece of a context did: helped, harmed, was used, or nothing that shows. Pure.

Numbers come from `headgate.statistics`. Read next: `grounding.replaying` (where answers come from).
"""

import re
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.grounding.model import Piece
from headgate.grounding.replaying import Answered, Replayed
from headgate.statistics.distances import energy_test, least_p
from headgate.statistics.effects import bounded_difference
from headgate.statistics.model import Interval
from headgate.statistics.multiplicity import holm
from headgate.statistics.proportions import difference_of_shares

ERROR: Final = 0.05
ANSWERS_LEAST: Final = 2
_WORD: Final = re.compile(r"\w+")

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


def effects_of(replayed: Replayed) -> tuple[PieceEffect, ...]:
    """Return what each piece did; intervals and p-values hold for all pieces together."""
    whole = [answer.text for answer in replayed.whole if answer.text is not None]
    changed: dict[str, float] = {}
    for piece, answers in replayed.without:
        texts = [answer.text for answer in answers if answer.text is not None]
        if min(len(whole), len(texts)) >= ANSWERS_LEAST:
            changed[piece.id] = energy_test(_distances([*whole, *texts]), len(whole))
    corrected = dict(zip(changed, holm(list(changed.values())), strict=True)) if changed else {}
    count = len(replayed.without)
    return tuple(
        [
            _effect(piece, replayed.whole, answers, corrected.get(piece.id), count)
            for piece, answers in replayed.without
        ]
    )


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
    shown = ""
    if difference is not None:
        effect = msgspec.structs.replace(
            effect, difference=difference.estimate, low=difference.low, high=difference.high
        )
        shown = f"{difference.estimate:+.2f} ({difference.low:+.2f} to {difference.high:+.2f})"
        if difference.excludes(0):
            did: Did = "helped" if difference.estimate > 0 else "harmed"
            return msgspec.structs.replace(effect, did=did, sentence=f"it {did}: {shown} with it")
    rest = f"; its score with it {shown}" if shown else ""
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


def _difference(whole: Sequence[Answered], answers: Sequence[Answered], alpha: float) -> Interval | None:
    """Scores with everything less those without the piece."""
    with_it = [answer.score for answer in whole if answer.score is not None]
    without = [answer.score for answer in answers if answer.score is not None]
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


def _distances(texts: Sequence[str]) -> list[list[float]]:
    """How far answers are apart: the share of their words that only one of two has (Jaccard 1912)."""
    words = [frozenset(_WORD.findall(text.lower())) for text in texts]
    return [[_apart(one, other) for other in words] for one in words]


def _apart(one: frozenset[str], other: frozenset[str]) -> float:
    union = one | other
    return 1 - len(one & other) / len(union) if union else 0.0
