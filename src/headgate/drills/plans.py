"""The drills that there are: what each does to a set-up, for how long, and what else it promises.

Every drill calls before, during and after what goes wrong, and is judged by the same accounts. Read next:
`conduct`, which runs one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from headgate.core.faults import Unavailable
from headgate.drills.household import Household, Worker, end_at_once
from headgate.drills.model import Seen, Verdict
from headgate.drills.visitors import Visitors

LOOK_S = 0.1
BACK_S_MAX = 20.0


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill works with. `note` takes each step as it is made."""

    household: Household | None
    visitors: Visitors
    seconds: float
    note: Callable[[str], None]

    @property
    def house(self) -> Household:
        """The set-up's processes. Raises Unavailable where they are not on this machine."""
        if self.household is None:
            raise Unavailable("the processes of this set-up are not on this machine")
        return self.household


Trouble = Callable[[Stage], Awaitable[Sequence[Verdict]]]


class Drill(msgspec.Struct, frozen=True, kw_only=True):
    """One drill. `ends`: it ends processes or stops the database, and so needs consent and this machine.

    `model` is the mock's model that its visitors ask for; `seconds` how long the trouble lasts unless told
    otherwise; `answers`: whether its own calls are to be answered at all.
    """

    name: str
    does: str
    promises: str
    trouble: Trouble
    ends: bool = False
    needs_embedded: bool = False
    seconds: float = 5.0
    model: str = "tokens-20"
    manner: Mapping[str, object] = {}
    answers: bool = True


async def _kill_gateways(stage: Stage) -> list[Verdict]:
    return await _kill_again_and_again(stage, lambda: stage.house.workers("gateway"), "gateway")


async def _kill_control(stage: Stage) -> list[Verdict]:
    before = len(stage.visitors.seen)
    verdicts = await _kill_again_and_again(stage, lambda: stage.house.workers("control"), "control")
    return [*verdicts, _unnoticed(stage.visitors.seen[before:])]


async def _kill_shipper(stage: Stage) -> list[Verdict]:
    before = len(stage.visitors.seen)
    verdicts = await _kill_again_and_again(stage, lambda: stage.house.workers("shipper"), "shipper")
    return [*verdicts, _unnoticed(stage.visitors.seen[before:])]


async def _kill_database(stage: Stage) -> list[Verdict]:
    def first() -> list[Worker]:
        found = stage.house.database_process()
        return [] if found is None else [found]

    return await _kill_again_and_again(stage, first, "database")


async def _kill_again_and_again(stage: Stage, find: Callable[[], list[Worker]], what: str) -> list[Verdict]:
    """Kill what `find` finds, three times over the drill's seconds, and see that each has a successor."""
    slowest_s = 0.0
    for _ in range(3):
        workers = await _found(find)
        if not workers:
            return [Verdict(promise=f"a {what} that ends has a successor", seen="none came", kept=False)]
        chosen = workers[0]
        end_at_once(chosen)
        stage.note(f"kill -9 of {chosen.title} (process {chosen.pid})")
        began_s = time.monotonic()
        while not (found := await _found(find)) or chosen in found:
            if time.monotonic() - began_s > BACK_S_MAX:
                break
            await asyncio.sleep(LOOK_S)
        slowest_s = max(slowest_s, time.monotonic() - began_s)
        await asyncio.sleep(stage.seconds / 3)
    return [
        Verdict(
            promise=f"a {what} that ends has a successor within {BACK_S_MAX:.0f} s",
            seen=f"{slowest_s:.1f} s at most",
            kept=slowest_s < BACK_S_MAX,
        )
    ]


async def _found(find: Callable[[], list[Worker]]) -> list[Worker]:
    workers: list[Worker] = []
    for _ in range(int(BACK_S_MAX / LOOK_S)):
        workers = await asyncio.to_thread(find)
        if workers:
            break
        await asyncio.sleep(LOOK_S)
    return workers


async def _stop_database(stage: Stage) -> list[Verdict]:
    stopped = stage.house.database.stopped()
    await asyncio.to_thread(stopped.__enter__)
    began_s = time.monotonic()
    stage.note(f"stopped the embedded PostgreSQL for {stage.seconds:g} s")
    try:
        await asyncio.sleep(stage.seconds)
    finally:
        ended_s = time.monotonic()
        await asyncio.to_thread(stopped.__exit__, None, None, None)
        stage.note("started it again")
    during = [one for one in stage.visitors.seen if began_s + 1 < one.ended_s < ended_s]
    slowest_s = max((one.took_s for one in during), default=0.0)
    return [
        _clear(during, {200, 503}),
        Verdict(
            promise="who can't be answered is told within 10 s",
            seen=f"{len(during)} calls ended meanwhile, the slowest after {slowest_s:.1f} s",
            kept=slowest_s < 10,
        ),
    ]


async def _call_on(stage: Stage) -> list[Verdict]:
    stage.note(f"called for {stage.seconds:g} s")
    await asyncio.sleep(stage.seconds)
    return []


async def _fail(stage: Stage) -> list[Verdict]:
    await _call_on(stage)
    return [_clear(stage.visitors.seen, {502, 503, 504})]


async def _break_streams(stage: Stage) -> list[Verdict]:
    await _call_on(stage)
    begun = [one for one in stage.visitors.seen if one.status == 200]
    silent = [one for one in begun if one.whole or '"error"' not in one.said]
    return [
        Verdict(
            promise="a stream that breaks ends in an error, without its terminator",
            seen=f"{len(begun)} broke, {len(silent)} of them looked whole",
            kept=not silent,
        )
    ]


def _unnoticed(seen: Sequence[Seen]) -> Verdict:
    missed = sum(1 for one in seen if not one.is_answered)
    return Verdict(
        promise="model calls don't notice", seen=f"{missed} of {len(seen)} were not answered", kept=not missed
    )


def _clear(seen: Sequence[Seen], expected: set[int]) -> Verdict:
    odd = sorted({one.status for one in seen} - expected)
    listed = ", ".join("no answer" if status == 0 else str(status) for status in odd)
    return Verdict(
        promise=f"every call gets one of {', '.join(map(str, sorted(expected)))}",
        seen=f"{len(seen)} calls" + (f"; also {listed}" if odd else ""),
        kept=not odd,
    )


DRILLS = (
    Drill(
        name="kill-gateway",
        does="kills a gateway process (kill -9) three times under load",
        promises="no answered call is lost, and another gateway serves at once",
        trouble=_kill_gateways,
        ends=True,
    ),
    Drill(
        name="kill-shipper",
        does="kills the shipper three times under load",
        promises="each call is on record exactly once, whenever it died",
        trouble=_kill_shipper,
        ends=True,
    ),
    Drill(
        name="kill-control",
        does="kills the control process three times under load",
        promises="model calls don't notice",
        trouble=_kill_control,
        ends=True,
    ),
    Drill(
        name="kill-database",
        does="kills the embedded PostgreSQL three times under load",
        promises="it is started again, and nothing is lost",
        trouble=_kill_database,
        ends=True,
        needs_embedded=True,
    ),
    Drill(
        name="stop-database",
        does="stops the embedded PostgreSQL for a minute under load",
        promises="calls are answered or clearly refused, and all that were answered are on record",
        trouble=_stop_database,
        ends=True,
        needs_embedded=True,
        seconds=60.0,
    ),
    Drill(
        name="slow-provider",
        does="calls a provider that takes two seconds to begin",
        promises="slow answers are answers, and cost what they cost",
        trouble=_call_on,
        model="slow-2000ms",
    ),
    Drill(
        name="failing-provider",
        does="calls a provider that answers 503",
        promises="a clear error in the caller's dialect, and nothing charged for it",
        trouble=_fail,
        model="error-503",
        answers=False,
    ),
    Drill(
        name="broken-stream",
        does="calls a provider that cuts its streams in the middle",
        promises="a stream that broke can be told from one that ended",
        trouble=_break_streams,
        model="broken-stream",
        manner={"stream_every": 1},
        answers=False,
    ),
    Drill(
        name="hang-up",
        does="hangs up on each call after a tenth of a second",
        promises="nothing stays reserved for who has gone",
        trouble=_call_on,
        model="slow-500ms",
        manner={"hang_up_after_s": 0.1},
        answers=False,
    ),
)
"""All drills, in the order in which `headgate drill run` takes them."""
