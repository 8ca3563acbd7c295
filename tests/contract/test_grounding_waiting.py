"""Calls that rules of groundedness chose wait for their bodies, which are shipped beside records."""

import json
import uuid

from tests.contract.made_entries import envelope, make_body, make_end, new_call

from headgate.core.entries import Body, End
from headgate.grounding.choosing import QUERIES, GroundingSink
from headgate.grounding.live import BODY_S
from headgate.grounding.rules import GroundingRule
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.store.database import Database

RULE = GroundingRule(name="answers", share=1.0)


async def ship(database: Database, entry: End | Body) -> None:
    batch = [envelope(entry)]
    async with database.transaction() as connection:
        for sink in (GroundingSink(), RecordSink(), BodySink()):
            await sink.apply(connection, [one for one in batch if one.kind in sink.kinds])


async def following(database: Database) -> uuid.UUID | None:
    asked = {"rule": RULE.name, "body_s": BODY_S, "project_ids": None}
    async with database.connection() as connection:
        cursor = await connection.execute(QUERIES.next_call, asked)
        row = await cursor.fetchone()
    return None if row is None else row[0]


async def test_a_call_is_held_once_its_body_is_there_or_was_waited_for_long_enough(
    database: Database,
) -> None:
    async with database.transaction() as connection:
        rule = {
            "name": RULE.name,
            "version": RULE.version,
            "definition": json.dumps({"name": RULE.name, "share": 1}),
        }
        await connection.execute(QUERIES.put_rule, rule)
    dropped, call = new_call(), new_call()
    await ship(database, make_end(dropped))
    await ship(database, make_end(call))
    assert await following(database) is None
    await ship(database, make_body(call, b"{}", response=b"{}"))
    assert await following(database) == uuid.UUID(bytes=call)
    async with database.transaction() as connection:
        await connection.execute("update grounding_calls set at = at - interval '61 seconds'")
    assert await following(database) == uuid.UUID(bytes=dropped)
