"""The route of rules on live traffic: what each has held, and what came of it."""

import msgspec
from litestar import get

from headgate.access.gate import grant
from headgate.access.http import Store
from headgate.core.money import format_usd
from headgate.core.pages import Page, format_datetime
from headgate.grounding.choosing import QUERIES
from headgate.grounding.rules import GroundingRule
from headgate.store.rows import fetch_rows


class RuleShown(msgspec.Struct, frozen=True, kw_only=True):
    """A rule since its last change: calls held, those that could be told with their mean score, and the
    others.

    `with_unsupported` are answers with a claim that the context does not support; `waiting` are chosen and
    not held yet; `passed_over` were left out since a day's calls or money were spent.
    """

    name: str
    version: str
    share: float
    judge: str
    alert_below: float | None
    since: str
    held: int
    scored: int
    mean: float | None
    with_unsupported: int
    waiting: int
    passed_over: int
    cost_usd_today: str


@get("/grounding/rules", tags=["grounding"], opt={"grant": grant("snapshots:read")})
async def list_grounding_rules(database: Store) -> Page[RuleShown]:
    """List the rules that hold live answers against their context, and what each came to."""
    async with database.connection() as connection:
        rows = await fetch_rows(connection, QUERIES.list_rules)
    items: list[RuleShown] = []
    for row in rows:
        rule = msgspec.json.decode(row["definition"], type=GroundingRule)
        same = {
            name: row[name]
            for name in ("version", "held", "scored", "mean", "with_unsupported", "waiting", "passed_over")
        }
        items.append(
            RuleShown(
                name=rule.name,
                share=rule.share,
                judge=rule.judge,
                alert_below=rule.alert_below,
                since=format_datetime(row["began_at"]),
                cost_usd_today=format_usd(row["cost_today"]),
                **same,
            )
        )
    return Page(items=items, next=None)
