"""What a judge is asked of an answer that people marked, and its verdict. Pure; makes no call.

Of a pair it is asked in both orders, so that a leaning to what stands first shows. Read next:
`checks.judging`, `checks.pair_judging`.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headgate.checks.judging import (
    INSTRUCTIONS,
    Judgement,
    Material,
    judgement_of,
    request_of,
)
from headgate.checks.judging import Judge as Marker
from headgate.checks.pair_judging import (
    PAIR_INSTRUCTIONS,
    PairJudge,
    PairMaterial,
    instructions_of,
    pair_request_of,
    preference_of,
)
from headgate.judges.items import Content, Verdict
from headgate.judges.model import Judge, Scale, Shown

ORDERS: Final[tuple[Shown, Shown]] = ("ab", "ba")
_RANGE: Final[dict[Scale, tuple[int, int]]] = {"yes_no": (0, 1), "one_to_five": (1, 5)}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One call to the judge: its body, in which order a pair is shown, and for the how manieth time."""

    body: dict[str, Any]
    shown: Shown = ""
    repeat: int = 0


def questions_of(judge: Judge, content: Content, repeats: int = 1) -> list[Question]:
    """Return what a judge is asked of an answer, so many times; nothing where there is nothing to read."""
    if judge.scale == "pairwise":
        if not (content.a and content.b):
            return []
        return [
            Question(body=_of_pair(judge, content, shown), shown=shown, repeat=repeat)
            for repeat in range(repeats)
            for shown in ORDERS
        ]
    if not content.output:
        return []
    material = Material(
        question=content.input,
        answer=content.output,
        expected=content.reference or None,
        context=content.context or None,
    )
    body = request_of(_marker(judge), material)
    return [Question(body=body, repeat=repeat) for repeat in range(repeats)]


def verdict_of(judge: Judge, question: Question, text: str | None) -> Verdict:
    """Read what a judge said; nonsense is a verdict without a value."""
    if judge.scale == "pairwise":
        return _verdict_of_pair(question, text)
    return said(judge, question, judgement_of(_marker(judge), text))


def said(judge: Judge, question: Question, judgement: Judgement) -> Verdict:
    """Return a judgement, such as one that is known from before, as a verdict on the judge's scale."""
    value: bool | int | None = None
    if judgement.score is not None:
        low, high = _RANGE[judge.scale]
        mark = round(low + judgement.score * (high - low))
        value = bool(mark) if judge.scale == "yes_no" else mark
    return Verdict(value=value, repeat=question.repeat, reason=judgement.reason or judgement.problem)


def _marker(judge: Judge) -> Marker:
    return Marker(
        model=judge.model,
        rubric=judge.rubric,
        scale=_RANGE[judge.scale],
        instructions=instructions_of(judge.prompt, INSTRUCTIONS),
        parameters=judge.parameters,
    )


def _of_pair(judge: Judge, content: Content, shown: Shown) -> dict[str, Any]:
    first, second = (content.a, content.b) if shown == "ab" else (content.b, content.a)
    pairwise = PairJudge(
        model=judge.model,
        rubric=judge.rubric,
        instructions=instructions_of(judge.prompt, PAIR_INSTRUCTIONS),
        parameters=judge.parameters,
    )
    material = PairMaterial(
        question=content.input,
        first=first,
        second=second,
        expected=content.reference or None,
        context=content.context or None,
    )
    return pair_request_of(pairwise, material)


def _verdict_of_pair(question: Question, text: str | None) -> Verdict:
    found = preference_of(text)
    own: dict[str, Any] = {"shown": question.shown, "repeat": question.repeat}
    if found.better is None:
        return Verdict(value=None, reason=found.problem, **own)
    places: Sequence[str] = question.shown
    value = {"first": places[0], "second": places[1], "tie": "tie"}[found.better]
    return Verdict(value=value, reason=found.reason, **own)
