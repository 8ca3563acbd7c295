"""How alike two texts are by a model's embeddings: what it is asked, and the cosine of what it says. Pure.

Read next: `checks.marking` (a case's answer against what is expected), `rollouts.scoring` (two answers).
"""

import math
import operator
from collections.abc import Sequence
from typing import Any, Final

import msgspec

EMBEDDINGS: Final = "/v1/embeddings"


class _Embedding(msgspec.Struct, frozen=True):
    embedding: list[float]


class _Embeddings(msgspec.Struct, frozen=True):
    data: list[_Embedding]


def embeddings_body(model: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return the body that asks for the embeddings of texts."""
    return {"model": model, "input": list(texts)}


def vectors_of(content: bytes) -> list[list[float]]:
    """Return the embeddings of an answer, in order; none where it holds none."""
    try:
        found = msgspec.json.decode(content, type=_Embeddings)
    except (msgspec.DecodeError, RecursionError):
        return []
    return [each.embedding for each in found.data]


def cosine(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the cosine of two embeddings; None where they have none."""
    lengths = math.hypot(*one) * math.hypot(*other)
    if len(one) != len(other) or not lengths or not math.isfinite(lengths):
        return None
    return math.fsum(map(operator.mul, one, other)) / lengths
