"""Moves rollouts: each move is a row, a live object that gateways have within a second, an audit entry.

Where a rollout stands is in the database alone, so that restarts and several control processes change
nothing: who moves it says where it stood, and loses where that is no longer so. Read next:
`rollouts.deciding`, `rollouts.job`.
"""

from datetime import datetime
from typing import Final, Literal

import msgspec
from psycopg.rows import TupleRow

from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict
from headgate.core.pages import format_datetime
from headgate.experiments.reading import Defined, defined
from headgate.experiments.report import Report
from headgate.experiments.reporting import report
from headgate.rollouts.model import BACK, LIVE_STAGE, Rollout, Stage, Standing, entry_of
from headgate.rollouts.pairs import report_of_pairs
from headgate.store.database import Connection
from headgate.store.live import LiveObjects
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.rollouts")
SYSTEM: Final = "system"
"""Who moved one that moved by itself."""
STAYS_BACK: Final = (
    "its candidate fell back, and only what serves its alias is new since; change its entry to begin anew"
)

ByHand = Literal["advance", "hold", "resume", "back"]
Action = Literal["begin", "advance", "hold", "resume", "back"]


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What moved a rollout, and why."""

    at: str
    action: Action
    moved_by: str
    from_stage: str
    to_stage: str
    why: str


async def begin(connection: Connection, rollout: Rollout) -> bool:
    """Begin one that is new, at its first stage; say whether it was new.

    Where only what serves its alias is new, and its candidate fell back before, it stays back.
    """
    told = {"version": rollout.version, "name": rollout.name, "entry": entry_of(rollout), "back": BACK}
    cursor = await connection.execute(QUERIES.begin, told)
    found = await cursor.fetchone()
    if found is None:
        return False
    (stage,) = found
    await _write(connection, rollout, Standing(version=rollout.version, stage=stage))
    why = STAYS_BACK if stage == BACK else "it is in the configuration in force"
    await _note(connection, rollout, ("begin", SYSTEM), (None, stage), why)
    return True


async def standings(connection: Connection, rollouts: tuple[Rollout, ...]) -> dict[str, Standing]:
    """Return where rollouts stand, by version; those that have not begun are left out."""
    cursor = await connection.execute(QUERIES.get, {"versions": [each.version for each in rollouts]})
    return {
        version: Standing(version=version, stage=stage, held=held)
        for version, stage, held in await cursor.fetchall()
    }


async def move(
    connection: Connection, rollout: Rollout, standing: Standing, *, action: Action, actor: str, why: str
) -> Standing:
    """Move a rollout from where it stood. Raises Conflict where it can't be, or moved meanwhile."""
    to = _next(rollout, standing, action)
    cursor = await connection.execute(
        QUERIES.move,
        {
            "version": rollout.version,
            "from": standing.stage,
            "was_held": standing.held,
            "to": to.stage,
            "held": to.held,
        },
    )
    if await cursor.fetchone() is None:
        raise Conflict(f"{rollout.name} was moved meanwhile; look where it stands, and decide again")
    await _write(connection, rollout, to)
    await _note(connection, rollout, (action, actor), (standing.stage, to.stage), why)
    return to


async def moves(connection: Connection, rollout: Rollout) -> list[Move]:
    """Return how a rollout came to where it stands, the last move first."""
    cursor = await connection.execute(QUERIES.list_moves, {"version": rollout.version})
    return [_moved(row) for row in await cursor.fetchall()]


async def last_back(connection: Connection, rollout: Rollout) -> Move | None:
    """Return the move with which it fell back last; None where it never did."""
    told = {"version": rollout.version, "name": rollout.name, "entry": entry_of(rollout)}
    row = await (await connection.execute(QUERIES.last_back, told)).fetchone()
    return None if row is None else _moved(row)


def back_sentence(back: Move) -> str:
    """Say from where one fell back, when and why."""
    when = f"{back.at[:10]} at {back.at[11:16]} UTC"
    how = "It fell back" if back.moved_by == SYSTEM else "It was sent back by hand"
    why = f"{back.why.rstrip('.')}." if back.why else "no reason was given."
    return f"{how} from {back.from_stage} on {when}: {why} All calls go where the alias says."


async def evidence(connection: Connection, rollout: Rollout, stage: Stage, *, now: datetime) -> Report | None:
    """Return the report of a stage; None before it was written down."""
    found: list[Defined] = await defined(connection, stage.experiment.name)
    for each in found:
        if each.experiment.version != stage.experiment.version:
            continue
        if stage.sampled:
            return await report_of_pairs(connection, rollout, stage, each, now=now)
        return await report(connection, each, "running", now=now, project_ids=None)
    return None


def stage_name(rollout: Rollout, place: int | None) -> str:
    """Return what a place is called."""
    if place is None:
        return ""
    return rollout.stages[place].name if place != BACK else "back"


def _moved(row: TupleRow) -> Move:
    at, action, by, before, after, why = row
    return Move(
        at=format_datetime(at), action=action, moved_by=by, from_stage=before, to_stage=after, why=why
    )


def _next(rollout: Rollout, standing: Standing, action: Action) -> Standing:
    last = len(rollout.stages) - 1
    if action == "back":
        if standing.stage == BACK:
            raise Conflict(f"{rollout.name} has fallen back already; change it to begin anew")
        return msgspec.structs.replace(standing, stage=BACK, held=False)
    if standing.stage == BACK:
        raise Conflict(f"{rollout.name} has fallen back; change its file entry to begin anew")
    if action == "hold":
        return msgspec.structs.replace(standing, held=True)
    if action == "resume":
        if not standing.held:
            raise Conflict(f"{rollout.name} is not held; it moves on by itself once its evidence says so")
        return msgspec.structs.replace(standing, held=False)
    if standing.stage == last:
        raise Conflict(f"{rollout.name} is at its last stage; write the candidate into the alias")
    return msgspec.structs.replace(standing, stage=standing.stage + 1, held=False)


async def _write(connection: Connection, rollout: Rollout, standing: Standing) -> None:
    await LiveObjects.put(connection, LIVE_STAGE, rollout.version, msgspec.json.encode(standing))


async def _note(
    connection: Connection,
    rollout: Rollout,
    done: tuple[Action, str],
    places: tuple[int | None, int],
    why: str,
) -> None:
    action, actor = done
    before, after = (stage_name(rollout, place) for place in places)
    parameters = {"version": rollout.version, "name": rollout.name, "action": action, "moved_by": actor}
    await connection.execute(
        QUERIES.add_move, {**parameters, "from_stage": before, "to_stage": after, "why": why}
    )
    entry = AuditEntry(
        actor=actor,
        action=action,
        kind="rollout",
        object=rollout.name,
        before={"stage": before},
        after={"stage": after, "why": why},
    )
    await write_audit(connection, entry)
