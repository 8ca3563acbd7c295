"""Experiments as they come into force: written down by version, and the secret that assignments need.

Read next: `config.snapshots`, which calls it in the transaction in which a snapshot takes effect.
"""

import secrets
from collections.abc import Sequence
from typing import Final

import msgspec

from headgate.experiments.model import (
    ASSIGNMENT_ID,
    LIVE_ASSIGNMENT,
    LIVE_END,
    AssignmentSecret,
    Ended,
    Experiment,
)
from headgate.store.database import Connection
from headgate.store.live import LiveObjects
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.experiments")

_SECRET_BYTES: Final = 32


async def sync_experiments(connection: Connection, experiments: Sequence[Experiment]) -> None:
    """Write down what is defined, each version once, and make the secret before the first."""
    if not experiments:
        return
    if await read_secret(connection) is None:
        made = AssignmentSecret(secret=secrets.token_hex(_SECRET_BYTES))
        await LiveObjects.put(connection, LIVE_ASSIGNMENT, ASSIGNMENT_ID, msgspec.json.encode(made))
    for experiment in experiments:
        await connection.execute(
            QUERIES.put_experiment,
            {
                "version": experiment.version,
                "name": experiment.name,
                "definition": msgspec.json.encode(experiment).decode(),
            },
        )


async def read_secret(connection: Connection) -> bytes | None:
    """Return the secret of all assignments; None before the first experiment."""
    found = await LiveObjects.get(connection, LIVE_ASSIGNMENT, ASSIGNMENT_ID)
    if found is None or found.body is None:
        return None
    return bytes.fromhex(msgspec.json.decode(found.body, type=AssignmentSecret).secret)


async def end_version(connection: Connection, version: str) -> None:
    """Let no gateway assign anybody of a version any more."""
    await LiveObjects.put(connection, LIVE_END, version, msgspec.json.encode(Ended(version=version)))
