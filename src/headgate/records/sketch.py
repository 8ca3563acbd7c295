"""Latency sketches: counts in fixed logarithmic buckets, which add up by simple addition. Pure.

Bucket n holds what lies in (1.15^(n-1), 1.15^n] milliseconds; bucket 0 all up to 1 ms. A quantile is so at
most 15 % too high (DDSketch, Masson et al. 2019, with a fixed number of buckets).
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, zip_longest

GROWTH = 1.15
BUCKETS_MAX = 128
_LOG_GROWTH = math.log(GROWTH)
DIGITS = 12
"""How many decimal digits each bucket has where a sketch is written as one number."""
_EDGES = tuple(round(GROWTH**bucket) for bucket in range(BUCKETS_MAX))
_PLACES = tuple(10 ** (DIGITS * bucket) for bucket in range(BUCKETS_MAX))


def bucket_of(duration_ms: int) -> int:
    """Return the bucket of a duration."""
    if duration_ms <= 1:
        return 0
    return min(BUCKETS_MAX - 1, math.ceil(math.log(duration_ms) / _LOG_GROWTH))


def add(sketch: list[int], duration_ms: int) -> None:
    """Count one duration; the list grows as far as its highest bucket."""
    bucket = bucket_of(duration_ms)
    sketch.extend([0] * (bucket + 1 - len(sketch)))
    sketch[bucket] += 1


def merge(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """Return the sum of two sketches."""
    return [a + b for a, b in zip_longest(one, other, fillvalue=0)]


def as_number(sketch: Sequence[int]) -> int:
    """Return a sketch as one number, bucket n in its digits from 12 n on; they add up as sketches do."""
    return sum(count * _PLACES[bucket] for bucket, count in enumerate(sketch) if count)


def of_number(text: str) -> list[int]:
    """Return the sketch that a number stands for, as PostgreSQL writes it. Its counts are none below zero."""
    return (
        [] if text == "0" else [int(text[max(0, end - DIGITS) : end]) for end in range(len(text), 0, -DIGITS)]
    )


def quantile_ms(sketch: Sequence[int], share: float) -> int | None:
    """Return the upper edge of the bucket that holds the quantile (0 < share <= 1); None without counts."""
    return quantiles_ms(sketch, (share,))[0]


def quantiles_ms(sketch: Sequence[int], shares: Sequence[float]) -> list[int | None]:
    """Return several quantiles of one sketch."""
    seen = list(accumulate(sketch))
    total = seen[-1] if seen else 0
    if total == 0:
        return [None] * len(shares)
    return [_EDGES[bisect_left(seen, math.ceil(total * share))] for share in shares]
