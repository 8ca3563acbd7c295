"""What a gateway process has seen of each target: breaker, latency, and how many calls are with it.

In memory, for this process alone; bounded by the number of targets. Time is passed in. The rules follow
the circuit-breaker pattern (Nygard, Release It!) and peak-sensitive EWMA. Read next: `gateway.routing`.
"""

import asyncio
from collections import OrderedDict, deque
from typing import Final, Literal

import msgspec

from headgate.core.faults import Unavailable

FAILURES_TO_OPEN: Final = 5
OPEN_S: Final = 5.0
OPEN_S_MAX: Final = 60.0
COOL_S: Final = 1.0
COOL_S_MAX: Final = 60.0
EWMA_WEIGHT: Final = 0.2
TARGETS_MAX: Final = 4096
QUEUE_WAIT_S_MAX: Final = 30.0
FAILURE_CHARACTERS_MAX: Final = 500

BreakerState = Literal["closed", "open", "half-open"]


class Breaker:
    """Stops calls to a target that keeps failing, and lets one through to probe it after a while."""

    __slots__ = ("_failures", "_open_s", "_opened_until_s", "_probing")

    def __init__(self) -> None:
        self._failures = 0
        self._open_s = OPEN_S
        self._opened_until_s: float | None = None
        self._probing = False

    @property
    def is_closed(self) -> bool:
        """Whether calls pass, as nearly always."""
        return self._opened_until_s is None

    def state(self, now_s: float) -> BreakerState:
        """Closed: calls pass. Open: none does. Half-open: one may, to probe."""
        if self._opened_until_s is None:
            return "closed"
        return "open" if now_s < self._opened_until_s else "half-open"

    def allow(self, now_s: float) -> bool:
        """Say whether a call may go to the target now; in half-open, only the first that asks."""
        state = self.state(now_s)
        if state == "closed":
            return True
        if state == "open" or self._probing:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The target answered."""
        self._failures = 0
        self._open_s = OPEN_S
        self._opened_until_s = None
        self._probing = False

    def failed(self, now_s: float) -> bool:
        """The target failed. Returns whether this opened the breaker."""
        self._failures += 1
        probed, self._probing = self._probing, False
        if not probed and self._failures < FAILURES_TO_OPEN:
            return False
        if probed:
            self._open_s = min(self._open_s * 2, OPEN_S_MAX)
        self._opened_until_s = now_s + self._open_s
        return True

    def abandoned(self) -> None:
        """The call ended without telling anything of the target: a probe is free again."""
        self._probing = False


class TargetHealth:
    """What was seen of one target, and its slots."""

    __slots__ = (
        *("_waiting", "breaker", "calls_in_flight", "cool_until_s", "failed_ms", "last_failure", "latency_s"),
        "opened_ms",
    )

    def __init__(self) -> None:
        self.breaker = Breaker()
        self.latency_s: float | None = None
        self.calls_in_flight = 0
        self.cool_until_s = 0.0
        self.last_failure = ""
        self.failed_ms: int | None = None
        self.opened_ms: int | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()

    def cool(self, now_s: float, wait_s: float | None) -> None:
        """The target limits its rate: others come first for as long as it asks, or a second."""
        self.cool_until_s = max(self.cool_until_s, now_s + min(wait_s or COOL_S, COOL_S_MAX))

    def fail(self, message: str, *, now_s: float, at_ms: int) -> bool:
        """Remember a failure, and when it was by the calendar. Returns whether this opened the breaker."""
        self.last_failure, self.failed_ms = message, at_ms
        was_closed = self.breaker.is_closed
        opened = self.breaker.failed(now_s)
        if opened and was_closed:
            self.opened_ms = at_ms
        return opened

    def observe(self, latency_s: float) -> None:
        """Add a time to first token (or to the whole answer); a rise counts at once, a fall slowly."""
        known = self.latency_s
        if known is None or latency_s > known:
            self.latency_s = latency_s
        else:
            self.latency_s = known + EWMA_WEIGHT * (latency_s - known)

    @property
    def calls_queued(self) -> int:
        """How many calls wait for a slot."""
        return len(self._waiting)

    def try_enter(self, calls_max: int) -> bool:
        """Take a slot if one is free and nobody waits for it."""
        if self.calls_in_flight >= calls_max or self._waiting:
            return False
        self.calls_in_flight += 1
        return True

    async def enter(self, *, calls_max: int, queued_max: int) -> None:
        """Take a slot, waiting in a bounded queue. Raises Unavailable when the queue is full or too slow."""
        if self.try_enter(calls_max):
            return
        if len(self._waiting) >= queued_max:
            raise Unavailable(
                f"{self.calls_in_flight} calls are with this target and {queued_max} wait already"
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            # Not wait_for: before Python 3.12 it swallows a cancellation that comes with the turn.
            async with asyncio.timeout(QUEUE_WAIT_S_MAX):
                await turn
        except TimeoutError:
            if turn.done() and not turn.cancelled():
                self.leave()  # the turn came in the same moment
            raise Unavailable(f"no slot of this target came free within {QUEUE_WAIT_S_MAX:.0f} s") from None
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)

    def leave(self) -> None:
        """Give the slot back, or straight on to the call that has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.calls_in_flight -= 1


class TargetView(msgspec.Struct, frozen=True, kw_only=True):
    """How a target does, as one gateway sees it. Latency is to the first token, or the whole answer.

    Since `since_ms` its breaker has not been closed; it failed last at `failed_ms`. Both count from 1970.
    """

    state: BreakerState
    latency_ms: float | None
    calls_in_flight: int
    since_ms: int | None
    failure: str
    failed_ms: int | None


class Health:
    """The health of all targets that this process has called, at most 4,096 of them."""

    __slots__ = ("_targets",)

    def __init__(self) -> None:
        self._targets: OrderedDict[str, TargetHealth] = OrderedDict()

    def of(self, target: str) -> TargetHealth:
        """What is known of `provider/model`; a target not seen before has nothing against it."""
        health = self._targets.get(target)
        if health is None:
            if len(self._targets) >= TARGETS_MAX:
                self._forget_one()
            health = self._targets[target] = TargetHealth()
        return health

    def latencies(self) -> dict[str, float]:
        """Latency in seconds by target, of those that have answered."""
        return {name: seen.latency_s for name, seen in self._targets.items() if seen.latency_s is not None}

    def items(self) -> list[tuple[str, TargetHealth]]:
        """All targets seen, for metrics."""
        return list(self._targets.items())

    def view(self, now_s: float) -> dict[str, TargetView]:
        """How each target does, for people."""
        return {
            name: TargetView(
                state=seen.breaker.state(now_s),
                latency_ms=None if seen.latency_s is None else round(seen.latency_s * 1000, 1),
                calls_in_flight=seen.calls_in_flight,
                since_ms=None if seen.breaker.is_closed else seen.opened_ms,
                failure=seen.last_failure[:FAILURE_CHARACTERS_MAX],
                failed_ms=seen.failed_ms,
            )
            for name, seen in self._targets.items()
        }

    def _forget_one(self) -> None:
        for name, health in self._targets.items():
            if not health.calls_in_flight and not health.calls_queued:
                del self._targets[name]
                return
