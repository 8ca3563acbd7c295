"""The loop guard: agents that repeat themselves, or spend too fast, are stopped before the money is gone.

Per key and session, in memory of one process; a session's calls usually share a connection and so a process.
Memory is bounded: what was not used for longest is forgotten first. Never here: limits on spend that must
hold (`meters.purse`). Read next: `meters.model.LoopGuard`.
"""

from collections import OrderedDict, deque

from headgate.core.faults import Limited
from headgate.core.money import format_usd
from headgate.core.ports import Clock
from headgate.meters.model import LoopGuard

REMEMBERED_MAX = 20_000
"""Digests, and sessions, that are remembered at once."""
SLICES = 20
"""Spend is summed in so many slices of its time, so that its memory does not grow with the calls."""
IDENTICAL_CALLS_MAX = 1000
"""Above this, a guard on identical calls counts no further."""


class LoopDetector:
    """Remembers recent calls and spend by key and session."""

    def __init__(self, clock: Clock, *, remembered_max: int = REMEMBERED_MAX) -> None:
        self._clock = clock
        self._remembered_max = remembered_max
        self._calls: OrderedDict[tuple[str, str, bytes], deque[float]] = OrderedDict()
        self._spend: OrderedDict[tuple[str, str], deque[tuple[int, int]]] = OrderedDict()

    def check(self, guard: LoopGuard, key: str, session: str, digest: bytes) -> None:
        """Count a call, or refuse it. `digest` is of what near-identical calls share, such as their prefix.

        Raises Limited (`runaway_loop`) with the seconds after which the call would be let through; a call
        that is refused is not counted.
        """
        self._check_spend(guard, key, session)
        if guard.identical_calls > 0:
            self._count(guard, (key, session, digest))

    def spent(self, guard: LoopGuard, key: str, session: str, pico_usd: int) -> None:
        """Count what an attempt cost."""
        if guard.spend_pico_usd <= 0 or pico_usd <= 0:
            return
        slices = self._remember_spend((key, session))
        now = self._slice(guard)
        if slices and slices[-1][0] == now:
            slices[-1] = (now, slices[-1][1] + pico_usd)
        else:
            slices.append((now, pico_usd))

    def _count(self, guard: LoopGuard, call: tuple[str, str, bytes]) -> None:
        now_s = self._clock.monotonic()
        times = self._calls.get(call)
        if times is None:
            times = self._calls[call] = deque(maxlen=IDENTICAL_CALLS_MAX)
            if len(self._calls) > self._remembered_max:
                self._calls.popitem(last=False)
        else:
            self._calls.move_to_end(call)
        while times and times[0] <= now_s - guard.identical_within_s:
            times.popleft()
        allowed = min(guard.identical_calls, IDENTICAL_CALLS_MAX)
        if len(times) >= allowed:
            raise Limited(
                f"{allowed} near-identical calls of this session within {guard.identical_within_s:g} s look "
                "like a runaway loop; change the conversation, or raise loop_guard.identical_calls",
                code="runaway_loop",
                retry_after_s=max(0.001, times[len(times) - allowed] + guard.identical_within_s - now_s),
            )
        times.append(now_s)

    def _check_spend(self, guard: LoopGuard, key: str, session: str) -> None:
        if guard.spend_pico_usd <= 0:
            return
        slices = self._spend.get((key, session))
        if not slices:
            return
        now = self._slice(guard)
        while slices and slices[0][0] <= now - SLICES:
            slices.popleft()
        total = sum(amount for _, amount in slices)
        if total < guard.spend_pico_usd:
            return
        slice_s = guard.spend_within_s / SLICES
        raise Limited(
            f"this session spent {format_usd(total)} USD within {guard.spend_within_s:g} s, which looks like "
            f"a runaway loop (the guard allows {format_usd(guard.spend_pico_usd)} USD); slow down, or raise "
            "loop_guard.spend",
            code="runaway_loop",
            retry_after_s=max(0.001, (slices[0][0] + SLICES) * slice_s - self._clock.monotonic()),
        )

    def _slice(self, guard: LoopGuard) -> int:
        return int(self._clock.monotonic() * SLICES // guard.spend_within_s)

    def _remember_spend(self, session: tuple[str, str]) -> deque[tuple[int, int]]:
        slices = self._spend.get(session)
        if slices is None:
            slices = self._spend[session] = deque(maxlen=SLICES + 1)
            if len(self._spend) > self._remembered_max:
                self._spend.popitem(last=False)
        else:
            self._spend.move_to_end(session)
        return slices
