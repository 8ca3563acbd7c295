"""The shipper's process: one a host, it carries the journal to the database.

Read next: `journal.shipper`, `processes.worker`.
"""

import contextlib
import socket
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from headgate.api.alerts import AlertSink
from headgate.drift.traffic import TrafficSink
from headgate.experiments.sink import ExperimentSink
from headgate.grounding.choosing import GroundingSink
from headgate.journal.shipper import Shipper
from headgate.meters.sink import MeterSink
from headgate.processes.spec import WorkerSpec
from headgate.processes.worker import Service, work
from headgate.prompts.catalogue.traffic import RenderedSink
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.rollouts.sink import PairSink
from headgate.store.database import Database
from headgate.traces.keeping.log_sink import LogSink
from headgate.traces.keeping.sink import InterruptedCallSink, LateBodySink, SpanSink, TraceCallSink
from headgate.traces.metrics.sink import MetricSink
from headgate.traces.sending.sink import ExportSink


class ShipperService:
    """The shipper as a worker."""

    def __init__(self, shipper: Shipper) -> None:
        self._shipper = shipper

    async def run(self) -> None:
        """Ship until `drain`."""
        await self._shipper.run()

    async def drain(self, timeout_s: float) -> None:
        """Ship what is there, then let `run` return."""
        self._shipper.stop()


@contextlib.asynccontextmanager
async def shipper(spec: WorkerSpec) -> AsyncGenerator[Service]:
    """Put the host's shipper together."""
    async with Database(spec.database_url, connections_max=2, name=spec.title) as database:
        # Last, since grants wait for the rows that it locks.
        sinks = (
            ExportSink(),
            InterruptedCallSink(),
            ExperimentSink(),
            RecordSink(),
            BodySink(),
            SpanSink(),
            LogSink(),
            MetricSink(),
            TraceCallSink(),
            LateBodySink(),
            AlertSink(),
            TrafficSink(),
            GroundingSink(),
            RenderedSink(),
            PairSink(),
            MeterSink(),
        )
        yield ShipperService(
            Shipper(Path(spec.data_dir) / "journal", database, sinks, host=socket.gethostname())
        )


if __name__ == "__main__":
    sys.exit(work(shipper))
