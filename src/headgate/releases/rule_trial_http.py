"""The route that runs a rule over recorded traffic and says what would change; nothing is sent.

Read next: `releases.rule_trial`.
"""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Controller, post
from litestar.params import JSONBody

from headgate.access.gate import CallerKey, grant
from headgate.access.roles import visible
from headgate.core.call import Usage
from headgate.core.faults import InvalidRequest
from headgate.core.labels import Label
from headgate.core.names import Name
from headgate.core.pages import format_datetime, parse_instant_ms
from headgate.records.bodies import read_bodies
from headgate.records.rows import day_of
from headgate.releases.rule_forms import RuleBody, rule_of
from headgate.releases.rule_store import QUERIES, with_fragments
from headgate.releases.rule_trial import RecordedCall, RuleTest, RuleTester
from headgate.releases.rules import Rule
from headgate.releases.rules_http import Known, Store, Time, body_of, check_model, named_rule, visible_rules
from headgate.store.database import Connection

CALLS_DEFAULT: Final = 500
CALLS_MAX: Final = 5000
PAGE: Final = 100
BACK: Final = timedelta(days=1)


class RuleToTest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rule: one in force by its name, or one that is said here. `since` is RFC 3339, by default a day
    ago; `limit` is how many calls are looked at, the newest first."""

    name: Name | None = None
    rule: RuleBody | None = None
    since: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=CALLS_MAX)] = CALLS_DEFAULT


class RuleTestController(Controller):
    """What a rule would change."""

    path = "/rules/test"
    tags = ("rules",)

    @post(status_code=200, opt={"grant": grant("rules:read")})
    async def test_rule(
        self, caller: CallerKey, known: Known, database: Store, clock: Time, data: JSONBody[RuleToTest]
    ) -> RuleTest:
        """Run a rule over recorded calls that were answered, and say what would have changed.

        Which fields, of how many calls, with examples; what it would have cost; what would have been refused.
        """
        seen = visible(caller)
        begin = datetime.fromtimestamp(clock.now_ms() / 1000, UTC) - BACK
        if data.since is not None:
            begin = datetime.fromtimestamp(parse_instant_ms(data.since, "since") / 1000, UTC)
        if data.rule is not None:
            rule = rule_of(data.name or "new", data.rule, version=0, now_ms=None)
        elif data.name is not None:
            found = named_rule(visible_rules(known.rules(), caller), data.name)
            rule = rule_of(found.name, body_of(found), version=found.version, now_ms=None)
        else:
            raise InvalidRequest("say which rule: give name, or rule", parameter="rule")
        if seen.project_ids is not None:
            match = msgspec.structs.replace(rule.match, project=caller.project)
            rule = msgspec.structs.replace(rule, match=match)
        check_model(known, rule)
        async with database.connection() as connection:
            tester = RuleTester(await with_fragments(connection, rule), known.targets_of)
            count = 0
            async for call in _recorded(connection, seen.project_ids, rule, begin, data.limit + 1):
                count += 1
                if count <= data.limit:
                    tester.add(call)
        return tester.result(begin=format_datetime(begin), more=count > data.limit)


async def _recorded(
    connection: Connection,
    project_ids: Sequence[str] | None,
    rule: Rule,
    begin: datetime,
    limit: int,
) -> AsyncIterator[RecordedCall]:
    """Recorded calls that were answered, the newest first, page after page."""
    last: uuid.UUID | None = None
    left = limit
    while left > 0:
        parameters: dict[str, Any] = {
            "project_ids": None if project_ids is None else list(project_ids),
            "project": rule.match.project,
            "tag": rule.match.tag,
            "begin": begin,
            "before_id": last,
            "before_day": None if last is None else day_of(last),
            "limit": min(left, PAGE),
        }
        cursor = await connection.execute(QUERIES.recorded_calls, parameters, prepare=False)
        rows = await cursor.fetchall()
        for row in rows:
            body = None
            if row[16]:
                bodies = await read_bodies(connection, project_ids, row[0])
                body = None if bodies is None else bodies.request
            yield _call(row, body)
        if len(rows) < parameters["limit"]:
            return
        left -= len(rows)
        last = rows[-1][0]


def _call(row: Sequence[Any], body: bytes | None) -> RecordedCall:
    regions, readers, purposes = [None if part is None else frozenset(part) for part in row[11:14]]
    return RecordedCall(
        id=row[0],
        project=row[1],
        user=row[2],
        session=row[3],
        tags=tuple(row[4]),
        dialect=row[5],
        operation=row[6],
        model=row[7],
        target=row[8],
        usage=msgspec.json.decode(row[9], type=Usage),
        cost_usd=row[10],
        label=Label(regions=regions, readers=readers, purposes=purposes),
        overrides=msgspec.json.decode(row[14], type=list[dict[str, Any]]),
        started_at=row[15],
        body=body,
    )
