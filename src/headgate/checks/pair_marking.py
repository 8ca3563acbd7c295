"""Two targets' answers to one case, held against each other by a pairwise judge in both orders.

An answer that the judge prefers in both orders has won. Where it prefers neither, or another one once the
order is turned, the pair is undecided: a half for each. Questions go through the gateway, and are kept by
the digest of all that was asked. Read next: `checks.pair_judging`, `checks.comparing`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from headgate.checks.answering import Ask
from headgate.checks.asking_once import mark_once
from headgate.checks.comparing import Comparison, Looks, Tried, aligned, compare, in_points, without_errors_by
from headgate.checks.correcting import Judged as JudgedByPeople
from headgate.checks.differing import UNDECIDED
from headgate.checks.judging import Judged, Judgement
from headgate.checks.model import Answer, AskedOnce, Check, Mark, Pairwise, Result
from headgate.checks.pair_judging import PairMaterial, pair_request_of, preference_of
from headgate.checks.running import Place
from headgate.datasets.model import Case

_FIRST_SHOWN: Final = {"first": 1.0, "tie": UNDECIDED, "second": 0.0}
"""What is kept of a question: whether what was shown first is better."""


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """Pairs that are undecided, and those among them that went to one place in both orders, by that place."""

    pairs: int
    undecided: int
    to_first: int
    to_second: int

    @property
    def sentence(self) -> str:
        """How many, and why."""
        said = f"undecided in {self.undecided} of {self.pairs} pairs"
        turned = self.to_first + self.to_second
        if not turned:
            return said
        places = f"{self.to_first} times for what stood first, {self.to_second} for what stood second"
        return f"{said}, {turned} of them since the judge changed its mind with the order ({places})"


def mark_pair(scorer: Pairwise, case: Case, answers: tuple[Answer, Answer], ask: Ask, judged: Judged) -> Mark:
    """Return the second answer's mark against the first: 1 where it is preferred, 0 where the first is."""
    one, other = answers
    if one.problem:
        return Mark(score=1.0, reason="the call of the other target failed")
    if not (one.text and other.text):
        return Mark(score=None, reason="an answer holds no text: there is nothing to compare")
    orders = ((one.text, other.text), (other.text, one.text))
    marks: list[Mark] = []
    for first, second in orders:
        material = PairMaterial(
            question=case.question, first=first, second=second, expected=case.expected, context=case.context
        )
        marks.append(mark_once(pair_request_of(scorer.judge, material), ask, judged, _judgement_of))
    asked = [mark.said[0] for mark in marks]
    costs = [mark.cost_pico_usd for mark in marks]
    told = [each.score for each in asked]
    missing = next((each.reason for each in asked if each.score is None), None)
    score = None if None in told else _share(told[0] or 0.0, told[1] or 0.0)
    return Mark(
        score=score,
        reason=missing if missing is not None else _why(score, asked),
        cost_pico_usd=None if None in costs else sum(cost or 0 for cost in costs),
        request_id=asked[0].request_id,
        asked=tuple(asked),
    )


def prefer(
    check: Check,
    judge: JudgedByPeople,
    tried: Sequence[Tried],
    cases: Sequence[Case],
    looks: Looks,
) -> Comparison:
    """Compare the first two targets by which answers people prefer, a tie being a half for each.

    By what a pairwise judge preferred, without its errors as far as people have marked such pairs. Raises
    InvalidRequest for fewer than two cases that have a mark.
    """
    told = aligned(check, judge.scorer, _shared(judge.scorer, tried[0], tried[1]), cases)
    turned = turned_of(judge.scorer, tried[1].outcome.results)
    said = compare(judge.scorer, told, looks, judge)
    return msgspec.structs.replace(said, undecided=turned.undecided, sentence=_sentence(said, turned))


def turned_of(scorer: str, results: Sequence[Result]) -> Turned:
    """Count what is undecided, and how often the order alone decided."""
    marks = [mark for each in results if (mark := each.marks.get(scorer)) and mark.score is not None]
    places = Counter(_one_place(mark) for mark in marks if mark.score == UNDECIDED)
    return Turned(
        pairs=len(marks),
        undecided=places.total(),
        to_first=places["first"],
        to_second=places["second"],
    )


def _judgement_of(text: str | None) -> Judgement:
    """What was said of the answer that was shown first."""
    found = preference_of(text)
    score = None if found.better is None else _FIRST_SHOWN[found.better]
    return Judgement(score=score, reason=found.reason, problem=found.problem)


def _share(in_order: float, turned: float) -> float:
    """The second answer's share of a pair: it stood second in the one question, first in the other."""
    wins = (1 - in_order, turned)
    return wins[0] if wins[0] == wins[1] else UNDECIDED


def _why(score: float | None, asked: Sequence[AskedOnce]) -> str:
    if score == UNDECIDED and asked[0].score != UNDECIDED and asked[0].score == asked[1].score:
        place = "first" if asked[0].score == 1 else "second"
        return f"the judge takes what stands {place}, whichever it is; {asked[0].reason}"
    return asked[0].reason


def _one_place(mark: Mark) -> str:
    scores = {each.score for each in mark.asked}
    return {1.0: "first", 0.0: "second"}.get(scores.pop() or 0.0, "") if len(scores) == 1 else ""


def _shared(scorer: str, one: Tried, other: Tried) -> tuple[Tried, Tried]:
    """Both targets with a share of each pair as their marks: what the one has not, the other has."""
    found: Mapping[Place, Result] = {(each.case, each.repeat): each for each in other.outcome.results}
    firsts: list[Result] = []
    seconds: list[Result] = []
    for result in one.outcome.results:
        against = found.get((result.case, result.repeat))
        if against is None:
            continue
        share = _share_of(scorer, result, against)
        for results, each, score in (
            (firsts, result, None if share is None else 1 - share),
            (seconds, against, share),
        ):
            results.append(msgspec.structs.replace(each, marks={scorer: Mark(score=score)}))
    return _with(one, firsts), _with(other, seconds)


def _share_of(scorer: str, result: Result, against: Result) -> float | None:
    if against.answer.problem:
        return 0.0
    if result.answer.problem:
        return 1.0
    mark = against.marks.get(scorer)
    return None if mark is None else mark.score


def _with(tried: Tried, results: list[Result]) -> Tried:
    outcome = msgspec.structs.replace(tried.outcome, results=tuple(results))
    return msgspec.structs.replace(tried, outcome=outcome)


def _sentence(said: Comparison, turned: Turned) -> str:
    beside = f"{said.one_mean:.1%} against {said.other_mean:.1%} of the same {said.cases} cases"
    left = f"; {said.left_out} cases without a verdict on both orders are left out" if said.left_out else ""
    early = "; known before all were asked" if said.stopped_early else ""
    beside = f"{beside.replace('%', ' %')}, a tie counting for both by half; {turned.sentence}"
    return f"{_known(said)}{without_errors_by(said, 'pairs')}{beside}{left}{early}."


def _known(said: Comparison) -> str:
    if said.known is None or said.finding == "open":
        known = f"it is not known which of {said.one} and {said.other} is preferred on {said.scorer}"
        if said.known is None:
            return known
        return f"{known}: {said.known.low * 100:.1f} to {said.known.high * 100:.1f} points"
    names = (said.one, said.other) if said.finding == "better" else (said.other, said.one)
    return f"{names[0]} is preferred to {names[1]} on {said.scorer} by {in_points(said.known)}"
