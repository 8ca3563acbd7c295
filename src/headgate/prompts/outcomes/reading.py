"""How versions of a prompt do, read from sums alone: never from calls or feedback one by one.

Read next: `prompts/outcomes/queries.sql`, `outcomes.model`.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from headgate.core.pages import format_datetime
from headgate.prompts.catalogue.looking import Look
from headgate.prompts.catalogue.model import name_of
from headgate.prompts.outcomes.counting import QUERIES
from headgate.prompts.outcomes.model import (
    METHOD,
    HoldingRelease,
    PromptOutcomes,
    PromptPlace,
    SameText,
    VersionOutcome,
    mean_of,
    per_call,
    share_of,
)
from headgate.prompts.outcomes.said import OutcomeEstimate, VersionFeedback
from headgate.records import sketch
from headgate.records.model import UsageBuckets
from headgate.records.queries import format_amount
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

VERSIONS_MAX = 50
FEEDBACK_MAX = 500
PLACES_MAX = 50
"""Of each kind."""
RELEASES_MAX = 50
SAME_TEXT_MAX = 20

Row = dict[str, Any]
_BUCKETS = ("input", "cache_read", "cache_write", "output", "reasoning")


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """Which prompt: `digest` names it in sums; a managed one has no source, path and symbol."""

    name: str
    project: str
    digest: uuid.UUID
    source: str | None = None
    path: str | None = None
    symbol: str | None = None


async def outcomes(connection: Connection, prompt: Prompt, look: Look) -> PromptOutcomes:
    """Return how a prompt did in the days looked at, and where it is used."""
    asked: Row = {
        **look.scope(),
        "project": prompt.project,
        "project_ids": [prompt.project],
        "prompt": prompt.digest,
        "prompts": [prompt.digest],
    }
    rows = await fetch_rows(connection, QUERIES.days_of_versions, {**asked, "limit": VERSIONS_MAX})
    versions = sorted({row["version"] for row in rows})
    said = await fetch_rows(
        connection, QUERIES.feedback_of_versions, {**asked, "versions": versions, "limit": FEEDBACK_MAX}
    )
    places = await fetch_rows(connection, QUERIES.places_of_calls, {**asked, "limit": PLACES_MAX})
    every = look.days
    since, until = look.times
    found = [
        _outcome(
            version,
            [row for row in rows if row["version"] == version],
            [row for row in said if row["version"] == version],
            every,
        )
        for version in versions
    ]
    return PromptOutcomes(
        name=prompt.name,
        project=prompt.project,
        source=prompt.source,
        environment=look.environment,
        since=since,
        until=until,
        days=[day.isoformat() for day in every],
        versions=sorted(found, key=lambda each: (-each.calls, each.version)),
        places=[
            PromptPlace(
                kind=row["kind"],
                name=row["named"],
                calls=row["calls"],
                last_seen=None if row["last_seen"] is None else format_datetime(row["last_seen"]),
            )
            for row in places
        ],
        releases=await _releases(connection, prompt),
        same_text=await _same_text(connection, prompt),
        method=METHOD,
    )


async def _releases(connection: Connection, prompt: Prompt) -> list[HoldingRelease]:
    managed = prompt.name if prompt.source is None else None
    asked = {"project": prompt.project, "path": prompt.path, "symbol": prompt.symbol, "managed": managed}
    rows = await fetch_rows(connection, QUERIES.releases_holding, {**asked, "limit": RELEASES_MAX})
    return [
        HoldingRelease(
            id=row["id"],
            name=row["name"],
            commit=row["commit"],
            created_at=format_datetime(row["created_at"]),
            versions=list(row["versions"]),
        )
        for row in rows
    ]


async def _same_text(connection: Connection, prompt: Prompt) -> list[SameText]:
    if prompt.source is None:
        return []
    asked = {"project": prompt.project, "prompt": prompt.digest, "limit": SAME_TEXT_MAX}
    rows = await fetch_rows(connection, QUERIES.same_text, asked)
    return [
        SameText(source=row["source"], name=name_of(row["path"], row["symbol"]), line=row["line"])
        for row in rows
    ]


def _outcome(version: str, rows: Sequence[Row], said: Sequence[Row], days: Sequence[date]) -> VersionOutcome:
    calls, unpriced = _sum(rows, "calls"), _sum(rows, "unpriced")
    cost = sum((row["cost_usd"] for row in rows), Decimal(0))
    durations, first_tokens = _sketch(rows, "durations"), _sketch(rows, "first_tokens")
    failed, measured = _sum(rows, "failed"), _sum(rows, "measured")
    by_day = {row["day"]: row for row in rows}
    on = [by_day.get(day) for day in days]
    return VersionOutcome(
        version=version,
        calls=calls,
        measured=measured,
        failed=failed,
        failed_share=share_of(failed, measured),
        cost_usd=None if unpriced == calls else format_amount(cost),
        cost_usd_per_call=per_call(cost, calls - unpriced),
        unpriced=unpriced,
        estimated=_sum(rows, "estimated"),
        usage=UsageBuckets(**{bucket: _sum(rows, bucket) for bucket in _BUCKETS}),
        duration_p50_ms=sketch.quantile_ms(durations, 0.5),
        duration_p95_ms=sketch.quantile_ms(durations, 0.95),
        first_token_p50_ms=sketch.quantile_ms(first_tokens, 0.5),
        first_token_p95_ms=sketch.quantile_ms(first_tokens, 0.95),
        last_seen=format_datetime(max(row["last_seen"] for row in rows)),
        feedback=[feedback_of(row) for row in said],
        calls_by_day=[row["calls"] if row else 0 for row in on],
        failed_by_day=[row["failed"] if row else 0 for row in on],
        cost_usd_by_day=[format_amount(row["cost_usd"]) or "0" if row else "0" for row in on],
        duration_p50_ms_by_day=[sketch.quantile_ms(row["durations"], 0.5) if row else None for row in on],
    )


def _sum(rows: Iterable[Row], name: str) -> int:
    return sum(row[name] for row in rows)


def _sketch(rows: Iterable[Row], name: str) -> list[int]:
    found: list[int] = []
    for row in rows:
        found = sketch.merge(found, row[name])
    return found


def feedback_of(row: Row) -> VersionFeedback:
    """Return what sums say was said under one name."""
    numbers, yes, no = row["numbers"], row["yes"], row["no"]
    estimate: OutcomeEstimate | None
    if numbers == 0:
        of, estimate = "text", None
    elif row["kind"] == "boolean" or yes + no == numbers:
        of, estimate = "share", share_of(yes, numbers)
    else:
        of, estimate = "mean", mean_of(numbers, row["total"], row["squares"])
    return VersionFeedback(name=row["word"], of=of, answers=row["answers"], estimate=estimate)
