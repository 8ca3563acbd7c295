"""How targets do, as the gateways of this host say it in files beside their metrics, a second old at most.

A provider does as badly as the worst of its targets. Read next: `gateway.health`, where it comes from.
"""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from headgate.config.http import Health

LOOK_S: Final = 1.0
FILES_MAX: Final = 256
_WORST_FIRST: Final = ("open", "half-open", "closed")


class TargetHealthFiles:
    """What all gateways said last, by `provider/model` and by provider."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Health] = {}

    def current(self) -> Mapping[str, Health]:
        """What was read last."""
        return self._known

    async def run(self) -> None:
        """Read the files every second until cancelled."""
        while True:
            self._known = merged(await asyncio.to_thread(_read, self._folder))
            await asyncio.sleep(LOOK_S)


def merged(views: Iterable[Mapping[str, Health]]) -> dict[str, Health]:
    """Put what several gateways say together: the worst state and since when, the last failure, the mean
    latency, all calls in flight."""
    by_name: dict[str, list[Health]] = {}
    for view in views:
        for target, said in view.items():
            health = msgspec.structs.replace(said, failed_target=target)
            by_name.setdefault(target, []).append(health)
            by_name.setdefault(target.partition("/")[0], []).append(health)
    return {name: _together(found) for name, found in by_name.items()}


def _together(found: list[Health]) -> Health:
    states = {health.state for health in found}
    latencies = [health.latency_ms for health in found if health.latency_ms is not None]
    state = next((state for state in _WORST_FIRST if state in states), "unknown")
    since = [health.since_ms for health in found if health.since_ms is not None]
    failed = max(found, key=lambda health: health.failed_ms or 0)
    return Health(
        state=state,
        latency_ms=round(sum(latencies) / len(latencies), 1) if latencies else None,
        calls_in_flight=sum(health.calls_in_flight or 0 for health in found),
        since_ms=min(since, default=None),
        failure=failed.failure,
        failed_ms=failed.failed_ms,
        failed_target=failed.failed_target if failed.failed_ms is not None else "",
    )


def _read(folder: Path) -> list[dict[str, Health]]:
    views: list[dict[str, Health]] = []
    for path in sorted(folder.glob("*.targets"))[:FILES_MAX]:
        try:
            views.append(msgspec.json.decode(path.read_bytes(), type=dict[str, Health]))
        except (FileNotFoundError, msgspec.MsgspecError):
            continue  # Its gateway has drained, or writes it just now.
    return views
