"""What a list of prompts says of each: where it is used, what was said of it, its versions over time.

Three questions for a page, however many prompts it has; all of sums. Read next: `outcomes/queries.sql`.
"""

import math
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headgate.prompts.catalogue.looking import Look
from headgate.prompts.catalogue.model import (
    MANAGED,
    NamedCalls,
    PromptItem,
    PromptUse,
    VersionCalls,
    digest_of,
)
from headgate.prompts.outcomes.counting import QUERIES
from headgate.prompts.outcomes.reading import feedback_of
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

POINTS_MAX: Final = 31
"""Of a version over time: days, or several days each."""
VERSIONS_LISTED_MAX: Final = 4
NAMES_LISTED_MAX: Final = 3
FEEDBACK_LISTED_MAX: Final = 3

Row = dict[str, Any]
_Place = tuple[str, uuid.UUID]
"""Project and digest of a prompt."""


def days_per_point(look: Look) -> int:
    """Return how many days one point stands for, so that there are few."""
    return math.ceil(len(look.days) / POINTS_MAX)


async def with_outcomes(connection: Connection, look: Look, items: Sequence[PromptItem]) -> list[PromptItem]:
    """Return the prompts of a page with what sums say of them; as they are, for who sees no traffic."""
    seen = [each for each in items if each.traffic is not None and each.traffic.calls > 0]
    if not seen:
        return list(items)
    step = days_per_point(look)
    asked = {
        **look.scope(),
        "project_ids": sorted({each.project for each in seen}),
        "prompts": sorted({_place(each)[1] for each in seen}),
        "step": step,
    }
    used = _by_prompt(
        await fetch_rows(connection, QUERIES.places_of_prompts, {**asked, "limit": NAMES_LISTED_MAX})
    )
    said = _by_prompt(
        await fetch_rows(connection, QUERIES.feedback_of_prompts, {**asked, "limit": FEEDBACK_LISTED_MAX})
    )
    versions = _by_prompt(
        await fetch_rows(connection, QUERIES.versions_of_prompts, {**asked, "limit": VERSIONS_LISTED_MAX})
    )
    points = math.ceil(len(look.days) / step)
    return [
        msgspec.structs.replace(
            item,
            used=_used(used[_place(item)]),
            feedback=[feedback_of(row) for row in said[_place(item)]],
            by_version=[_over_time(row, points) for row in versions[_place(item)]],
        )
        for item in items
    ]


def _place(item: PromptItem) -> _Place:
    return item.project, digest_of(item.source or MANAGED, item.name)


def _by_prompt(rows: Sequence[Row]) -> defaultdict[_Place, list[Row]]:
    found: defaultdict[_Place, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["project"], row["prompt"]].append(row)
    return found


def _used(rows: Sequence[Row]) -> list[PromptUse]:
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(row["kind"], []).append(row)
    return [
        PromptUse(
            kind=first["kind"],
            names=[NamedCalls(name=row["named"], calls=row["calls"]) for row in of_kind],
            amount=first["amount"],
        )
        for of_kind in kinds.values()
        for first in of_kind[:1]
    ]


def _over_time(row: Row, points: int) -> VersionCalls:
    calls = [0] * points
    for point, amount in zip(row["points"], row["amounts"], strict=True):
        calls[point] = max(0, amount)
    return VersionCalls(version=row["version"], calls=row["calls"], points=calls)
