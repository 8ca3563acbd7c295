"""Carries queued calls to collectors: bounded, each signal of an exporter for itself, with growing pauses.

Any control process does it: what one has claimed no other takes, and what it drops by dying is claimed again
and sent as the same spans. A collector that is away costs rows of ids, a day of them at most; what is dropped
is counted and raises an alert. Never holds a connection while it waits for a collector. Read next:
`traces.sending.delivery`.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from headgate import __version__
from headgate.core.entries import Alert
from headgate.core.labels import Label
from headgate.core.ports import Egress
from headgate.store.database import Database
from headgate.store.tasks import end_tasks
from headgate.traces.sending.calls import load_calls
from headgate.traces.sending.delivery import Answered, Secrets, deliver
from headgate.traces.sending.metrics import metrics_request
from headgate.traces.sending.model import Exporter, SentCall, Signal
from headgate.traces.sending.sink import QUERIES
from headgate.traces.sending.spans import traces_request
from headgate.traces.sending.store import (
    Outcome,
    Place,
    claim,
    drop_old,
    due_exporters,
    failures_of,
    note_alerted,
    note_failed,
    settle,
)

log = logging.getLogger("headgate.traces")

POLL_S: Final = 0.5
DROP_EVERY_S: Final = 30.0
AT_ONCE_MAX: Final = 500
AT_ONCE_WITH_CONTENT_MAX: Final = 32
"""A call's bodies are up to 2 MiB."""
WAIT_S: Final = 1.0
WAIT_S_MAX: Final = 60.0
FAILURES_TOLD: Final = 8
"""After so many in a row, some minutes, people hear of it: a wrong address never mends itself."""
AGE_S_MAX: Final = 24 * 3600.0
WAITING_MAX: Final = 1_000_000

AddAlerts = Callable[[Any, Sequence[Alert]], Awaitable[None]]


def wait_s(failures: int, jitter: float) -> float:
    """Return how long to wait after that many failures in a row: exponential, capped, and spread by half."""
    return min(WAIT_S_MAX, WAIT_S * 2.0 ** min(failures, 10)) * (0.5 + jitter / 2)


class ExportJob:
    """Sends what waits, until it is cancelled."""

    def __init__(
        self,
        database: Database,
        egress: Egress,
        secrets: Secrets,
        add_alerts: AddAlerts,
        *,
        age_s_max: float = AGE_S_MAX,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._database = database
        self._egress = egress
        self._secrets = secrets
        self._add_alerts = add_alerts
        self._bounds = (age_s_max, waiting_max)
        self._running: dict[tuple[str, Signal], asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Look every half second for exporters that may be tried."""
        clock = asyncio.get_running_loop().time
        drop_s = 0.0
        try:
            while True:
                async with self._database.connection() as connection:
                    due = await due_exporters(connection)
                for exporter, signal in due:
                    self._begin(exporter, signal)
                if clock() >= drop_s:
                    drop_s = clock() + DROP_EVERY_S
                    await self.drop()
                await asyncio.sleep(POLL_S)
        finally:
            await end_tasks(list(self._running.values()))
            self._running.clear()

    def _begin(self, exporter: Exporter, signal: Signal) -> None:
        """Let one exporter go on by itself, so that a slow one holds up no other."""
        running = self._running.get((exporter.name, signal))
        if running is not None:
            if not running.done():
                return
            running.result()  # what failed in it, fails here
        task = asyncio.create_task(self.drain(exporter, signal), name=f"export {exporter.name} {signal}")
        self._running[exporter.name, signal] = task

    async def drain(self, exporter: Exporter, signal: Signal) -> None:
        """Send what is due until nothing is left, or the collector does not take it."""
        content = exporter.content and signal == "traces"
        limit = AT_ONCE_WITH_CONTENT_MAX if content else AT_ONCE_MAX
        while True:
            async with self._database.connection() as connection:
                places = await claim(connection, exporter, signal, limit)
                calls = await load_calls(connection, exporter, places, content=content) if places else []
            if not places:
                return
            is_taken = await self._send_all(exporter, signal, places, calls)
            if not is_taken or len(places) < limit:
                return

    async def _send_all(
        self, exporter: Exporter, signal: Signal, places: Sequence[Place], calls: Sequence[SentCall]
    ) -> bool:
        allowed = [call for call in calls if call.label.allows_regions(exporter.regions)]
        outcome = Outcome(done=list(places), withheld=len(calls) - len(allowed))
        answered = await self._send(exporter, signal, allowed, outcome)
        if answered.meaning != "later":
            async with self._database.transaction() as connection:
                await settle(connection, exporter, signal, outcome)
                if outcome.rejected:
                    message = _unsent(exporter, signal, outcome.rejected, outcome.error)
                    await self._alert(connection, exporter, signal, "export_dropped", message)
            return True
        unsent = {call.id for call in allowed[outcome.sent + outcome.rejected :]}
        outcome.again = [place for place in places if place[1].bytes in unsent]
        outcome.done = [place for place in places if place[1].bytes not in unsent]
        async with self._database.transaction() as connection:
            failures = await failures_of(connection, exporter, signal)
            pause_s = answered.wait_s if answered.wait_s is not None else wait_s(failures, random.random())
            await settle(connection, exporter, signal, outcome)
            await note_failed(connection, exporter, signal, error=answered.said, wait_s=pause_s)
            if failures + 1 >= FAILURES_TOLD:
                why = f"it has failed {failures + 1} times in a row: {answered.said}"
                message = f"the exporter {exporter.name} takes no {signal}; calls wait for a day: {why}"
                await self._alert(connection, exporter, signal, "export_failing", message)
        log.warning("exporter %s takes no %s now: %s", exporter.name, signal, answered.said)
        return False

    async def _send(
        self, exporter: Exporter, signal: Signal, calls: Sequence[SentCall], outcome: Outcome
    ) -> Answered:
        """Send calls, in halves where they are too much at once; counts what is settled, in their order."""
        body = await asyncio.to_thread(_request, exporter, signal, calls)
        if not body:
            outcome.sent += len(calls)
            return Answered(meaning="taken")
        answered = await deliver(self._egress, self._secrets, exporter, signal, body, label=_joined(calls))
        match answered.meaning:
            case "later":
                return answered
            case "taken":
                lost = min(len(calls), answered.rejected) if signal == "traces" else 0
                outcome.sent += len(calls) - lost
                outcome.rejected += lost
                if answered.rejected:
                    outcome.error = f"it rejected {answered.rejected} of a request: {answered.said}"
                    log.warning("exporter %s: %s", exporter.name, outcome.error)
                return answered
            case "too large" if len(calls) > 1:
                half = len(calls) // 2
                first = await self._send(exporter, signal, calls[:half], outcome)
                return (
                    first
                    if first.meaning == "later"
                    else await self._send(exporter, signal, calls[half:], outcome)
                )
            case _:
                outcome.rejected += len(calls)
                outcome.error = answered.said
                log.warning("exporter %s refuses %d calls: %s", exporter.name, len(calls), answered.said)
                return answered

    async def drop(self) -> None:
        """Forget what has waited too long, and what no exporter wants any more."""
        age_s, waiting_max = self._bounds
        async with self._database.transaction() as connection:
            await connection.execute(QUERIES.drop_retired)
            for exporter, signal in await due_exporters(connection, even_later=True):
                count = await drop_old(connection, exporter, signal, age_s=age_s, waiting_max=waiting_max)
                if count:
                    message = _unsent(exporter, signal, count, "they waited too long")
                    await self._alert(connection, exporter, signal, "export_dropped", message)

    async def _alert(
        self, connection: Any, exporter: Exporter, signal: Signal, kind: str, message: str
    ) -> None:
        if not await note_alerted(connection, exporter, signal):
            return
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        alert = Alert(at_ms=now_ms, kind=kind, subject=exporter.name, message=message)
        await self._add_alerts(connection, [alert])


def _unsent(exporter: Exporter, signal: Signal, count: int, why: str) -> str:
    return f"{count} calls were not sent to the exporter {exporter.name} ({signal}): {why}"


def _request(exporter: Exporter, signal: Signal, calls: Sequence[SentCall]) -> bytes:
    if not calls:
        return b""
    write = traces_request if signal == "traces" else metrics_request
    return write(exporter, calls, __version__)


def _joined(calls: Sequence[SentCall]) -> Label:
    """The narrowest that holds for all."""
    label = Label()
    for call in calls:
        label = label.join(call.label)
    return label
