"""Holds what rules of `[[grounding]]` chose of live traffic, keeps the scores, and tells where they are too
low.

Any control process may do it; one at a time works on a rule, and a call's score is kept once. Bounded by the
rule's calls and money a day; what waits for longer than that lasts is passed over and counted. Read next:
`grounding.choosing`, `grounding.rules`.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from headgate.checks.answering import Said
from headgate.core.entries import Alert
from headgate.core.faults import Failed
from headgate.core.ports import Clock
from headgate.core.secret import Secret
from headgate.drift.calling import OwnCalls
from headgate.grounding.choosing import QUERIES
from headgate.grounding.holding import hold
from headgate.grounding.judging import Groundedness, judging
from headgate.grounding.keys import renewed_key
from headgate.grounding.model import Grounds
from headgate.grounding.rules import GroundingRule, Stretch, alarm, begin
from headgate.grounding.scoring import Held, held_by_judge, held_by_words
from headgate.store.database import Connection, Database
from headgate.traces.lineage.recorded import recorded_texts
from headgate.traces.scores.model import NewFeedback, score_of
from headgate.traces.scores.storing import add_scores

BODY_S: Final = 60.0
"""How long a call waits at most until its body is on record, which it never is where it was dropped."""
HELD_S: Final = 60.0
PASSED_OVER_S: Final = 3600.0
KEPT_DAYS: Final = 90
CALLS_A_LOOK: Final = 20
ACTOR: Final = "headgate"

AddAlerts = Callable[[Connection, Sequence[Alert]], Awaitable[None]]
KeepMarks = Callable[[Connection, str, Grounds, str, Groundedness], Awaitable[None]]


class InForce(Protocol):
    """What control knows of the configuration in force."""

    def grounding(self) -> tuple[GroundingRule, ...] | None:
        """Return the rules; None while no configuration is known."""
        ...


class GroundingJob:
    """The rules of groundedness, as far as this process works on them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        calls: OwnCalls,
        *,
        in_force: InForce,
        add_alerts: AddAlerts,
        keep_marks: KeepMarks,
    ) -> None:
        self._database = database
        self._clock = clock
        self._calls = calls
        self._in_force = in_force
        self._add_alerts = add_alerts
        self._keep_marks = keep_marks
        self._me = uuid.uuid4()
        self._known: tuple[GroundingRule, ...] | None = None
        self._keys: dict[tuple[str, str], Secret] = {}

    async def look(self) -> None:
        """Put the rules in force, and hold what waits, a few calls of each rule."""
        rules = self._in_force.grounding()
        if rules is None:
            return
        if rules != self._known:
            await self._put(rules)
        for rule in rules:
            if await self._take(rule):
                await self._work(rule)

    async def _put(self, rules: tuple[GroundingRule, ...]) -> None:
        async with self._database.transaction() as connection:
            for rule in rules:
                definition = msgspec.json.encode(rule).decode()
                parameters = {"name": rule.name, "version": rule.version, "definition": definition}
                await connection.execute(QUERIES.put_rule, parameters)
            await connection.execute(QUERIES.forget_rules, {"names": [rule.name for rule in rules]})
        self._known = rules
        self._keys.clear()

    async def _take(self, rule: GroundingRule) -> bool:
        """Whether this process works on a rule now; keys that another one renewed meanwhile are forgotten."""
        parameters = {"name": rule.name, "holder": self._me, "seconds": HELD_S}
        async with self._database.transaction() as connection:
            cursor = await connection.execute(QUERIES.hold_rule, parameters)
            row = await cursor.fetchone()
        if row is None:
            return False
        if row[0] != self._me:
            for place in [each for each in self._keys if each[0] == rule.name]:
                del self._keys[place]
        return True

    async def _work(self, rule: GroundingRule) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(QUERIES.pass_over, {"rule": rule.name, "seconds": PASSED_OVER_S})
            await connection.execute(QUERIES.forget_calls, {"rule": rule.name, "days": KEPT_DAYS})
        asked = {"rule": rule.name, "body_s": BODY_S, "project_ids": list(rule.projects) or None}
        for _ in range(CALLS_A_LOOK):
            async with self._database.connection() as connection:
                cursor = await connection.execute(QUERIES.today, {"rule": rule.name})
                today = await cursor.fetchone()
                cursor = await connection.execute(QUERIES.next_call, asked)
                row = await cursor.fetchone()
            assert today is not None
            calls, spent = today
            left = rule.budget_pico_usd - spent if rule.budget_pico_usd else None
            if row is None or calls >= rule.calls_a_day or (left is not None and left <= 0):
                return
            await self._hold(rule, row[0], row[1], left)
            if not await self._take(rule):
                return

    async def _hold(self, rule: GroundingRule, call: uuid.UUID, project: str, left: int | None) -> None:
        async with self._database.connection() as connection:
            found = await recorded_texts(connection, project, call)
        grounds = await asyncio.to_thread(hold, str(call), found)
        judged: Groundedness | None = None
        if grounds.problem or not rule.judge:
            held = held_by_words(grounds)
        else:
            judged = await self._judged(rule, grounds, project, left)
            held = held_by_judge(grounds, rule.judge, judged)
        async with self._database.transaction() as connection:
            await self._keep(connection, rule, project, held)
            if judged is not None and judged.claims:
                await self._keep_marks(connection, project, grounds, rule.judge, judged)

    async def _judged(
        self, rule: GroundingRule, grounds: Grounds, project: str, left: int | None
    ) -> Groundedness:
        place = (rule.name, project)
        if place not in self._keys:
            self._keys[place] = await renewed_key(self._database, self._clock, rule, project)
        asking = judging(grounds, rule.judge, budget_pico_usd=left)
        try:
            body = next(asking)
            while True:
                body = asking.send(await self._asked(self._keys[place], body))
        except StopIteration as end:
            return end.value

    async def _asked(self, key: Secret, body: dict[str, Any]) -> Said:
        try:
            answered = await self._calls.chat(key, msgspec.json.encode(body))
        except Failed:
            return Said(status=503, headers={}, content=b"", duration_ms=0.0)
        headers = {"x-headgate-request-id": answered.call}
        if answered.cost_usd:
            headers["x-headgate-cost-usd"] = answered.cost_usd
        return Said(status=answered.status, headers=headers, content=answered.body, duration_ms=0.0)

    async def _keep(self, connection: Connection, rule: GroundingRule, project: str, held: Held) -> None:
        """Write down what was found, once, and tell where scores are too low."""
        parameters = {
            "rule": rule.name,
            "request_id": uuid.UUID(held.request_id),
            "score": held.score,
            "unsupported": len(held.unsupported),
            "cost_pico_usd": held.cost_pico_usd,
            "problem": "" if held.score is not None else held.sentence[:500],
        }
        cursor = await connection.execute(QUERIES.end_call, parameters)
        if await cursor.fetchone() is None or held.score is None:
            return
        said = NewFeedback(**held.feedback())
        await add_scores(connection, project, [score_of(said, ACTOR)])
        await self._observe(connection, rule, held)

    async def _observe(self, connection: Connection, rule: GroundingRule, held: Held) -> None:
        stretch = begin(rule)
        if stretch is None or held.score is None:
            return
        place = {"rule": rule.name, "version": rule.version}
        cursor = await connection.execute(QUERIES.get_state, place)
        row = await cursor.fetchone()
        if row is None:
            return  # the rule is another one by now
        if row[0] is not None:
            stretch = msgspec.json.decode(row[0], type=Stretch)
        stretch = stretch.observe(held.score)
        if stretch.test.verdict == "not met":
            message = alarm(rule, stretch, held.request_id)
            alert = Alert(at_ms=self._clock.now_ms(), kind="grounding", subject=rule.name, message=message)
            await self._add_alerts(connection, [alert])
        state = None if stretch.test.verdict != "open" else msgspec.json.encode(stretch).decode()
        await connection.execute(QUERIES.put_state, {**place, "state": state})
