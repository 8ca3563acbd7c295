"""What a judge leans to beside quality: an answer's place, length or author; and how often it flips. Pure.

Read next: `statistics.judges`, `statistics.leanings`, `statistics.repeatability`.
"""

import statistics
from collections.abc import Sequence
from typing import Final

from headgate.core.faults import InvalidRequest
from headgate.judges.marked import Both, Marked
from headgate.judges.model import Scale
from headgate.judges.report import Finding
from headgate.judges.sentences import between, number, points, share
from headgate.statistics.judges import position_bias
from headgate.statistics.leanings import leaning, leniency
from headgate.statistics.model import Interval
from headgate.statistics.repeatability import flip_rate

CASES_LEAST: Final = 30


def order_bias(scale: Scale, items: Sequence[Marked]) -> Finding:
    """Say how much likelier an answer wins for being shown first."""
    if scale != "pairwise":
        raise InvalidRequest("answers are shown alone, so none is shown first")
    seen = [(item.said_in("ab"), item.said_in("ba")) for item in items]
    orders = [(one, other) for one, other in seen if one is not None and other is not None]
    if len(orders) < CASES_LEAST:
        raise InvalidRequest(
            f"{len(orders)} pairs were judged in both orders; {CASES_LEAST} are the least: ask with shown = "
            "ab and shown = ba"
        )
    found = position_bias([one == 1 for one, _ in orders], [other == 1 for _, other in orders])
    word = "prefers what is shown first" if found.estimate > 0 else "prefers what is shown second"
    return between("position bias", "bias", found, _leans(found, word, "where answers stand", points(found)))


def length_bias(scale: Scale, pairs: Sequence[Both]) -> Finding:
    """Say how much more than people it favours longer answers."""
    name = "length bias"
    known = [pair for pair in pairs if pair.item.lengths[0] > 0]
    if scale == "pairwise":
        different = [pair for pair in known if pair.item.lengths[0] != pair.item.lengths[1]]
        _check(len(different), "pairs have answers of different and known lengths")
        found = leaning(
            [_took_longer(pair, pair.said) for pair in different],
            [_took_longer(pair, pair.truth) for pair in different],
        )
        return between(name, "bias", found, _leans(found, _longer(found), "length", points(found)))
    _check(len(known), "answers have a known length")
    middle = statistics.median(pair.item.lengths[0] for pair in known)
    longer = [pair.item.lengths[0] > middle for pair in known]
    found = leniency([pair.said for pair in known], [pair.truth for pair in known], longer)
    shown = points(found) if scale == "yes_no" else number(found)
    return between(name, "bias", found, _leans(found, _longer(found), "length", shown))


def self_preference(scale: Scale, own: Sequence[str], pairs: Sequence[Both]) -> Finding:
    """Say how much more than people it favours answers of its own model.

    `own` are the names that a record may give to that model: those that the judge asks first.
    """
    name = "self-preference"
    named = f"{' or '.join(own)}, the judge's own model"
    if scale == "pairwise":
        mixed = [pair for pair in pairs if (pair.item.models[0] in own) != (pair.item.models[1] in own)]
        _check(len(mixed), f"pairs hold one answer of {named}")
        found = leaning(
            [_took_own(pair, pair.said, own) for pair in mixed],
            [_took_own(pair, pair.truth, own) for pair in mixed],
        )
        return between(name, "bias", found, _leans(found, _own(found), "whose answer it is", points(found)))
    known = [pair for pair in pairs if pair.item.models[0]]
    _check(len(known), "answers have a known model")
    is_own = [pair.item.models[0] in own for pair in known]
    found = leniency([pair.said for pair in known], [pair.truth for pair in known], is_own)
    shown = points(found) if scale == "yes_no" else number(found)
    return between(name, "bias", found, _leans(found, _own(found), "whose answer it is", shown))


def repeats(items: Sequence[Marked]) -> Finding:
    """Say how often two marks of the same answer, asked in the same way, differ."""
    groups: list[list[float | None]] = []
    for item in items:
        for shown in {mark.shown for mark in item.judge}:
            asked = [mark.value for mark in item.judge if mark.shown == shown]
            if len(asked) > 1:
                groups.append(asked)
    if len(groups) < CASES_LEAST:
        raise InvalidRequest(
            f"{len(groups)} answers were judged more than once; {CASES_LEAST} are the least: ask again with "
            "repeat = 1"
        )
    found = flip_rate(groups)
    return between("flips", "repeatability", found, f"asked again, it says something else in {share(found)}.")


def _took_longer(pair: Both, value: float) -> bool:
    first, second = pair.item.lengths
    return value == (1.0 if first > second else 0.0)


def _took_own(pair: Both, value: float, own: Sequence[str]) -> bool:
    return value == (1.0 if pair.item.models[0] in own else 0.0)


def _check(count: int, what: str) -> None:
    if count < CASES_LEAST:
        raise InvalidRequest(f"{count} {what}; {CASES_LEAST} are the least")


def _longer(found: Interval) -> str:
    return f"favours {'longer' if found.estimate > 0 else 'shorter'} answers more than people do"


def _own(found: Interval) -> str:
    return f"favours {'its own' if found.estimate > 0 else 'other'} answers more than people do"


def _leans(found: Interval, word: str, what: str, shown: str) -> str:
    if found.excludes(0):
        return f"it {word}, by {shown}."
    return f"no leaning by {what} is known: {shown}."
