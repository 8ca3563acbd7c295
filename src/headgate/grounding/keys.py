"""The keys with which rules ask their judges: one for each project, for that judge alone, their texts kept
nowhere.

A key of the call's own project, so that its residency, models and budgets hold for what is asked about it.
"""

from typing import Final

import msgspec

from headgate.access.gateways import acknowledged
from headgate.access.roles import Visible
from headgate.access.store import SYSTEM, NewKey, create_key, get_key, rotate_key
from headgate.core.faults import NotFound
from headgate.core.ports import Clock
from headgate.core.secret import Secret
from headgate.grounding.choosing import QUERIES
from headgate.grounding.rules import TAG, GroundingRule
from headgate.store.database import Database

SETTLE_S: Final = 10.0


async def renewed_key(database: Database, clock: Clock, rule: GroundingRule, project: str) -> Secret:
    """Give the key of a rule and project a new text, and wait until gateways know it."""
    tags = (TAG, f"grounding:{rule.name}"[:64])
    async with database.transaction() as connection:
        place = {"rule": rule.name, "project": project}
        cursor = await connection.execute(QUERIES.get_key, place)
        row = await cursor.fetchone()
        made = None
        if row is not None:
            try:
                key = await get_key(connection, row[0], visible=Visible(project_ids=None))
                key = msgspec.structs.replace(key, models=(rule.judge,), tags=tags)
                made = await rotate_key(connection, key, actor=SYSTEM, earlier_until_ms=None)
            except NotFound:
                made = None
        if made is None:
            now_ms = clock.now_ms()
            new = NewKey(
                name=f"grounding {rule.name} {now_ms}", project=project, models=(rule.judge,), tags=tags
            )
            made = await create_key(connection, new, actor=SYSTEM, now_ms=now_ms)
            await connection.execute(QUERIES.put_key, {**place, "key": made.key.id})
    await acknowledged(database, made.seq, timeout_s=SETTLE_S)
    return made.text
