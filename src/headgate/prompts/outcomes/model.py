"""What the API says of how versions of a prompt do, and the intervals in it. Pure.

Read next: `outcomes.reading`, `headgate.statistics.proportions`.
"""

import math
from decimal import Decimal
from typing import Literal

import msgspec

from headgate.prompts.outcomes.said import OutcomeEstimate, VersionFeedback
from headgate.records.model import UsageBuckets
from headgate.records.queries import format_amount
from headgate.statistics.contrasts import Effect
from headgate.statistics.proportions import wilson

ALPHA = 0.05


class VersionOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls that hold a version came to; lists have one entry for each of `days`.

    Calls are counted whole. Of `measured` ones more is known than calls and costs; `failed` have a status of
    400 or more. Latencies are at most 15 % too high.
    """

    version: str
    calls: int
    measured: int
    failed: int
    failed_share: OutcomeEstimate | None
    cost_usd: str | None
    cost_usd_per_call: str | None
    unpriced: int
    estimated: int
    usage: UsageBuckets
    duration_p50_ms: int | None
    duration_p95_ms: int | None
    first_token_p50_ms: int | None
    first_token_p95_ms: int | None
    last_seen: str
    feedback: list[VersionFeedback]
    calls_by_day: list[int]
    failed_by_day: list[int]
    cost_usd_by_day: list[str]
    duration_p50_ms_by_day: list[int | None]


class PromptPlace(msgspec.Struct, frozen=True, kw_only=True):
    """An environment or a release that calls of a prompt named, the model that they asked for, or their key.

    Of models and keys it is not known when they were last seen, and older calls are not counted.
    """

    kind: Literal["environment", "key", "model", "release"]
    name: str
    calls: int
    last_seen: str | None


class HoldingRelease(msgspec.Struct, frozen=True, kw_only=True):
    """A release that holds a prompt, and which versions of it."""

    id: str
    name: str
    commit: str
    created_at: str
    versions: list[str]


class SameText(msgspec.Struct, frozen=True, kw_only=True):
    """Another place in code that says the same."""

    source: str
    name: str
    line: int


class PromptOutcomes(msgspec.Struct, frozen=True, kw_only=True):
    """How a prompt does by version, the most frequent first, and where it is used.

    Counted in all environments, or in one (empty: calls that name none), from `since`, the beginning of the
    first of `days` (UTC), `until` the end of the last or this moment: the 50 most frequent versions. Releases
    are the 50 newest, whatever one looks at.
    """

    name: str
    project: str
    source: str | None
    environment: str | None
    since: str
    until: str
    days: list[str]
    versions: list[VersionOutcome]
    places: list[PromptPlace]
    releases: list[HoldingRelease]
    same_text: list[SameText]
    method: str


METHOD = (
    "95 % intervals: shares by Wilson 1927, means by Student's t. Feedback on a call counts for each prompt "
    "of the call, on a trace or span for each prompt of its calls, once; answers are taken as independent "
    "of each other. Versions were used by different calls at different times: an experiment tells which is "
    "better."
)


def share_of(count: int, cases: int) -> OutcomeEstimate | None:
    """Return a share with Wilson's interval; None of nothing."""
    if cases <= 0 or not 0 <= count <= cases:
        return None
    found = wilson(count, cases, alpha=ALPHA)
    return OutcomeEstimate(value=found.estimate, low=found.low, high=found.high)


def mean_of(count: int, total: Decimal, squares: Decimal) -> OutcomeEstimate | None:
    """Return a mean from sums with Student's interval, which takes two values that differ."""
    if count <= 0:
        return None
    mean = total / count
    spread = max(Decimal(0), squares - total * mean)
    estimate = float(mean)
    deviation = math.sqrt(float(spread) / (count - 1)) if count > 1 else 0.0
    if deviation <= 1e-12 * abs(estimate):
        return OutcomeEstimate(value=estimate, low=None, high=None)
    error = deviation / math.sqrt(count)
    effect = Effect(estimate=estimate, standard_error=error, n=count, freedom=count - 1, settled=True)
    found = effect.interval(alpha=ALPHA, looks="one")
    return OutcomeEstimate(value=estimate, low=found.low, high=found.high)


def per_call(cost_usd: Decimal, priced: int) -> str | None:
    """Return what a call costs on average, of those whose price is known."""
    return None if priced <= 0 else format_amount((cost_usd / priced).quantize(Decimal("1e-12")))
