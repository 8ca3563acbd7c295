"""What has to be done once for the whole deployment, however many hosts it has: tidying, every ten minutes.

Runs on the queue in PostgreSQL, so that one control process does it at a time. Read next: `store.jobs`,
`records.retention`.
"""

import logging
from typing import Final

from headgate.access.gateways import forget_gone
from headgate.api.alerts import forget_alerts
from headgate.api.state import ControlState
from headgate.checks.retention import expire_checks
from headgate.drift.store import forget_drift
from headgate.experiments.retention import expire_units
from headgate.grounding.studies import expire_studies
from headgate.judges.retention import expire_marks
from headgate.meters.budgets import prune_meters
from headgate.records.retention import add_missing_environments, drop_expired, make_partitions_ahead
from headgate.rollouts.retention import expire_stages
from headgate.store.database import Database
from headgate.store.jobs import open_queue
from headgate.traces.keeping.retention import expire_traces
from headgate.traces.metrics.retention import expire_metrics

log = logging.getLogger("headgate.api")

EVERY_TEN_MINUTES: Final = "*/10 * * * *"
POLL_S: Final = 10.0
QUEUE: Final = "headgate"


async def tidy(database: Database, known: ControlState) -> None:
    """Make partitions ahead, drop what has outlived its project's retention, forget what is gone."""
    snapshot = known.snapshot
    projects = snapshot.projects if snapshot is not None else {}
    days = {name: project.retention_days for name, project in projects.items()}
    check_days = {name: project.check_retention_days for name, project in projects.items()}
    async with database.connection() as connection:
        await make_partitions_ahead(connection)
        await expire_traces(connection, days)
        await expire_metrics(connection, days)
        await expire_marks(connection, days)
        await expire_units(connection, days)
        await expire_checks(connection, check_days)
        await expire_studies(connection, check_days)
        await expire_stages(connection, () if snapshot is None else snapshot.rollouts, days)
        dropped = await drop_expired(connection, days)
        missing = await add_missing_environments(connection)
        await prune_meters(connection)
        await forget_gone(connection)
        await forget_drift(connection)
    await forget_alerts(database)
    if missing:
        log.info(
            "%d sums by environment lacked calls that an older version counted; they count under none",
            missing,
        )
    if dropped:
        log.info("dropped %s: older than any project keeps", ", ".join(dropped))


async def run_schedule(database: Database, known: ControlState) -> None:
    """Work on the queue until cancelled."""
    async with open_queue(database.url, connections_max=2) as app:

        @app.periodic(cron=EVERY_TEN_MINUTES)
        @app.task(name="headgate.tidy", queue=QUEUE, queueing_lock="headgate.tidy", lock="headgate.tidy")
        async def tidy_task(timestamp: int) -> None:  # pyright: ignore[reportUnusedFunction]
            del timestamp
            await tidy(database, known)

        await app.run_worker_async(
            queues=[QUEUE],
            concurrency=1,
            fetch_job_polling_interval=POLL_S,
            listen_notify=False,
            install_signal_handlers=False,
            delete_jobs="always",
        )
