"""How long what stages of rollouts were decided by stays: as long as their project keeps records.

The stage that a rollout stands at keeps all of it, since nothing else holds what is known; of those before,
each move says why it was made. Read next: `rollouts.moving`.
"""

from collections.abc import Mapping

import msgspec

from headgate.experiments.model import OWN_PREFIX
from headgate.records.retention import RETENTION_DAYS_DEFAULT
from headgate.rollouts.model import Rollout
from headgate.rollouts.moving import QUERIES, standings
from headgate.store.database import Connection


async def expire_stages(
    connection: Connection,
    rollouts: tuple[Rollout, ...],
    retention_days: Mapping[str, int],
    *,
    default_days: int = RETENTION_DAYS_DEFAULT,
) -> None:
    """Delete pairs, units and calls of stages that no rollout stands at, older than their project's days."""
    known = await standings(connection, rollouts)
    here = [
        stage.experiment.version
        for rollout in rollouts
        if rollout.version in known and (stage := known[rollout.version].stage_of(rollout)) is not None
    ]
    parameters = {
        "here": here,
        "prefix": OWN_PREFIX,
        "days": msgspec.json.encode(dict(retention_days)).decode(),
        "default_days": default_days,
    }
    for statement in (QUERIES.expire_pairs, QUERIES.expire_units, QUERIES.expire_calls):
        await connection.execute(statement, parameters)
