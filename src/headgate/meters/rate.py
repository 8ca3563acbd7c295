"""Rate limits: requests and tokens a time, by the generic cell rate algorithm, in memory.

Each process has a share of every limit; the shares add up to the limit (`meters.shares`). Alone, a process
has all of it and the limit is exact. A limit of n may be used in one burst of n and refills evenly. Token
limits take the input and what the output is likely to be; the truth comes with `correct`, and a limit may
go into debt by it. Never here: money (`meters.purse`). Read next: `meters.bucket`.
"""

import math
from bisect import bisect_left, insort
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from headgate.core.faults import Limited
from headgate.core.ports import Clock, Headers
from headgate.meters.bucket import Bucket
from headgate.meters.model import WINDOW_S, RateLimit, Subject
from headgate.meters.scope import Counting, Meter

BUCKETS_MAX = 50_000
OUTPUTS_REMEMBERED = 256
UNKNOWN_OUTPUT_TOKENS = 1024
"""Taken where neither a limit on the output nor a recent output is known."""
SHARED_AGAIN_S = 2.0
"""How long load that has moved may be refused until shares follow it (`meters.shares`)."""
COUNTINGS_MAX = 8
"""How many sets of limits are remembered with whom they count: those of calls and those of attempts."""


class Asked(msgspec.Struct):
    """One meter's bucket in this process, and what was asked of it since the shares were last told."""

    bucket: Bucket
    asked: float = 0.0
    demand: float = 0.0


class Counted(msgspec.Struct, frozen=True):
    """A limit that counts a call, and the meter that does, with its names made once."""

    limit: RateLimit
    subject: str
    meter: str
    is_tokens: bool
    limit_field: tuple[bytes, bytes]
    """The header that states the limit; the names of those that state what is left follow."""
    remaining_name: bytes
    reset_name: bytes


class Taken(NamedTuple):
    """So many units of a meter."""

    entry: Asked
    units: float
    counted: Counted


class RateReservation(msgspec.Struct):
    """What one call took of its limits. Correct it once, when its usage is known."""

    parts: list[Taken]
    is_corrected: bool = False


class RecentOutputs:
    """The outputs of recent calls, and what the next one is likely to be: their 95th percentile."""

    __slots__ = ("_ordered", "_recent")

    def __init__(self) -> None:
        self._recent: deque[int] = deque()
        self._ordered: list[int] = []

    @property
    def likely(self) -> int:
        """The 95th percentile; a guess before the first."""
        ordered = self._ordered
        return ordered[math.ceil(len(ordered) * 0.95) - 1] if ordered else UNKNOWN_OUTPUT_TOKENS

    def add(self, tokens: int) -> None:
        """Take one more, in place of the oldest where there are enough."""
        if len(self._recent) == OUTPUTS_REMEMBERED:
            del self._ordered[bisect_left(self._ordered, self._recent.popleft())]
        self._recent.append(tokens)
        insort(self._ordered, tokens)


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
        self._counting: dict[int, Counting[RateLimit, Counted]] = {}
        self._outputs: dict[str, RecentOutputs] = {}

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
        for counted in self._counted(limits, subject):
            units = self._tokens(counted.limit, input_tokens, max_output) if counted.is_tokens else 1.0
            entry = self._entry(counted, now_s)
            entry.asked += units
            wait_s = entry.bucket.wait_s(units, now_s)
            if wait_s > 0:
                if entry.bucket.share * self._processes() < 1.0:
                    # The rest is with others, who give of it as soon as they are told.
                    wait_s = min(wait_s, SHARED_AGAIN_S)
                raise _limited(counted.limit, counted.subject, wait_s)
            parts.append(Taken(entry, units, counted))
        for entry, units, _ in parts:
            entry.bucket.level += units
        return RateReservation(parts)

    def part_left(self, limits: Sequence[RateLimit], subject: Subject) -> float:
        """Return what part is left of the limit that has least, of those that count a subject."""
        now_s = self._clock.monotonic()
        least = 1.0
        for counted in self._counted(limits, subject):
            bucket = self._entry(counted, now_s).bucket
            bucket.drain(now_s)
            capacity = bucket.limit * bucket.share
            least = min(least, (capacity - bucket.level) / capacity if capacity > 0 else 0.0)
        return least

    def correct(self, reservation: RateReservation, *, input_tokens: int, output_tokens: int) -> None:
        """Replace the tokens that a call was likely to use by those it used; may leave a limit in debt."""
        if reservation.is_corrected:
            return
        reservation.is_corrected = True
        seen: set[str] = set()
        for entry, units, counted in reservation.parts:
            if not counted.is_tokens:
                continue
            entry.bucket.drain(self._clock.monotonic())
            entry.bucket.add(input_tokens + output_tokens - units)
            if output_tokens > 0 and counted.limit.id not in seen:
                seen.add(counted.limit.id)
                self._outputs.setdefault(counted.limit.id, RecentOutputs()).add(output_tokens)

    def headers(self, limits: Sequence[RateLimit], subject: Subject) -> Headers:
        """Return the usual rate-limit headers: limit, remaining and reset, for requests and for tokens.

        Of several limits the one with the least remaining speaks. Figures are of the whole limit, reckoned
        from this process's share.
        """
        now_s = self._clock.monotonic()
        least: dict[bool, tuple[int, Counted, Bucket]] = {}
        for counted in self._counted(limits, subject):
            bucket = self._entry(counted, now_s).bucket
            bucket.drain(now_s)
            capacity = bucket.limit * bucket.share
            part = (capacity - bucket.level) / capacity if capacity > 0 else 0.0
            remaining = int(counted.limit.limit * part + 1e-9) if part > 0.0 else 0
            known = least.get(counted.is_tokens)
            if known is None or remaining < known[0]:
                least[counted.is_tokens] = (remaining, counted, bucket)
        found: Headers = []
        for remaining, counted, bucket in least.values():
            reset = format_duration(bucket.reset_s(now_s)).encode()
            found += (
                counted.limit_field,
                (counted.remaining_name, b"%d" % remaining),
                (counted.reset_name, reset),
            )
        return found

    def _counted(self, limits: Sequence[RateLimit], subject: Subject) -> Sequence[Counted]:
        """Which limits count a subject, remembered as long as the same limits are passed."""
        known = self._counting.get(id(limits))
        if known is None or known.limits is not limits:
            if len(self._counting) >= COUNTINGS_MAX:
                self._counting.clear()
            known = self._counting[id(limits)] = Counting(limits, _counted)
        return known.of(subject)

    def starting_share(self, meter: str) -> float:
        """The share that this process has of a meter that it has not used yet."""
        return self.starting_shares.get(meter, 1.0 / max(1, self._processes()))

    def _tokens(self, limit: RateLimit, input_tokens: int, max_output: int | None) -> float:
        outputs = self._outputs.get(limit.id)
        likely = UNKNOWN_OUTPUT_TOKENS if outputs is None else outputs.likely
        return input_tokens + (likely if max_output is None else min(max_output, likely))

    def _entry(self, counted: Counted, now_s: float) -> Asked:
        meter, limit = counted.meter, counted.limit
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


def _counted(limit: RateLimit, meter: Meter) -> Counted:
    unit = limit.unit.encode()
    return Counted(
        limit=limit,
        subject=meter.subject,
        meter=f"{meter.limit} {meter.subject}",
        is_tokens=limit.unit == "tokens",
        limit_field=(b"x-ratelimit-limit-" + unit, str(limit.limit).encode()),
        remaining_name=b"x-ratelimit-remaining-" + unit,
        reset_name=b"x-ratelimit-reset-" + unit,
    )


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
