"""Runs canaries: asks cases of a target through the gateways, and tells its watch what came back.

A run is claimed in the database, so that one process makes it however many there are; what it found, the
watch's next state and the alarm are written together at its end. What was not answered is no evidence.
Read next: `drift.watching`, `drift.asking`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Protocol

import msgspec

from headgate.access.gateways import acknowledged
from headgate.access.store import NewKey, renew_key
from headgate.core.entries import Alert
from headgate.core.faults import Failed, Fault
from headgate.core.money import parse_usd
from headgate.core.ports import Clock
from headgate.core.secret import Secret
from headgate.drift.alarms import Place, raise_change
from headgate.drift.asking import Reply, Unanswered, body_of, drawn, read
from headgate.drift.calling import OwnCalls
from headgate.drift.model import Canary, DriftRule, tags_of
from headgate.drift.pinning import with_cases
from headgate.drift.store import (
    QUERIES,
    count_watches,
    get_watch,
    put_watch,
    values_of,
)
from headgate.drift.watching import Promise, alarmed, observe, sharing
from headgate.store.database import Connection, Database
from headgate.store.rows import fetch_rows

log = logging.getLogger("headgate.drift")

AT_ONCE: Final = 4
SILENT_S: Final = 900.0
"""A run whose process has not been heard of for so long has none."""
SETTLE_S: Final = 10.0
DAY_S: Final = 86400.0
NOTE_CHARACTERS_MAX: Final = 500

AddAlerts = Callable[[Connection, Sequence[Alert]], Awaitable[None]]


class InForce(Protocol):
    """What control knows of the configuration in force."""

    def canaries(self) -> tuple[Canary, ...]:
        """Return the canaries."""
        ...

    def drift_rule(self) -> DriftRule:
        """Return how often all watches together may be wrong."""
        ...


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run that this process makes."""

    id: int
    canary: str
    target: str
    version: str
    started_at: datetime

    @property
    def watch(self) -> str:
        """The name of its watch."""
        return watch_of(self.canary, self.target)


class Outcome(msgspec.Struct, kw_only=True):
    """What a run came to."""

    replies: list[tuple[datetime, Reply]] = []
    failures: list[str] = []
    cost_pico_usd: int = 0
    note: str = ""


def watch_of(canary: str, target: str) -> str:
    """Return the name of the watch of a canary at a target."""
    return f"canary/{canary}/{target}"


class CanaryJob:
    """The canaries of one deployment, as far as this process runs them."""

    def __init__(
        self, database: Database, clock: Clock, calls: OwnCalls, in_force: InForce, add_alerts: AddAlerts
    ) -> None:
        self._database = database
        self._clock = clock
        self._calls = calls
        self._in_force = in_force
        self._add_alerts = add_alerts

    async def look(self) -> None:
        """Claim what is due and run it, one after the other, until nothing is."""
        canaries = self._in_force.canaries()
        if not canaries:
            return
        async with self._database.transaction() as connection:
            await connection.execute(QUERIES.abandon_runs, {"silent_s": SILENT_S})
            for canary in canaries:
                parameters = {
                    "canary": canary.name,
                    "version": canary.version,
                    "every_s": canary.every_s,
                    "targets": list(canary.targets),
                }
                await connection.execute(QUERIES.ask_due, parameters)
        while (run := await self._take()) is not None:
            await self._make(run)

    async def _take(self) -> Run | None:
        async with self._database.transaction() as connection:
            rows = await fetch_rows(connection, QUERIES.take_run)
        return msgspec.convert(rows[0], Run) if rows else None

    async def _make(self, run: Run) -> None:
        canary = next((each for each in self._in_force.canaries() if each.name == run.canary), None)
        if canary is None or run.target not in canary.targets:
            await self._end(run, "failed", Outcome(note="the configuration has it no more"))
            return
        try:
            async with self._database.connection() as connection:
                canary = await with_cases(connection, canary)
            key = await self._key(canary)
            outcome = await self._ask(run, canary, key)
        except Fault as fault:
            await self._end(run, "failed", Outcome(note=fault.message))
            return
        if not outcome.replies:
            await self._end(run, "failed", outcome)
            return
        async with self._database.transaction() as connection:
            await self._conclude(connection, run, canary, outcome)

    async def _ask(self, run: Run, canary: Canary, key: Secret) -> Outcome:
        async with self._database.transaction() as connection:
            known = await get_watch(connection, run.watch, canary.version, canary.reference)
        count = canary.draws
        if known.watch.phase == "reference":
            count = max(count, canary.reference - known.watch.seen)
        outcome = Outcome()
        cases = drawn(canary, count, f"{canary.name}/{run.target}/{run.id}")
        for start in range(0, count, AT_ONCE):
            if canary.budget_pico_usd and outcome.cost_pico_usd >= canary.budget_pico_usd:
                outcome.note = f"the run's budget was spent after {start} of {count} cases"
                break
            asked = [self._one(canary, run.target, case, key) for case in cases[start : start + AT_ONCE]]
            for reply, cost_usd in await asyncio.gather(*asked):
                outcome.cost_pico_usd += parse_usd(cost_usd) if cost_usd else 0
                if isinstance(reply, Reply):
                    outcome.replies.append((self._now(), reply))
                else:
                    outcome.failures.append(reply.why)
            if len(outcome.failures) >= AT_ONCE and not outcome.replies:
                break  # the target answers nothing: the rest would only cost time
            async with self._database.connection() as connection:
                await connection.execute(QUERIES.run_goes_on, {"id": run.id})
        return outcome

    async def _one(
        self, canary: Canary, target: str, case: Any, key: Secret
    ) -> tuple[Reply | Unanswered, str]:
        try:
            answered = await self._calls.chat(key, body_of(canary, target, case))
        except Failed as fault:
            return Unanswered(why=fault.message), ""
        return await asyncio.to_thread(read, case, answered), answered.cost_usd

    async def _key(self, canary: Canary) -> Secret:
        """Give the canary's key a new text: none is kept anywhere."""
        now_ms = self._clock.now_ms()
        new = NewKey(
            name=f"canary {canary.name} {now_ms}",
            project=canary.project,
            models=canary.targets,
            tags=tags_of(canary.name),
        )
        async with self._database.transaction() as connection:
            rows = await fetch_rows(connection, QUERIES.get_key, {"canary": canary.name})
            made = await renew_key(connection, rows[0]["key"] if rows else None, new, now_ms=now_ms)
            await connection.execute(QUERIES.put_key, {"canary": canary.name, "key": made.key.id})
        await acknowledged(self._database, made.seq, timeout_s=SETTLE_S)
        return made.text

    async def _conclude(self, connection: Connection, run: Run, canary: Canary, outcome: Outcome) -> None:
        """Write answers, the watch's next state, and the alarm if there is one."""
        known = await get_watch(connection, run.watch, canary.version, canary.reference)
        began = known.since is None or (known.watch.seen == 0 and known.watch.phase == "reference")
        since = known.since if known.since is not None and not began else run.started_at
        learnt = known.watch.phase == "reference"
        watch, signals = observe(known.watch, [reply.seen for _, reply in outcome.replies])
        rows: list[dict[str, Any]] = []
        for place, ((at, reply), values) in enumerate(zip(outcome.replies, signals, strict=True)):
            rows.append(
                {
                    "place": place,
                    "at": at,
                    "case": reply.case,
                    "is_reference": learnt and place < canary.reference - known.watch.seen,
                    "signals": values,
                    "characters": reply.characters,
                    "text": reply.text,
                    "call": reply.call or None,
                }
            )
        if not await self._finish(connection, run, outcome):
            return
        parameters = {"run": run.id, "watch": run.watch, "rows": msgspec.json.encode(rows).decode()}
        await connection.execute(QUERIES.add_answers, parameters)
        if canary.dataset:
            dataset = {"project": canary.project, "dataset": canary.dataset.partition("@")[0]}
            await connection.execute(QUERIES.run_asked, {"id": run.id, **dataset})
        rate = canary.draws * DAY_S / canary.every_s
        watch = sharing(watch, await count_watches(connection, [run.watch]))
        promise = Promise(rule=self._in_force.drift_rule(), watches=watch.shared, values_a_day=rate)
        if watch.phase == "watching" and watch.evidence >= promise.run_length:
            place = Place(
                kind="canary",
                watch=run.watch,
                target=run.target,
                words=f"{run.target} answers the canary {run.canary} otherwise",
            )
            values = await values_of(connection, run.watch, since)
            alert = await raise_change(connection, place, watch, promise, values, until=self._now())
            await self._add_alerts(connection, [alert])
            watch = alarmed(watch)
        await put_watch(
            connection, run.watch, canary.version, watch, values_a_day=rate, since=since if began else None
        )

    async def _end(self, run: Run, state: str, outcome: Outcome) -> None:
        async with self._database.transaction() as connection:
            await self._finish(connection, run, outcome, state)
        log.warning("the canary %s said nothing of %s: %s", run.canary, run.target, _note(outcome))

    async def _finish(self, connection: Connection, run: Run, outcome: Outcome, state: str = "done") -> bool:
        """End the run; False where another process took it for abandoned meanwhile."""
        parameters = {
            "id": run.id,
            "state": state,
            "answers": len(outcome.replies),
            "failed": len(outcome.failures),
            "cost_usd": Decimal(outcome.cost_pico_usd) / 10**12,
            "note": _note(outcome),
        }
        cursor = await connection.execute(QUERIES.end_run, parameters)
        return await cursor.fetchone() is not None

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)


def _note(outcome: Outcome) -> str:
    parts = [outcome.note] if outcome.note else []
    if outcome.failures:
        parts.append(f"{len(outcome.failures)} calls failed, such as with {outcome.failures[0]}")
    return "; ".join(parts)[:NOTE_CHARACTERS_MAX]
