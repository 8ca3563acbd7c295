"""Decisions of experiments: a record of all that was known, sealed, that nobody changes afterwards.

The seal is a SHA-256 over the record, digests of the data included. Read next: `experiments.http`.
"""

import hashlib
from datetime import datetime
from typing import Final

import msgspec

from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict, InvalidRequest
from headgate.core.pages import format_datetime
from headgate.experiments.definitions import QUERIES, end_version, read_secret
from headgate.experiments.model import Experiment, Metric
from headgate.experiments.reading import Defined, View, kinds_of_feedback, named, with_parts
from headgate.experiments.report import Report
from headgate.experiments.reporting import SumsByMetric, report_and_sums
from headgate.store.database import Connection

FORMAT: Final = 2


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision rests on. `data` digests units and feedback as they were; `seed` the assignment's
    secret."""

    format: int
    name: str
    version: str
    arm: str | None
    """The arm that was decided for; null where it was only stopped."""
    reason: str
    decided_at: str
    decided_by: str
    configuration: Experiment
    seed: str
    data: dict[str, str]
    report: Report
    sums: SumsByMetric = {}
    """What the report was worked out from, by metric and arm: its units may go, and it can be again."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed decision. `intact` says whether the record still has the seal that it was given."""

    sealed: Sealed
    seal: str
    intact: bool


async def decide(
    connection: Connection, found: Defined, *, now: datetime, arm: str | None, reason: str, actor: str
) -> Decision:
    """Write a decision, and end the assignment, in the caller's transaction.

    Raises Conflict where it was decided already, InvalidRequest for an arm that it does not have.
    """
    experiment = found.experiment
    names = [each.name for each in experiment.arms]
    if arm is not None and arm not in names:
        raise InvalidRequest(
            f"{experiment.name} has no arm {arm[:100]!r}; name one of {', '.join(names)}", parameter="arm"
        )
    await connection.execute(QUERIES.lock_experiment, {"version": experiment.version})
    if await get_decision(connection, experiment.version) is not None:
        raise _decided(experiment)
    view = View(experiment=experiment, now=now, project_ids=None)
    secret = await read_secret(connection)
    known, sums = await report_and_sums(connection, found, "stopped", now=now, project_ids=None)
    sealed = Sealed(
        format=FORMAT,
        name=experiment.name,
        version=experiment.version,
        arm=arm,
        reason=reason,
        decided_at=format_datetime(now),
        decided_by=actor,
        configuration=experiment,
        seed=hashlib.sha256(secret or b"").hexdigest(),
        data=await _digests(connection, found, view),
        report=known,
        sums=sums,
    )
    text = msgspec.json.encode(sealed, order="sorted").decode()
    seal = hashlib.sha256(text.encode()).hexdigest()
    parameters = {"version": experiment.version, "name": experiment.name, "decided_at": now}
    cursor = await connection.execute(
        QUERIES.add_decision, {**parameters, "decided_by": actor, "sealed": text, "seal": seal}
    )
    if await cursor.fetchone() is None:
        raise _decided(experiment)
    await end_version(connection, experiment.version)
    entry = AuditEntry(
        actor=actor,
        action="stop",
        kind="experiment",
        object=experiment.name,
        after={"arm": arm, "reason": reason, "seal": seal},
    )
    await write_audit(connection, entry)
    return Decision(sealed=sealed, seal=seal, intact=True)


async def get_decision(connection: Connection, version: str) -> Decision | None:
    """Return the decision on a version; None where there is none."""
    cursor = await connection.execute(QUERIES.get_decision, {"version": version})
    row = await cursor.fetchone()
    if row is None:
        return None
    text, seal = str(row[0]), str(row[1])
    return Decision(
        sealed=msgspec.json.decode(text, type=Sealed),
        seal=seal,
        intact=hashlib.sha256(text.encode()).hexdigest() == seal,
    )


async def _digests(connection: Connection, found: Defined, view: View) -> dict[str, str]:
    parameters = view.parameters()
    cursor = await connection.execute(QUERIES.digest_of_units, parameters)
    row = await cursor.fetchone()
    digests = {"units": str(row[0]) if row is not None else ""}
    for metric in view.experiment.metrics:
        for name in metric.feedbacks:
            read = msgspec.structs.replace(metric, measure="feedback", feedback=name, per="")
            digest = await _digest_of(connection, found, view, read)
            digests[f"feedback {name if metric.per else metric.name}"] = digest
    return digests


async def _digest_of(connection: Connection, found: Defined, view: View, read: Metric) -> str:
    said, _ = await kinds_of_feedback(connection, view, [read], found.started_at)
    if not said:
        return hashlib.sha256().hexdigest()
    asked = {**view.parameters(), **named(view, [read])}
    cursor = await connection.execute(with_parts(QUERIES.digest_of_feedback, said), asked)
    row = await cursor.fetchone()
    return str(row[0]) if row is not None else ""


def _decided(experiment: Experiment) -> Conflict:
    return Conflict(
        f"{experiment.name} (version {experiment.version}) was decided already, and that stays; "
        "to try again, give the experiment another salt"
    )
