"""Pairs that were made before, by their names: what of each the judge has said, and what there is to read.

Whoever makes pairs asks here first, so that no answer and no mark is paid twice. Read next:
`cli.judge_pairs`, `judges.content`.
"""

from typing import Annotated, Final

import msgspec

from headgate.judges.asking import ORDERS
from headgate.judges.content import content_of
from headgate.judges.items import CaseName, Content, Subject, item_id
from headgate.judges.model import Judge, Shown
from headgate.judges.storing import QUERIES, marks_said
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

NAMES_MAX: Final = 50


class PairNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The names of up to 50 pairs, and of which version of the judge marks are wanted."""

    names: Annotated[list[CaseName], msgspec.Meta(min_length=1, max_length=NAMES_MAX)]
    version: Annotated[str, msgspec.Meta(max_length=32)] | None = None


class KnownPair(msgspec.Struct, frozen=True, kw_only=True):
    """A pair that is there: its calls, in which orders the version has marked it, and its content.

    Content comes where an order is missing; `unreadable` says why there is none.
    """

    name: str
    request_id: str | None
    other_request_id: str | None
    asked: tuple[Shown, ...]
    content: Content | None
    unreadable: str = ""


class KnownPairs(msgspec.Struct, frozen=True, kw_only=True):
    """The pairs that are there, of those that were named."""

    items: list[KnownPair]


async def find_pairs(connection: Connection, judge: Judge, names: list[str]) -> KnownPairs:
    """Return the pairs of these names that are there."""
    by_id = {item_id(judge.project, judge.name, Subject(kind="pair", case=name)): name for name in names}
    scope = {"project_ids": [judge.project], "judge": judge.name, "ids": list(by_id)}
    rows = await fetch_rows(connection, QUERIES.find_pairs, scope)
    said = await marks_said(connection, judge, list(by_id))
    found: list[KnownPair] = []
    for row in rows:
        asked: tuple[Shown, ...] = tuple([each for each in ORDERS if (row["id"], each, 0) in said])
        shows = await content_of(connection, row) if len(asked) < len(ORDERS) else None
        found.append(
            KnownPair(
                name=by_id[row["id"]],
                request_id=None if row["request_id"] is None else str(row["request_id"]),
                other_request_id=None if row["other_request_id"] is None else str(row["other_request_id"]),
                asked=asked,
                content=None if shows is None or shows.missing else shows.content,
                unreadable="" if shows is None else shows.missing,
            )
        )
    return KnownPairs(items=found)
