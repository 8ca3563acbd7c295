"""Marks answers by all scorers of a check; those that are models go through the gateway, too.

A judge's mark is kept by the digest of all that it was asked: the same answer to the same case, by the same
judge, is not paid twice. Read next: `checks.scoring`, `checks.judging`.
"""

import math
import operator
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import jsonschema_rs
import msgspec

from headgate.checks import scoring
from headgate.checks.answering import CHAT, Ask, patiently
from headgate.checks.judging import Judge, Judged, Material, digest_of, judgement_of, request_of, text_of
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

EMBEDDINGS = "/v1/embeddings"


class Holding(Protocol):
    """Holds an answer against its case's context (`grounding.cases.hold_case`)."""

    def __call__(self, scorer: Grounded, case: Case, answer: Answer, *, ask: Ask, judged: Judged) -> Mark:
        """Return the mark."""
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
    ) -> None:
        self._hold = hold
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

    def marks(self, case: Case, answer: Answer) -> dict[str, Mark]:
        """Return the mark of each scorer; none where the call failed, which is wrong by itself."""
        if answer.problem:
            return {}
        return {scorer.name: self._mark(scorer, case, answer) for scorer in self._scorers}

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
            said = patiently(self._ask, EMBEDDINGS, {"model": scorer.model, "input": missing})
            cost = said.cost_pico_usd
            found = _vectors(said.content) if said.status == 200 else []
            if len(found) != len(missing):
                return Mark(
                    score=None,
                    reason=f"{scorer.model} gave no embeddings ({said.status})",
                    cost_pico_usd=cost,
                )
            with self._lock:
                self._vectors.update(zip([(scorer.model, text) for text in missing], found, strict=True))
        one, other = (self._vectors[scorer.model, text] for text in texts)
        likeness = _cosine(one, other)
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
        marks = [self._once(judge, body, number) for number in range(scorer.repeats)]
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

    def _once(self, judge: Judge, body: dict[str, Any], number: int) -> Mark:
        """Ask a judge for the how manieth time; each time is kept by itself."""
        digest = digest_of(body if number == 0 else {**body, "repeat": number})
        known = self._judged.get(digest)
        if known is not None:
            return Mark(score=known.score, reason=known.reason, digest=digest)
        said = patiently(self._ask, CHAT, body)
        request_id = said.headers.get("x-headgate-request-id", "")
        cost = said.cost_pico_usd
        if said.status != 200:
            reason = f"the judge's call failed with {said.status}"
            return Mark(score=None, reason=reason, cost_pico_usd=cost, request_id=request_id)
        judgement = judgement_of(judge, text_of(said.content))
        if judgement.score is not None:
            self._judged.put(digest, judgement)
        return Mark(
            score=judgement.score,
            reason=judgement.reason or judgement.problem,
            cost_pico_usd=cost,
            request_id=request_id,
            digest=digest,
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


def _vectors(content: bytes) -> list[list[float]]:
    try:
        found = msgspec.json.decode(content, type=_Embeddings)
    except (msgspec.DecodeError, RecursionError):
        return []
    return [each.embedding for each in found.data]


class _Embedding(msgspec.Struct, frozen=True):
    embedding: list[float]


class _Embeddings(msgspec.Struct, frozen=True):
    data: list[_Embedding]


def _cosine(one: list[float], other: list[float]) -> float | None:
    lengths = math.hypot(*one) * math.hypot(*other)
    if len(one) != len(other) or not lengths or not math.isfinite(lengths):
        return None
    return math.fsum(map(operator.mul, one, other)) / lengths


def costs(marks: Mapping[str, Mark]) -> list[int | None]:
    """Return what marks have cost, None where it is not known."""
    return [mark.cost_pico_usd for mark in marks.values()]
