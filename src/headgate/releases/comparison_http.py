"""The route that compares two releases: what they hold, and how their calls went.

Read next: `releases.manifests` (what they hold), `releases.comparing` (how their calls went).
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from litestar import Controller, Request, get
from litestar.params import FromQuery, Parameter
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.core.call import Usage
from headgate.core.money import parse_usd
from headgate.core.pages import parse_instant_ms
from headgate.releases.comparing import (
    CallSeen,
    ClusteredBy,
    Measure,
    SaidOf,
    Sample,
    clustered_by,
    compare,
    method,
)
from headgate.releases.http import ReleaseView, projects_of, release_view
from headgate.releases.manifests import Difference, differences
from headgate.releases.model import Release
from headgate.releases.store import QUERIES, find_release
from headgate.store.database import Connection

CALLS_MAX = 20_000
"""So many calls of each release are looked at, the newest."""


_TIMES: Final[dict[str, Any]] = {
    "from": Parameter(str, required=False, default=None, description="calls that started at or after this"),
    "to": Parameter(str, required=False, default=None, description="calls that started before this"),
}


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls of a release count: of an environment, and of a time."""

    environment: str | None = None
    begin: datetime | None = None
    end: datetime | None = None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two releases side by side, the older one first if it was named first. `sampled`: of at least one there
    are more calls than were looked at. `feedback` says how much was said of them, which is among the
    measures; `clustered_by` what intervals group calls by."""

    a: ReleaseView
    b: ReleaseView
    parts: list[str]
    differences: list[Difference]
    calls_a: int
    calls_b: int
    sampled: bool
    measures: list[Measure]
    feedback: str
    clustered_by: ClusteredBy | None
    method: str


class ComparisonController(Controller):
    """What two releases differ in."""

    path = "/releases/compare"
    tags = ("releases",)
    parameters = _TIMES

    @get(opt={"grant": grant("releases:read")})
    async def compare_releases(
        self,
        caller: CallerKey,
        database: Store,
        request: Request[Any, Any, Any],
        *,
        a: FromQuery[str],
        b: FromQuery[str],
        project: FromQuery[str | None] = None,
        environment: FromQuery[str | None] = None,
    ) -> Comparison:
        """Compare two releases: what changed in them, and how traffic, cost, latency, errors and tokens did.

        Each measure has its 95 % interval and a sentence. The newest 20,000 calls of each count.
        """
        projects = projects_of(caller, project)
        query = request.query_params
        period = Period(
            environment=environment,
            begin=_instant(query.get("from"), "from"),
            end=_instant(query.get("to"), "to"),
        )
        async with database.connection() as connection:
            one = await find_release(connection, projects, a)
            other = await find_release(connection, projects, b)
            before = await sample_of(connection, projects, one, period)
            after = await sample_of(connection, projects, other, period)
        by, measures = await asyncio.to_thread(_compared, before, after)
        return Comparison(
            a=release_view(one),
            b=release_view(other),
            parts=[name for name, digest in one.parts.items() if other.parts.get(name) != digest],
            differences=differences(one.manifest, other.manifest),
            calls_a=len(before.calls),
            calls_b=len(after.calls),
            sampled=max(len(before.calls), len(after.calls)) >= CALLS_MAX,
            measures=measures,
            feedback=_feedback(before, after),
            clustered_by=by,
            method=method(by),
        )


async def sample_of(
    connection: Connection, project_ids: Sequence[str] | None, release: Release, period: Period
) -> Sample:
    """Return the newest calls of a release, 20,000 at most, and what was said of them or their traces."""
    asked: dict[str, Any] = {
        "project_ids": None if project_ids is None else list(project_ids),
        "project": release.project,
        "release": release.id,
        "environment": period.environment,
        "begin": period.begin,
        "end": period.end,
        "limit": CALLS_MAX,
    }
    cursor = await connection.execute(QUERIES.sample_calls, asked, prepare=False)
    calls = await _calls(cursor)
    found = await connection.execute(QUERIES.said_of_calls, asked, prepare=False)
    said = [
        SaidOf(name=name, value=value, is_yes_no=kind == "boolean", user=user, session=session)
        for name, kind, value, user, session in await found.fetchall()
    ]
    return Sample(calls=calls, said=said)


def _compared(before: Sample, after: Sample) -> tuple[ClusteredBy | None, list[Measure]]:
    by = clustered_by(before, after)
    return by, compare(before, after, by)


def _feedback(before: Sample, after: Sample) -> str:
    if not before.said and not after.said:
        return "none recorded"
    return f"{len(before.said)} answers before, {len(after.said)} after, on calls and their traces"


async def _calls(cursor: AsyncCursor[TupleRow]) -> list[CallSeen]:
    decode = msgspec.json.Decoder(Usage).decode
    calls: list[CallSeen] = []
    async for started_at, status, duration_ms, first_token_ms, usage_text, cost_usd, user, session in cursor:
        usage = decode(usage_text)
        calls.append(
            CallSeen(
                started_at=started_at,
                user=user,
                session=session,
                status=status,
                duration_ms=duration_ms,
                first_token_ms=first_token_ms,
                input_tokens=usage.total_input,
                output_tokens=usage.total_output,
                cost_pico_usd=None if cost_usd is None else parse_usd(f"{cost_usd:f}"),
            )
        )
    return calls


def _instant(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=parse_instant_ms(text, name))
