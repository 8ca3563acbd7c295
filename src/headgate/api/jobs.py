"""What the control process does by itself: stays in step, raises alerts, delivers them, forgets old ones.

Each job runs again after a pause, whatever became of it; stopping cancels all and waits. Read next:
`api.state`, `api.alerts`, `api.webhooks`.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from litestar import Litestar

from headgate.api.alerts import add_alerts
from headgate.api.grounding_marks import keep_marks
from headgate.api.schedule import run_schedule
from headgate.api.services import ControlServices
from headgate.api.state import ControlState
from headgate.api.webhooks import AT_ONCE_MAX, Deliverer
from headgate.config.snapshots import CHANNEL as SNAPSHOT_CHANNEL
from headgate.core.faults import Fault
from headgate.drift.hours import TrafficJob
from headgate.drift.running import CanaryJob
from headgate.experiments.moving import SharesJob
from headgate.grounding.live import GroundingJob
from headgate.meters.status import due_alerts
from headgate.releases.rule_refresh import TemplateWatch
from headgate.releases.unreleased import ReleasedPrompts
from headgate.releases.unreleased import due_alerts as due_unreleased
from headgate.rollouts.job import RolloutJob
from headgate.rollouts.scoring_job import ScoringJob
from headgate.store.live import CHANNEL as LIVE_CHANNEL
from headgate.store.tasks import end_tasks
from headgate.traces.erasure.erasing import Eraser

log = logging.getLogger("headgate.api")

REFRESH_S: Final = 0.25
ALERTS_S: Final = 1.0
UNRELEASED_S: Final = 15.0
DELIVER_S: Final = 0.5
ERASE_S: Final = 1.0
WATCH_S: Final = 5.0
TEMPLATES_S: Final = 2.0
AGAIN_S: Final = 5.0
CANARIES_S: Final = 1.0
GROUNDING_S: Final = 1.0
TRAFFIC_S: Final = 1.0
ROLLOUTS_S: Final = 1.0

Job = Callable[[], Awaitable[None]]


class ControlJobs:
    """The background of one control process."""

    def __init__(self, services: ControlServices, state: ControlState) -> None:
        self._services = services
        self._state = state
        self._deliverer = Deliverer(services.database, services.egress, services.clock, services.vault)
        self._templates = TemplateWatch(services.database, state.rules)
        self._eraser = Eraser(services.database)
        self._changed = asyncio.Event()
        self._traffic = TrafficJob(services.database, state, add_alerts)
        self._rollouts = RolloutJob(services.database, services.clock, state, add_alerts)
        self._scoring = ScoringJob(services.database, services.clock, state, services.own_calls)
        self._shares = SharesJob(services.database, services.clock, state)
        self._canaries = self._grounding = None
        if services.own_calls is not None:
            self._canaries = CanaryJob(
                services.database, services.clock, services.own_calls, state, add_alerts
            )
            self._grounding = GroundingJob(
                services.database,
                services.clock,
                services.own_calls,
                in_force=state,
                add_alerts=add_alerts,
                keep_marks=keep_marks,
            )
        self._released = ReleasedPrompts()

    @contextlib.asynccontextmanager
    async def running(self, app: Litestar) -> AsyncGenerator[None]:
        """Run all jobs while the application lives: its lifespan."""
        del app
        await self._attempt("refresh", self._state.refresh)
        if self._services.has_common_vault:
            # With a key of this folder's own, other hosts could no longer open what they can read now.
            await self._attempt("seal webhooks", self._deliverer.seal_plain)
        listener = None
        if self._services.listener is not None:
            channels = (LIVE_CHANNEL, SNAPSHOT_CHANNEL)
            listener = self._services.listener(channels, lambda channel, payload: self._changed.set())
            listener.start()
        jobs: tuple[tuple[str, float, Job], ...] = (
            ("raise alerts", ALERTS_S, self._raise_alerts),
            ("look for unreleased prompts", UNRELEASED_S, self._find_unreleased),
            ("deliver", DELIVER_S, self._deliver),
            ("watch", WATCH_S, self._watch),
            ("schedule", AGAIN_S, self._schedule),
            ("erase", ERASE_S, self._eraser.work),
            ("templates of rules", TEMPLATES_S, self._templates.look),
            ("rollouts", ROLLOUTS_S, self._rollouts.look),
            ("scores of rollouts", ROLLOUTS_S, self._scoring.look),
            ("shares of experiments", ROLLOUTS_S, self._shares.look),
            ("drift of traffic", TRAFFIC_S, self._traffic.look),
        )
        if self._canaries is not None:
            jobs = (*jobs, ("canaries", CANARIES_S, self._canaries.look))
        if self._grounding is not None:
            jobs = (*jobs, ("groundedness", GROUNDING_S, self._grounding.look))
        tasks = [asyncio.create_task(self._repeat(*job), name=job[0]) for job in jobs]
        tasks.append(asyncio.create_task(self._stay_in_step(), name="refresh"))
        for job in self._services.background:
            tasks.append(asyncio.create_task(self._repeat("background", AGAIN_S, job)))
        try:
            yield
        finally:
            await end_tasks(tasks)
            if listener is not None:
                await listener.stop()

    async def _stay_in_step(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), REFRESH_S)
            self._changed.clear()
            await self._attempt("refresh", self._state.refresh)

    async def _repeat(self, name: str, pause_s: float, job: Job) -> None:
        while True:
            await self._attempt(name, job)
            await asyncio.sleep(pause_s)

    async def _attempt(self, name: str, job: Job) -> None:
        try:
            await job()
        except Fault as fault:
            log.warning("%s: %s", name, fault.message)
        except Exception:
            log.exception("%s failed; it is tried again", name)

    async def _raise_alerts(self) -> None:
        async with self._services.database.transaction() as connection:
            await add_alerts(connection, await due_alerts(connection))

    async def _find_unreleased(self) -> None:
        clock = self._services.clock
        async with self._services.database.transaction() as connection:
            alerts = await due_unreleased(
                connection, self._released, lambda: datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
            )
            await add_alerts(connection, alerts)

    async def _watch(self) -> None:
        alerts = await self._services.watch()
        if alerts:
            async with self._services.database.transaction() as connection:
                await add_alerts(connection, alerts)

    async def _deliver(self) -> None:
        while await self._deliverer.deliver_due() == AT_ONCE_MAX:
            pass

    async def _schedule(self) -> None:
        await run_schedule(self._services.database, self._state)
