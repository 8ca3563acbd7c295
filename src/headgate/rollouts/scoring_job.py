"""Marks the answers of compared calls, at stages whose rollout names scorers. Runs in each control process.

One process at a time works on a rollout, and claims a pair before it marks it, so that no judge is paid twice
for it; a process that dies leaves a pair without marks. Answers are read from the record: of projects that
record no bodies there are none. Read next: `rollouts.scoring`, `rollouts.pairs`.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from headgate.access.gateways import acknowledged
from headgate.access.store import NewKey, renew_key
from headgate.checks.answering import Said
from headgate.core.faults import Failed
from headgate.core.ports import Clock
from headgate.core.secret import Secret
from headgate.drift.calling import Answered, OwnCalls
from headgate.rollouts.job import RolloutsInForce
from headgate.rollouts.model import PRESENT, PairScorer, Rollout, Stage
from headgate.rollouts.moving import QUERIES, standings
from headgate.rollouts.scoring import (
    TEXT_CHARACTERS_MAX,
    Answers,
    Scored,
    Vectors,
    by_code,
    by_embeddings,
    by_judge,
    is_chosen,
)
from headgate.store.database import Connection, Database
from headgate.store.rows import fetch_rows
from headgate.traces.lineage.model import Text
from headgate.traces.lineage.recorded import recorded_texts

_Asking = Callable[[Secret, bytes], Awaitable[Answered]]

PAIRS_A_LOOK: Final = 20
BODY_S: Final = 60.0
"""How long a pair waits at most until the bodies of both calls are on record: some are dropped."""
HELD_S: Final = 120.0
KEY_SETTLE_S: Final = 10.0
TAG: Final = "rollout"
GONE: Final = "gone"
"""Among the marks of a pair whose answers are not on record."""


class ScoringJob:
    """Marks pairs, a few at each look."""

    def __init__(
        self, database: Database, clock: Clock, in_force: RolloutsInForce, calls: OwnCalls | None
    ) -> None:
        self._database = database
        self._clock = clock
        self._in_force = in_force
        self._calls = calls
        self._me = uuid.uuid4()
        self._keys: dict[tuple[str, str], Secret] = {}
        self._vectors = Vectors()

    async def look(self) -> None:
        """Mark what waits. Raises Unavailable when the database is away."""
        rollouts = tuple([each for each in self._in_force.rollouts() if each.scorers])
        if not rollouts:
            return
        async with self._database.connection() as connection:
            known = await standings(connection, rollouts)
        for rollout in rollouts:
            standing = known.get(rollout.version)
            stage = None if standing is None else standing.stage_of(rollout)
            if stage is not None and stage.sampled:
                await self._work(rollout, stage)

    async def _take(self, rollout: Rollout) -> bool:
        """Whether this process marks a rollout's pairs now; keys that another one renewed are forgotten."""
        parameters = {"version": rollout.version, "holder": self._me, "seconds": HELD_S}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(QUERIES.hold_scoring, parameters)).fetchone()
        if row is None:
            return False
        if row[0] != self._me:
            for place in [each for each in self._keys if each[0] == rollout.name]:
                del self._keys[place]
        return True

    async def _work(self, rollout: Rollout, stage: Stage) -> None:
        version = stage.experiment.version
        projects = stage.experiment.projects
        claim = {
            "version": version,
            "project_ids": None if projects is None else list(projects),
            "body_s": BODY_S,
            "shows_present": stage.shown == PRESENT,
        }
        for _ in range(PAIRS_A_LOOK):
            if not await self._take(rollout):
                return
            async with self._database.transaction() as connection:
                rows = await fetch_rows(connection, QUERIES.claim_pair, claim)
            for row in rows:
                marks = await self._marks(rollout, stage, row)
                told = {
                    "version": version,
                    "call": row["call"],
                    "scores": msgspec.json.encode(marks).decode(),
                }
                async with self._database.transaction() as connection:
                    await connection.execute(QUERIES.put_scores, told)
            if not rows:
                return

    async def _marks(self, rollout: Rollout, stage: Stage, row: dict[str, Any]) -> dict[str, Any]:
        async with self._database.connection() as connection:
            answers = await _answers(connection, stage, row)
        if answers is None:
            return {GONE: True}
        marks: dict[str, Any] = {}
        for scorer in rollout.scorers:
            if not is_chosen(scorer, row["call"]):
                continue
            if scorer.model:
                marks[scorer.key] = await self._by_model(rollout, stage, scorer, row["project"], answers)
            else:
                marks[scorer.key] = await asyncio.to_thread(by_code, scorer, answers)
        return marks

    async def _by_model(
        self, rollout: Rollout, stage: Stage, scorer: PairScorer, project: str, answers: Answers
    ) -> Scored:
        """Ask the judge, or for embeddings; nothing once its budget of the day is spent."""
        parameters = {"version": stage.experiment.version, "key": scorer.key}
        async with self._database.connection() as connection:
            cursor = await connection.execute(QUERIES.scoring_spent, parameters)
            spent = await cursor.fetchone()
        if self._calls is None or spent is None or spent[0] >= scorer.budget_pico_usd:
            return Scored(None, None)
        if scorer.kind == "judge":
            asking, ask = by_judge(scorer, answers), self._calls.chat
        else:
            asking, ask = by_embeddings(scorer, answers, self._vectors), self._calls.embeddings
        try:
            body = next(asking)
            while True:
                body = asking.send(await self._asked(ask, rollout, project, body))
        except StopIteration as end:
            return end.value

    async def _asked(self, ask: _Asking, rollout: Rollout, project: str, body: dict[str, Any]) -> Said:
        try:
            key = await self._key(rollout, project)
            answered = await ask(key, msgspec.json.encode(body))
        except Failed:
            return Said(status=503, headers={}, content=b"", duration_ms=0.0)
        if answered.status == 401:
            self._keys.pop((rollout.name, project), None)  # another process renewed it
        headers = {"x-headgate-cost-usd": answered.cost_usd} if answered.cost_usd else {}
        return Said(status=answered.status, headers=headers, content=answered.body, duration_ms=0.0)

    async def _key(self, rollout: Rollout, project: str) -> Secret:
        """A key of the calls' own project, for the models of its scorers alone; its text is kept nowhere."""
        place = (rollout.name, project)
        if place not in self._keys:
            self._keys[place] = await _renewed(self._database, self._clock, rollout, project)
        return self._keys[place]


async def _renewed(database: Database, clock: Clock, rollout: Rollout, project: str) -> Secret:
    now_ms = clock.now_ms()
    new = NewKey(
        name=f"rollout {rollout.name} {now_ms}",
        project=project,
        models=tuple(sorted({each.model for each in rollout.scorers if each.model})),
        tags=(TAG, f"rollout:{rollout.name}"[:64]),
    )
    place = {"rollout": rollout.name, "project": project}
    async with database.transaction() as connection:
        rows = await fetch_rows(connection, QUERIES.get_scoring_key, place)
        made = await renew_key(connection, rows[0]["key"] if rows else None, new, now_ms=now_ms)
        await connection.execute(QUERIES.put_scoring_key, {**place, "key": made.key.id})
    await acknowledged(database, made.seq, timeout_s=KEY_SETTLE_S)
    return made.text


async def _answers(connection: Connection, stage: Stage, row: dict[str, Any]) -> Answers | None:
    """What both said, as far as they answered; None where that is not on record."""
    by_arm: dict[bool, str | None] = {}
    question = ""
    for call, is_present in ((row["call"], stage.shown == PRESENT), (row["shadow"], stage.shown != PRESENT)):
        failed = row["present_failed" if is_present else "candidate_failed"]
        text = None if failed else await _text(connection, row["project"], call)
        if text is None and not failed:
            return None
        by_arm[is_present] = None if text is None else text[1]
        question = question or ("" if text is None else text[0])
    return Answers(question=question, present=by_arm[True], candidate=by_arm[False])


async def _text(connection: Connection, project: str, call: uuid.UUID) -> tuple[str, str] | None:
    found = await recorded_texts(connection, project, call)
    if found is None or not found.step.outputs:
        return None
    return _joined(found.step.inputs), _joined(found.step.outputs)


def _joined(texts: Sequence[Text]) -> str:
    return "\n\n".join([each.value for each in texts])[:TEXT_CHARACTERS_MAX]
