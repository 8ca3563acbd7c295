"""What the control API is built from. Made in `main`; no logic of its own. Read next: `api.app`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from headgate.access.vault import Vault
from headgate.api.console import Console
from headgate.config.file_http import ConfigurationFile
from headgate.config.http import Health
from headgate.core.entries import Alert
from headgate.core.ports import Clock, Egress
from headgate.drift.calling import OwnCalls
from headgate.store.database import Database
from headgate.store.listen import Listener
from headgate.traces.otlp.receiving import BodyJournal

BODY_BYTES_MAX: Final = 8 * 1024 * 1024


async def no_metrics() -> str:
    """Answer for gateways that nobody asks."""
    return ""


async def no_alerts() -> Sequence[Alert]:
    """Find nothing that people should hear of."""
    return ()


def no_health() -> Mapping[str, Health]:
    """Know nothing of targets."""
    return {}


class ControlServices(msgspec.Struct, kw_only=True):
    """The parts of one control process.

    `environment` resolves `env:NAME`, only to say whether a secret is there. `gateway_metrics` returns the
    Prometheus text of all gateways of this host; `target_health` what they say of providers and
    `provider/model`. `watch` returns alerts that are due beyond those of budgets, such as a growing journal;
    it is called every few seconds. `listeners` makes a listener on channels, where there is a direct
    connection; without it, polling alone finds changes. `vault` seals what webhooks are signed with; one that
    is left out is this process's alone. `has_common_vault`: every control process on this database has that
    key. `metrics_open` false asks for an admin key at /metrics. `served_by_tls`: browsers reach it by https.
    `console` holds the built pages.
    """

    database: Database
    clock: Clock
    egress: Egress
    environment: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    version: str = "0.1.0"
    gateway_metrics: Callable[[], Awaitable[str]] = no_metrics
    target_health: Callable[[], Mapping[str, Health]] = no_health
    watch: Callable[[], Awaitable[Sequence[Alert]]] = no_alerts
    listener: Callable[[Sequence[str], Callable[[str, str], None]], Listener] | None = None
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    """Further jobs that run as long as the application; each runs until it is cancelled."""
    own_calls: OwnCalls | None = None
    """Makes calls to models by the gateways; without it no canary runs here."""
    journal: BodyJournal | None = None
    """Where telemetry is written before it is answered; without one, exporters are told to come again."""
    vault: Vault = msgspec.field(default_factory=Vault.random)
    has_common_vault: bool = True
    metrics_open: bool = True
    served_by_tls: bool = False
    console: Console = msgspec.field(default_factory=Console)
    configuration_file: ConfigurationFile = ConfigurationFile()
    body_bytes_max: int = BODY_BYTES_MAX
    acknowledge_wait_s: float = 1.0
