"""Rate limits: requests and tokens a time, by the generic cell rate algorithm, in memory.

Each process has a share of every limit; the shares add up to the limit (`meters.shares`). Alone, a process
has all of it and the limit is exact. A limit of n may be used in one burst of n and refills evenly. Token
limits take the input and what the output is likely to be; the truth comes with `correct`, and a limit may
go into debt by it. Never here: money (`meters.purse`). Read next: `meters.bucket`.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from headgate.core.faults import Limited
from headgate.core.ports import Clock, Headers
from headgate.meters.bucket import Bucket
from headgate.meters.model import WINDOW_S, RateLimit, RateUnit, Subject
from headgate.meters.scope import Counting

BUCKETS_MAX = 50_000
OUTPUTS_REMEMBERED = 256
UNKNOWN_OUTPUT_TOKENS = 1024
COUNTINGS_MAX = 8
"""How many sets of limits are remembered with whom they count: those of calls and those of attempts."""
"""Taken where neither a limit on the output nor a recent output is known."""


class Asked(msgspec.Struct):
    """One meter's bucket in this process, and what was asked of it since the shares were last told."""

    bucket: Bucket
    asked: float = 0.0
    demand: float = 0.0


class Taken(NamedTuple):
    """So many units of a meter; `is_tokens` says which kind."""

    entry: Asked
    units: float
    is_tokens: bool


class RateReservation(msgspec.Struct):
    """What one call took of its limits. Correct it once, when its usage is known."""

    parts: tuple[Taken, ...]
    limits: tuple[str, ...]
    is_corrected: bool = False


class RateLimiter:
    """The rate limits of one process."""

    def __init__(self, clock: Clock, *, processes: Callable[[], int], buckets_max: int = BUCKETS_MAX) -> None:
        """`processes` says how many gateways share the limits now."""
        self.entries: OrderedDict[str, Asked] = OrderedDict()
        """By meter: a limit's id and the subject."""
        self.stirred: dict[str, Asked] = {}
        """What was used since the shares were last told."""
        self.starting_shares: dict[str, float] = {}
        """What this process begins with where it has given the rest to others before using it."""
        self._clock = clock
        self._processes = processes
        self._buckets_max = buckets_max
        self._counting: dict[int, Counting[RateLimit]] = {}
        self._outputs: dict[str, deque[int]] = {}

    def admit(
        self,
        limits: Sequence[RateLimit],
        subject: Subject,
        *,
        input_tokens: int = 0,
        max_output: int | None = None,
    ) -> RateReservation:
        """Take one request, and its tokens, of all limits that count the call, or of none.

        Raises Limited (`rate_limited`) naming the limit, with the seconds until it fits.
        """
        now_s = self._clock.monotonic()
        parts: list[Taken] = []
        counted: list[str] = []
        for limit, meter in self._counting_of(limits).of(subject):
            units = self._units(limit, input_tokens, max_output)
            entry = self._entry(limit, meter.subject, now_s)
            entry.asked += units
            parts.append(Taken(entry, units, limit.unit == "tokens"))
            counted.append(limit.id)
            wait_s = entry.bucket.wait_s(units, now_s)
            if wait_s > 0:
                raise _limited(limit, meter.subject, wait_s)
        for taken in parts:
            taken.entry.bucket.add(taken.units)
        return RateReservation(tuple(parts), tuple(dict.fromkeys(counted)))

    def correct(self, reservation: RateReservation, *, input_tokens: int, output_tokens: int) -> None:
        """Replace the tokens that a call was likely to use by those it used; may leave a limit in debt."""
        if reservation.is_corrected:
            return
        reservation.is_corrected = True
        for taken in reservation.parts:
            if taken.is_tokens:
                taken.entry.bucket.drain(self._clock.monotonic())
                taken.entry.bucket.add(input_tokens + output_tokens - taken.units)
        if output_tokens > 0:
            for limit in reservation.limits:
                self._outputs.setdefault(limit, deque(maxlen=OUTPUTS_REMEMBERED)).append(output_tokens)

    def headers(self, limits: Sequence[RateLimit], subject: Subject) -> Headers:
        """Return the usual rate-limit headers: limit, remaining and reset, for requests and for tokens.

        Of several limits the one with the least remaining speaks. Figures are of the whole limit, reckoned
        from this process's share.
        """
        now_s = self._clock.monotonic()
        least: dict[RateUnit, tuple[int, RateLimit, Bucket]] = {}
        for limit, meter in self._counting_of(limits).of(subject):
            bucket = self._entry(limit, meter.subject, now_s).bucket
            part = bucket.room(now_s) / bucket.capacity if bucket.capacity > 0 else 0.0
            remaining = max(0, math.floor(limit.limit * min(1.0, part) + 1e-9))
            if limit.unit not in least or remaining < least[limit.unit][0]:
                least[limit.unit] = (remaining, limit, bucket)
        found: Headers = []
        for unit, (remaining, limit, bucket) in least.items():
            for name, value in (
                ("limit", str(limit.limit)),
                ("remaining", str(remaining)),
                ("reset", format_duration(bucket.reset_s(now_s))),
            ):
                found.append((f"x-ratelimit-{name}-{unit}".encode(), value.encode()))
        return found

    def _counting_of(self, limits: Sequence[RateLimit]) -> Counting[RateLimit]:
        """What counts whom, remembered as long as the same limits are passed: until they change."""
        known = self._counting.get(id(limits))
        if known is None or known.limits is not limits:
            if len(self._counting) >= COUNTINGS_MAX:
                self._counting.clear()
            known = self._counting[id(limits)] = Counting(limits)
        return known

    def starting_share(self, meter: str) -> float:
        """The share that this process has of a meter that it has not used yet."""
        return self.starting_shares.get(meter, 1.0 / max(1, self._processes()))

    def _units(self, limit: RateLimit, input_tokens: int, max_output: int | None) -> float:
        if limit.unit == "requests":
            return 1.0
        likely = self._likely_output(limit.id)
        return input_tokens + min(value for value in (max_output, likely) if value is not None)

    def _likely_output(self, limit: str) -> int:
        """The 95th percentile of recent outputs."""
        recent = sorted(self._outputs.get(limit, ()))
        return recent[math.ceil(len(recent) * 0.95) - 1] if recent else UNKNOWN_OUTPUT_TOKENS

    def _entry(self, limit: RateLimit, subject: str, now_s: float) -> Asked:
        meter = f"{limit.id} {subject}"
        entry = self.entries.get(meter)
        if entry is None:
            share = self.starting_share(meter)
            bucket = Bucket(limit.limit, float(WINDOW_S[limit.window]), share, 0.0, now_s)
            entry = self.entries[meter] = Asked(bucket)
            if len(self.entries) > self._buckets_max:
                self.entries.popitem(last=False)
        else:
            self.entries.move_to_end(meter)
            if entry.bucket.limit != limit.limit:
                entry.bucket.drain(now_s)
                entry.bucket.limit = limit.limit
        self.stirred[meter] = entry
        return entry


def format_duration(seconds: float) -> str:
    """Write a duration as OpenAI's headers do: `1s`, `6m0s`, `20ms`."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    whole = math.ceil(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _limited(limit: RateLimit, subject: str, wait_s: float) -> Limited:
    named = f"{limit.name!r} ({subject})" if subject else repr(limit.name)
    return Limited(
        f"rate limit {named} of {limit.limit} {limit.unit} a {limit.window} is used up; try again in "
        f"{format_duration(wait_s)}",
        retry_after_s=wait_s,
    )
