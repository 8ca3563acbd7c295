"""What a recorded call would have cost at another model or price. Pure.

At another price the answer is exact: the tokens are known. At another model they are not: how long its answer
would have been, and how many tokens its tokenizer makes of the request, is estimated by one factor each, with
a low and a high edge, the same for all calls of a pair of models. Read next: `releases.whatif`.
"""

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from headgate.catalog.model import ModelFacts
from headgate.catalog.prices import cost
from headgate.catalog.tokenizers import counts_alike
from headgate.core.call import TOKENS_IN, TOKENS_OUT, Usage

Z = 1.959964
CALLS_MIN = 30
"""From so many calls of a model on, their length is taken for what they would be."""

OUTPUT_ASSUMED = (0.5, 1.0, 2.0)
"""Answers of another model, where none is on record: between half as long and twice as long."""

INPUT_ASSUMED = (0.75, 1.0, 1.35)
"""Tokens of another tokenizer, where no request to it is on record."""

Basis = Literal["exact", "measured", "assumed"]


class Amount(NamedTuple):
    """Pico-USD: what is estimated, between a low and a high edge; all three the same where it is exact."""

    low: int
    value: int
    high: int


class Factor(NamedTuple):
    """By how much a number of tokens changes, and how that is known."""

    low: float
    value: float
    high: float
    basis: Basis


SAME = Factor(1.0, 1.0, 1.0, "exact")


class Lengths(msgspec.Struct, frozen=True, kw_only=True):
    """What is on record of a model's calls: how many, mean and variance of their output tokens, and the sums
    of input tokens and of bytes over the calls whose bodies are recorded, with how many those are."""

    calls: int = 0
    output_mean: float = 0.0
    output_variance: float = 0.0
    sized_calls: int = 0
    tokens_a_byte: float = 0.0
    tokens_a_byte_variance: float = 0.0


class Repriced(msgspec.Struct, frozen=True, kw_only=True):
    """A target that calls go to instead: its name and facts, and the factors of its tokens."""

    target: str
    facts: ModelFacts
    input: Factor = SAME
    output: Factor = SAME

    @property
    def is_exact(self) -> bool:
        """Whether nothing is estimated."""
        return self.input.basis == self.output.basis == "exact"


def factors(old: str, new: str, lengths: Mapping[str, Lengths]) -> tuple[Factor, Factor]:
    """Return the factors of input and output tokens between two targets, named `provider/model`.

    Input is exact within a family of tokenizers. Otherwise both come from the calls of both that are on
    record, at least 30 of each: the ratio of two means, with its interval on the logarithm (delta method;
    Casella and Berger, "Statistical Inference", 2nd edition, 2002, section 5.5.4). Else they are assumed.
    """
    before, after = lengths.get(old, Lengths()), lengths.get(new, Lengths())
    given = SAME
    if not counts_alike(old.partition("/")[2], new.partition("/")[2]):
        given = Factor(*INPUT_ASSUMED, "assumed")
        if min(before.sized_calls, after.sized_calls) >= CALLS_MIN:
            given = (
                _ratio(
                    (before.tokens_a_byte, before.tokens_a_byte_variance, before.sized_calls),
                    (after.tokens_a_byte, after.tokens_a_byte_variance, after.sized_calls),
                )
                or given
            )
    made = Factor(*OUTPUT_ASSUMED, "assumed")
    if min(before.calls, after.calls) >= CALLS_MIN:
        made = (
            _ratio(
                (before.output_mean, before.output_variance, before.calls),
                (after.output_mean, after.output_variance, after.calls),
            )
            or made
        )
    return given, made


def _ratio(before: tuple[float, float, int], after: tuple[float, float, int]) -> Factor | None:
    """The ratio of two means, from mean, variance and number of each; None where one is not above 0."""
    if before[0] <= 0 or after[0] <= 0:
        return None
    spread = sum(variance / (count * mean * mean) for mean, variance, count in (before, after))
    value, half = after[0] / before[0], Z * math.sqrt(spread)
    return Factor(value * math.exp(-half), value, value * math.exp(half), "measured")


def reprice(usage: Usage, plan: Repriced) -> Amount | None:
    """Return what a usage would have cost there; None where the target has no price for a part of it."""
    found: list[int] = []
    for edge in (0, 1, 2):
        given, made = float(plan.input[edge]), float(plan.output[edge])
        priced = cost(plan.facts, scaled(usage, given, made))
        if priced is None:
            return None
        found.append(priced)
    return Amount(found[0], found[1], found[2])


def scaled(usage: Usage, given: float, made: float) -> Usage:
    """Return a usage with so many times its input and output tokens, rounded."""
    if given == 1.0 and made == 1.0:
        return usage
    counts = {name: round(getattr(usage, name) * given) for name in TOKENS_IN}
    counts |= {name: round(getattr(usage, name) * made) for name in TOKENS_OUT}
    return Usage(**counts, units=usage.units)
