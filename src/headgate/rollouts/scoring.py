"""Marks both answers of a compared call: by words, patterns and schemas, or by what a model is asked. Pure.

A mark is 1 for right and 0 for wrong; None where there is none to give. An answer that failed is wrong. Read
next: `rollouts.scoring_job`, `checks.scoring`.
"""

import hashlib
import uuid
from array import array
from collections import OrderedDict
from collections.abc import Generator, Sequence
from typing import Any, Final

import jsonschema_rs
import msgspec

from headgate.checks.answering import Said
from headgate.checks.judging import Judge, Material, judgement_of, request_of, text_of
from headgate.checks.likeness import cosine, embeddings_body, vectors_of
from headgate.checks.scoring import compiled, normalised
from headgate.rollouts.model import PairScorer

TEXT_CHARACTERS_MAX: Final = 64 * 1024
VECTORS_MAX: Final = 500
"""Of some 10 kB each."""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, and what both arms said; None for one that failed."""

    question: str
    present: str | None
    candidate: str | None


class Scored(msgspec.Struct, frozen=True, array_like=True):
    """The marks of the present's and the candidate's answer, and what they have cost, in pico-USD."""

    present: float | None
    candidate: float | None
    cost_pico_usd: int = 0


class Vectors:
    """The embeddings that were asked for last, by model and text: canned answers come again and again."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, array[float]] = OrderedDict()

    def get(self, model: str, text: str) -> Sequence[float] | None:
        """Return a text's embedding, if it is known."""
        return self._known.get(_digest(model, text))

    def put(self, model: str, text: str, vector: Sequence[float]) -> None:
        """Keep one; the one that was kept first goes."""
        self._known[_digest(model, text)] = array("d", vector)
        if len(self._known) > VECTORS_MAX:
            self._known.popitem(last=False)


def is_chosen(scorer: PairScorer, call: uuid.UUID) -> bool:
    """Whether a call is in the part that a scorer looks at: by a hash, so that no answer decides."""
    place = hashlib.sha256(scorer.name.encode() + call.bytes).digest()
    return int.from_bytes(place[:7], "big") / 256**7 < scorer.share


def by_code(scorer: PairScorer, answers: Answers) -> Scored:
    """Return the marks of a scorer that needs no model."""
    if scorer.kind == "exact":
        if answers.present is None:
            return Scored(None, None)
        said = None if answers.candidate is None else normalised(answers.candidate, ("space",))
        return Scored(1.0, float(said == normalised(answers.present, ("space",))))
    try:
        return Scored(_mark(scorer, answers.present), _mark(scorer, answers.candidate))
    except (jsonschema_rs.ValidationError, ValueError):
        return Scored(None, None)  # the schema is none


def by_judge(scorer: PairScorer, answers: Answers) -> Generator[dict[str, Any], Said, Scored]:
    """Yield what a judge is asked of each answer, and return the marks; equal answers are asked once."""
    judge = Judge(model=scorer.model, rubric=scorer.rubric)
    marks: dict[str, float | None] = {}
    cost = 0
    for text in (answers.present, answers.candidate):
        if text is None or text in marks:
            continue
        said = yield request_of(judge, Material(question=answers.question, answer=text))
        cost += said.cost_pico_usd or 0
        marks[text] = judgement_of(judge, text_of(said.content)).score if said.status == 200 else None

    def mark(text: str | None) -> float | None:
        return 0.0 if text is None else marks[text]

    return Scored(mark(answers.present), mark(answers.candidate), cost)


def by_embeddings(
    scorer: PairScorer, answers: Answers, vectors: Vectors
) -> Generator[dict[str, Any], Said, Scored]:
    """Yield what a model of embeddings is asked, and return the marks: of the candidate, held to the present.

    Texts whose embeddings are known are not asked again, equal texts not at all.
    """
    if answers.present is None:
        return Scored(None, None)
    if answers.candidate is None or answers.candidate == answers.present:
        return Scored(1.0, float(answers.candidate == answers.present))
    texts = (answers.present, answers.candidate)
    missing = [text for text in texts if vectors.get(scorer.model, text) is None]
    cost = 0
    if missing:
        said = yield embeddings_body(scorer.model, missing)
        cost = said.cost_pico_usd or 0
        found = vectors_of(said.content) if said.status == 200 else []
        if len(found) != len(missing):
            return Scored(None, None, cost)
        for text, vector in zip(missing, found, strict=True):
            vectors.put(scorer.model, text, vector)
    one, other = (vectors.get(scorer.model, text) for text in texts)
    likeness = None if one is None or other is None else cosine(one, other)
    if likeness is None:
        return Scored(None, None, cost)
    return Scored(1.0, float(likeness >= scorer.threshold), cost)


def _mark(scorer: PairScorer, text: str | None) -> float:
    if text is None:
        return 0.0
    if scorer.kind == "contains":
        wanted = normalised(scorer.text, ("space", "case"))
        return float(wanted in normalised(text, ("space", "case")))
    if scorer.kind == "regex":
        return float(compiled(scorer.pattern).search(text) is not None)
    return float(_fits(scorer.schema, text))


def _digest(model: str, text: str) -> bytes:
    return hashlib.sha256(msgspec.json.encode((model, text))).digest()


def _fits(schema: str, text: str) -> bool:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return jsonschema_rs.validator_for(msgspec.json.decode(schema)).is_valid(value)
