"""Moves the shares of adaptive experiments to where the first decision says. Runs in each control process.

Shares of an epoch rest on the epochs before it alone, and a row in the database says who moved them first.
Read next: `experiments.adaptive`.
"""

from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.pages import now_of
from headgate.core.ports import Clock
from headgate.experiments.adaptive import (
    chances_of_best,
    shares_by_chance,
    weighted_contrast,
    weighted_ratios,
)
from headgate.experiments.analysis import MISMATCH, epoch_evidence, epochs_of
from headgate.experiments.definitions import QUERIES
from headgate.experiments.model import LIVE_SHARES, Adaptive, Experiment, Shares
from headgate.experiments.ratios import read_sums
from headgate.experiments.reading import Defined, Sums, View, defined
from headgate.experiments.reporting import units_by_epoch
from headgate.statistics.sequences import UNITS_LEAST
from headgate.store.database import Connection, Database
from headgate.store.live import LiveObjects

WORTH_MOVING: Final = 0.02
"""Shares that would move by less stay: each epoch costs a little of what the split's check can see."""


class ExperimentsInForce(Protocol):
    """What control knows of the configuration in force."""

    def experiments(self) -> tuple[Experiment, ...]:
        """Return its experiments."""
        ...


class SharesJob:
    """Looks at each adaptive experiment as often as it says."""

    def __init__(self, database: Database, clock: Clock, in_force: ExperimentsInForce) -> None:
        self._database = database
        self._clock = clock
        self._in_force = in_force
        self._looked: dict[str, datetime] = {}

    async def look(self) -> None:
        """Look once. Raises Unavailable when the database is away."""
        now = now_of(self._clock)
        for experiment in self._in_force.experiments():
            if experiment.adaptive is None:
                continue
            every = timedelta(seconds=experiment.adaptive.every_s)
            looked = self._looked.get(experiment.version)
            if looked is None or now >= looked + every:
                self._looked[experiment.version] = now
                async with self._database.transaction() as connection:
                    await move_shares(connection, experiment, experiment.adaptive, now)


async def move_shares(
    connection: Connection, experiment: Experiment, adaptive: Adaptive, now: datetime
) -> Shares | None:
    """Begin an epoch where shares should move, and may again; return it, or None."""
    for found in await defined(connection, experiment.name):
        if found.experiment.version == experiment.version and found.decided_at is None:
            return await _move(connection, found, adaptive, now)
    return None


async def _move(connection: Connection, found: Defined, adaptive: Adaptive, now: datetime) -> Shares | None:
    experiment = found.experiment
    cursor = await connection.execute(QUERIES.list_epochs, {"version": experiment.version})
    moved_at = max([found.started_at, *[at for _, _, at in await cursor.fetchall()]])
    if now < moved_at + timedelta(seconds=adaptive.every_s):
        return None
    read = await read_sums(connection, found, View(experiment=experiment, now=now, project_ids=None))
    shares = next_shares(experiment, adaptive, read)
    if shares is None:
        return None
    before = tuple(read.shares) if adaptive.parts > 1 else ()
    made = Shares(version=experiment.version, epoch=len(read.shares), shares=shares, before=before)
    told = msgspec.json.encode(made.shares).decode()
    parameters = {"version": made.version, "epoch": made.epoch, "shares": told, "at": now}
    cursor = await connection.execute(QUERIES.add_epoch, parameters)
    if await cursor.fetchone() is None:
        return None  # Another control process was first.
    await LiveObjects.put(connection, LIVE_SHARES, made.version, msgspec.json.encode(made))
    return made


def next_shares(experiment: Experiment, adaptive: Adaptive, read: Sums) -> dict[str, float] | None:
    """Return the shares that what is known asks for; None where they stay, or no part is left to open."""
    if 1 < adaptive.parts <= len(read.shares):
        return None
    names = [arm.name for arm in experiment.arms]
    metric = next(each for each in experiment.metrics if each.role == "decision")
    sums = read.metrics[metric.name]
    counts = units_by_epoch(read.units, len(read.shares))
    if (epoch_evidence(experiment, read.shares, counts) or 0.0) >= MISMATCH:
        return None
    missing = read.left_out.get(metric.name)
    if missing is not None and missing.infinite:
        return None
    if any(each.unequal for each in read.lacking.get(metric.name, ())):
        return None  # what has no price would count as free, and get more calls
    if min(each.complete for each in sums.values()) < UNITS_LEAST:
        return None
    epochs = epochs_of(sums, read.shares)
    try:
        pairs = [(name, names[1] if name == names[0] else names[0]) for name in names]
        weighted = weighted_ratios if metric.is_ratio else weighted_contrast
        known = [weighted(epochs, *pair)[0] for pair in pairs]
    except InvalidRequest:
        return None  # all units of an arm are alike so far
    sign = 1 if metric.better == "higher" else -1
    chances = chances_of_best(
        [sign * each.estimate for each in known], [each.standard_error for each in known]
    )
    shares = dict(zip(names, shares_by_chance(chances, adaptive.floor), strict=True))
    moved = max(abs(shares[name] - read.shares[-1][name]) for name in names)
    return shares if adaptive.parts > 1 or moved >= WORTH_MOVING else None
