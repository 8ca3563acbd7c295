"""Marks answers by all scorers of a check; those that are models go through the gateway, too.

A judge's mark is kept by the digest of all that it was asked: the same answer to the same case, by the same
judge, is not paid twice. Read next: `checks.scoring`, `checks.judging`.
"""

import math
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import jsonschema_rs
import msgspec

from headgate.checks import scoring
from headgate.checks.answering import Ask, patiently
from headgate.checks.asking_once import mark_once
from headgate.checks.judging import Judged, Material, judgement_of, request_of
from headgate.checks.likeness import EMBEDDINGS, cosine, embeddings_body, vectors_of
from headgate.checks.model import (
    Answer,
    ByCode,
    ByJudge,
    BySchema,
    Contains,
    Exact,
    Grounded,
    Mark,
    Matches,
    Scorer,
    Semantic,
)
from headgate.core.faults import Misconfigured
from headgate.datasets.model import Case


class Holding(Protocol):
    """Holds an answer against its case's context (`grounding.cases.hold_case`)."""

    def __call__(self, scorer: Grounded, case: Case, answer: Answer, *, ask: Ask, judged: Judged) -> Mark:
        """Return the mark."""
        ...


class Beside(Protocol):
    """Marks an answer against that of another target to the same case (`checks.pair_marking`)."""

    def __call__(self, case: Case, repeat: int, answer: Answer) -> dict[str, Mark]:
        """Return the mark of each pairwise judge."""
        ...


class Marker:
    """The scorers of a check, made ready. Raises Misconfigured for one that can't be. Many threads use it."""

    def __init__(
        self,
        scorers: tuple[Scorer, ...],
        folder: Path,
        ask: Ask,
        judged: Judged,
        *,
        hold: Holding | None = None,
        beside: Beside | None = None,
    ) -> None:
        self._hold = hold
        self._beside = beside
        self._scorers = scorers
        self._ask = ask
        self._judged = judged
        self._functions = {
            one.name: scoring.load_function(one, folder) for one in scorers if isinstance(one, ByCode)
        }
        self._schemas = {one.name: _validator(one) for one in scorers if isinstance(one, BySchema)}
        for one in scorers:
            if isinstance(one, Matches):
                _check_pattern(one)
            if isinstance(one, Grounded) and hold is None:
                raise Misconfigured(f"scorer {one.name}: nothing here holds answers against their context")
        self._vectors: dict[tuple[str, str], list[float]] = {}
        self._lock = threading.Lock()

    def marks(self, case: Case, answer: Answer, repeat: int = 0) -> dict[str, Mark]:
        """Return the mark of each scorer; none where the call failed, which is wrong by itself."""
        if answer.problem:
            return {}
        marks = {scorer.name: self._mark(scorer, case, answer) for scorer in self._scorers}
        return marks if self._beside is None else marks | self._beside(case, repeat, answer)

    def _mark(self, scorer: Scorer, case: Case, answer: Answer) -> Mark:
        match scorer:
            case Exact():
                return scoring.exact(scorer, case, answer)
            case Contains():
                return scoring.contains(scorer, case, answer)
            case Matches():
                return scoring.matches(scorer, answer)
            case ByCode():
                return scoring.by_code(self._functions[scorer.name], scorer.function, case, answer)
            case BySchema():
                return self._by_schema(scorer, answer)
            case Semantic():
                return self._semantic(scorer, case, answer)
            case ByJudge():
                return self._by_judge(scorer, case, answer)
            case Grounded():
                assert self._hold is not None
                return self._hold(scorer, case, answer, ask=self._ask, judged=self._judged)

    def _by_schema(self, scorer: BySchema, answer: Answer) -> Mark:
        try:
            value = msgspec.json.decode(answer.text)
        except (msgspec.DecodeError, RecursionError) as error:
            return Mark(score=0.0, reason=f"the answer is no JSON: {error}")
        wrong = next(self._schemas[scorer.name].iter_errors(value), None)
        return Mark(score=1.0) if wrong is None else Mark(score=0.0, reason=str(wrong.message)[:500])

    def _semantic(self, scorer: Semantic, case: Case, answer: Answer) -> Mark:
        if not isinstance(case.expected, str):
            return Mark(score=None, reason=f"case {case.id} has no expected text to compare with")
        texts = (answer.text, case.expected)
        missing = [text for text in dict.fromkeys(texts) if (scorer.model, text) not in self._vectors]
        cost: int | None = 0
        if missing:
            said = patiently(self._ask, EMBEDDINGS, embeddings_body(scorer.model, missing))
            cost = said.cost_pico_usd
            found = vectors_of(said.content) if said.status == 200 else []
            if len(found) != len(missing):
                return Mark(
                    score=None,
                    reason=f"{scorer.model} gave no embeddings ({said.status})",
                    cost_pico_usd=cost,
                )
            with self._lock:
                self._vectors.update(zip([(scorer.model, text) for text in missing], found, strict=True))
        one, other = (self._vectors[scorer.model, text] for text in texts)
        likeness = cosine(one, other)
        if likeness is None:
            return Mark(
                score=None, reason=f"{scorer.model} gave embeddings without a length", cost_pico_usd=cost
            )
        reason = f"a cosine of {likeness:.3f}, where {scorer.threshold:g} is asked"
        return Mark(score=float(likeness >= scorer.threshold), reason=reason, cost_pico_usd=cost)

    def _by_judge(self, scorer: ByJudge, case: Case, answer: Answer) -> Mark:
        judge = scorer.judge
        material = Material(
            question=case.question, answer=answer.text, expected=case.expected, context=case.context
        )
        body = request_of(judge, material)
        marks = [
            mark_once(body, self._ask, self._judged, partial(judgement_of, judge), number=number)
            for number in range(scorer.repeats)
        ]
        if len(marks) == 1:
            return marks[0]
        told = [mark for mark in marks if mark.score is not None]
        costs = [mark.cost_pico_usd for mark in marks]
        return msgspec.structs.replace(
            told[0] if told else marks[0],
            score=math.fsum(mark.score or 0.0 for mark in told) / len(told) if told else None,
            cost_pico_usd=None if None in costs else sum(cost or 0 for cost in costs),
            asked=tuple([mark.said[0] for mark in marks]),
        )


def _validator(scorer: BySchema) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.validator_for(scorer.schema)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise Misconfigured(f"scorer {scorer.name}: this is no JSON schema: {error}") from None


def _check_pattern(scorer: Matches) -> None:
    try:
        scoring.compiled(scorer.pattern)
    except ValueError as error:
        raise Misconfigured(f"scorer {scorer.name}: {scorer.pattern!r} is no pattern: {error}") from None


def costs(marks: Mapping[str, Mark]) -> list[int | None]:
    """Return what marks have cost, None where it is not known."""
    return [mark.cost_pico_usd for mark in marks.values()]
