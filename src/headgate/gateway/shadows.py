"""Makes the shadows of calls: after the caller has its answer, beside all calls, never in the place of one.

A shadow goes through `serve` like every call, so that its key, residency, budgets and record are what they
always are; but with health, loop guard and counts of its own, and with what callers leave over. Few run at
once, none waits for another, and none begins while the loop is late: the first thing to go under load. What
was left out is counted. Read next: `gateway.pairing`, `gateway.spare`, `gateway.comparing`.
"""

import asyncio
import logging
from collections import Counter
from typing import Final

import msgspec

from headgate.core.entries import COMPARED, LEFT_OUT, LeftOut
from headgate.core.faults import Fault
from headgate.gateway.call import Call
from headgate.gateway.comparing import compared
from headgate.gateway.counters import Counters
from headgate.gateway.health import Health
from headgate.gateway.pairing import Pair
from headgate.gateway.plane import ENCODE, DataPlane
from headgate.gateway.schema_checker import SchemaChecker
from headgate.gateway.serve import serve
from headgate.gateway.shadow_exchange import ShadowExchange
from headgate.meters.loop import LoopDetector
from headgate.store.tasks import end_tasks

log = logging.getLogger("headgate.gateway")

AT_ONCE_MAX: Final = 8
"""How many shadows a gateway has on their way."""
BODY_BYTES_MAX: Final = 256 * 1024
PAUSE_S: Final = 0.02
LATE_S: Final = 0.02
"""How much longer than `PAUSE_S` the loop may take to come back to a shadow that is to begin."""
LONGEST_S: Final = 120.0
"""A shadow that takes longer is cut, and counts as one that failed."""
TELL_S: Final = 1.0

_REASONS: Final = {
    "budget_exhausted": "a budget has no room for them",
    "budget_reserved": "half of a budget is used",
    "unbounded_cost": "their cost has no bound, and a budget allows none such",
    "rate_limited": "half of a rate limit is used",
    "residency_denied": "their targets may not serve these callers",
}


class Shadows:
    """The shadows of one gateway."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane
        self._beside = msgspec.structs.replace(
            plane,
            health=Health(),
            counters=Counters(),
            loops=LoopDetector(plane.clock),
            checker=SchemaChecker(),
            callers=plane.health,
            shadows=None,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._teller: asyncio.TimerHandle | None = None

    def after(self, call: Call, pair: Pair) -> None:
        """Begin the shadow of a call whose caller has been answered; never waits, and never fails."""
        if call.ended is None or call.hung_up or not call.attempts:
            return  # It was refused, or its client has gone: there is nothing to compare with.
        reason = self._unfit(call)
        if reason:
            self._leave_out(pair, reason)
            return
        task = asyncio.create_task(self._make(call, pair), name="shadow")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def stop(self) -> None:
        """End those on their way: they are charged as calls are that a stopping process cuts."""
        await end_tasks(list(self._tasks))
        if self._teller is not None:
            self._teller.cancel()
        self._tell()
        await self._beside.checker.stop()

    def _unfit(self, call: Call) -> str:
        facts = call.facts
        if facts is None or call.sent is None or call.upload is not None or call.route.operation != "chat":
            return "only chats are compared"
        if facts.media.unbounded or facts.media.server_tools:
            return "their providers' tools or stored state would act twice"
        if len(call.sent[1]) > BODY_BYTES_MAX:
            return f"their bodies are larger than {BODY_BYTES_MAX} bytes"
        if len(self._tasks) >= AT_ONCE_MAX:
            return f"{AT_ONCE_MAX} were on their way already"
        if self._plane.draining or self._plane.journal.is_late or not self._plane.journal.healthy:
            return "the gateway was busy"
        return ""

    async def _make(self, call: Call, pair: Pair) -> None:
        plane, beside = self._plane, self._beside
        began_s = plane.clock.monotonic()
        await asyncio.sleep(PAUSE_S)
        if plane.clock.monotonic() - began_s > PAUSE_S + LATE_S:
            self._leave_out(pair, "the gateway was busy")
            return
        assert call.sent is not None and call.key is not None
        try:
            key = plane.book.standing(call.key.id, plane.clock.now_ms())
        except Fault:
            self._leave_out(pair, "their key does not stand any more")
            return
        beside.current, beside.draining = plane.current, plane.draining
        route, body = call.sent
        exchange = ShadowExchange(route.path, call.query, call.headers, body)
        timer = asyncio.get_running_loop().call_later(LONGEST_S, exchange.cut)
        try:
            await serve(beside, exchange, route, key, pair)
        finally:
            timer.cancel()
        shadow = pair.shadow
        if shadow is None or not shadow.attempts:
            self._leave_out(pair, _reason(shadow))
            return
        pair.shadow = None
        entry = await compared(beside.checker, pair, shadow, was_cut=exchange.is_cut)
        if entry is not None:
            plane.journal.append(COMPARED, ENCODE(entry))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a shadow failed in a way that is nobody's fault but ours", exc_info=error)

    def _leave_out(self, pair: Pair, reason: str) -> None:
        self._left_out[pair.experiment.version, reason] += 1
        if self._teller is None:
            self._teller = asyncio.get_running_loop().call_later(TELL_S, self._tell)

    def _tell(self) -> None:
        """Write down what was left out: sums, so that much of it makes no more work."""
        self._teller = None
        for (version, reason), calls in self._left_out.items():
            self._plane.journal.append(LEFT_OUT, ENCODE(LeftOut(version, reason, calls)))
        self._left_out.clear()


def _reason(shadow: Call | None) -> str:
    for exclusion in shadow.exclusions if shadow is not None else ():
        known = _REASONS.get(exclusion.fault.code)
        if known:
            return known
    return "their targets could not be tried"
