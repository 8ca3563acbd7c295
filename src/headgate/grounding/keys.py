"""The keys with which rules ask their judges: one for each project, for that judge alone, their texts kept
nowhere.

A key of the call's own project, so that its residency, models and budgets hold for what is asked about it.
"""

from typing import Final

from headgate.access.gateways import acknowledged
from headgate.access.store import NewKey, renew_key
from headgate.core.ports import Clock
from headgate.core.secret import Secret
from headgate.grounding.choosing import QUERIES
from headgate.grounding.rules import TAG, GroundingRule
from headgate.store.database import Database
from headgate.store.rows import fetch_rows

SETTLE_S: Final = 10.0


async def renewed_key(database: Database, clock: Clock, rule: GroundingRule, project: str) -> Secret:
    """Give the key of a rule and project a new text, and wait until gateways know it."""
    now_ms = clock.now_ms()
    new = NewKey(
        name=f"grounding {rule.name} {now_ms}",
        project=project,
        models=(rule.judge,),
        tags=(TAG, f"grounding:{rule.name}"[:64]),
    )
    place = {"rule": rule.name, "project": project}
    async with database.transaction() as connection:
        rows = await fetch_rows(connection, QUERIES.get_key, place)
        made = await renew_key(connection, rows[0]["key"] if rows else None, new, now_ms=now_ms)
        await connection.execute(QUERIES.put_key, {**place, "key": made.key.id})
    await acknowledged(database, made.seq, timeout_s=SETTLE_S)
    return made.text
