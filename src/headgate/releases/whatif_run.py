"""Runs a scenario over the records: counts, takes all calls or a sample, reads them in order, and sums up.

Bounded in calls and in time; tells how far it is. Works inside the caller's transaction and writes nothing.
Read next: `releases.whatif` (the sums), `releases.whatif_http` (the routes).
"""

import asyncio
import math
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from headgate.core.call import Dialect, Operation, Usage
from headgate.core.money import parse_usd
from headgate.meters.model import WindowName
from headgate.meters.windows import edges
from headgate.records.bodies import read_bodies
from headgate.releases.applying import RuleSet
from headgate.releases.repricing import Lengths
from headgate.releases.store import QUERIES
from headgate.releases.unreleased import CLOCKS_APART, first_id_of
from headgate.releases.whatif import (
    FactsOf,
    RecordedCall,
    Scenario,
    WhatIf,
    sampling_interval,
    subject_of,
)
from headgate.releases.whatif_rules import RecordedBody, TargetOf, effect_of
from headgate.store.database import Connection
from headgate.store.rows import fetch_rows

PAGE: Final = 1_000
CALLS_MAX: Final = 100_000
CALLS_WITH_RULES_MAX: Final = 2_000
"""Rules need bodies, which are read one by one."""
LENGTHS_CALLS: Final = 20_000
SECONDS_MAX: Final = 25.0
MILLION: Final = 1_000_000


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls are looked at: of these projects, from `begin` on and before `end`, so many at most."""

    project_ids: tuple[str, ...] | None
    begin: datetime
    end: datetime
    calls_max: int
    seed: int

    @property
    def parameters(self) -> dict[str, Any]:
        """The part that all questions have in common."""
        projects = None if self.project_ids is None else list(self.project_ids)
        return {"project_ids": projects, "begin": self.begin, "end": self.end}


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """So many of so many calls are done."""

    done: int
    of: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The sums, and what part of the calls they are made from. `until` is the start of the last call that was
    looked at where time ran out; None where all were."""

    sums: WhatIf
    calls: int
    looked_at: int
    share: float
    until: datetime | None
    sampling: tuple[int, int]
    without_body: int


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that are tried, and the targets of the names that they may send calls to."""

    compiled: RuleSet
    target_of: TargetOf


async def run(
    connection: Connection,
    wanted: Wanted,
    scenario: Scenario,
    facts_of: FactsOf,
    rules: Rules | None = None,
) -> AsyncIterator[Progress | Outcome]:
    """Yield how far it is, and the outcome at last. The same seed looks at the same calls."""
    started_s = time.monotonic()
    cursor = await connection.execute(QUERIES.whatif_count, wanted.parameters, prepare=False)
    row = await cursor.fetchone()
    calls = int(row[0]) if row is not None else 0
    most = min(wanted.calls_max, CALLS_WITH_RULES_MAX if rules is not None else CALLS_MAX)
    share = 1.0 if calls <= most else most / calls
    expected = round(calls * share)
    yield Progress(done=0, of=expected)
    lengths = await _lengths(connection, wanted, calls) if scenario.models or rules is not None else {}
    sums = WhatIf(scenario, facts_of, lengths, weight=1 / share)
    await _seed(connection, wanted, sums)
    done = without_body = 0
    until: datetime | None = None
    async for page in _pages(connection, wanted, share):
        for call, kept, _ in page:
            effect = None
            if rules is not None:
                body = await _body(connection, wanted, kept)
                without_body += body is None
                effect = None if body is None else effect_of(rules.compiled, call, body, rules.target_of)
            sums.add(call, effect)
        done += len(page)
        yield Progress(done=done, of=max(expected, done))
        if time.monotonic() - started_s > SECONDS_MAX:
            until = page[-1][2]
            break
    values = [after for _, after in sums.differences]
    error = (0, 0)
    if share < 1.0:
        error = await asyncio.to_thread(sampling_interval, values, calls, wanted.seed)
    yield Outcome(
        sums=sums,
        calls=calls,
        looked_at=done,
        share=share,
        until=until,
        sampling=error,
        without_body=without_body,
    )


class _Kept(msgspec.Struct, frozen=True):
    """Where a call's body stands, and how to read it."""

    id: uuid.UUID
    dialect: Dialect
    operation: Operation
    session: str


_Read = tuple[RecordedCall, _Kept, datetime]


async def _pages(connection: Connection, wanted: Wanted, share: float) -> AsyncIterator[list[_Read]]:
    decode = msgspec.json.Decoder(Usage).decode
    first = wanted.begin.astimezone(UTC) - CLOCKS_APART
    after_day, after_id = first.date(), first_id_of(first)
    while True:
        cursor = await connection.execute(
            QUERIES.whatif_calls,
            {
                **wanted.parameters,
                "after_day": after_day,
                "after_id": after_id,
                "share": math.ceil(share * MILLION),
                "seed": wanted.seed,
                "limit": PAGE,
            },
            prepare=False,
        )
        rows = await cursor.fetchall()
        if rows:
            yield [_call(row, decode) for row in rows]
            after_day, after_id = rows[-1][0], rows[-1][1]
        if len(rows) < PAGE:
            return


def _call(row: tuple[Any, ...], decode: Callable[[str], Usage]) -> _Read:
    _, identity, started_at, project, key, user, tags, model, target, code, usage, cost, *rest = row
    last, reserved, is_estimated, dialect, operation, session = rest
    call = RecordedCall(
        id=str(identity),
        started_ms=int(started_at.timestamp() * 1000),
        project=project,
        key=key,
        user=user,
        tags=tuple(tags),
        asked=model,
        target=target,
        code=code,
        usage=decode(usage),
        cost_pico_usd=_pico(cost),
        last_pico_usd=_pico(last),
        reserved_pico_usd=_pico(reserved) or 0,
        is_estimated=is_estimated,
    )
    return call, _Kept(identity, dialect, operation, session), started_at


async def _body(connection: Connection, wanted: Wanted, kept: _Kept) -> RecordedBody | None:
    """The whole body that was sent on; None where it is not on record, or only in part."""
    found = await read_bodies(connection, wanted.project_ids, kept.id)
    if found is None or found.request_digest:
        return None
    return RecordedBody(
        dialect=kept.dialect, operation=kept.operation, session=kept.session, content=found.request
    )


async def _lengths(connection: Connection, wanted: Wanted, calls: int) -> dict[str, Lengths]:
    share = MILLION if calls <= LENGTHS_CALLS else math.ceil(LENGTHS_CALLS / calls * MILLION)
    parameters = {**wanted.parameters, "share": share, "seed": wanted.seed}
    rows = await fetch_rows(connection, QUERIES.whatif_lengths, parameters)
    return {
        row["target"]: Lengths(
            calls=row["calls"],
            output_mean=row["output_mean"],
            output_variance=row["output_variance"],
            sized_calls=row["sized_calls"],
            tokens_a_byte=row["rate_mean"],
            tokens_a_byte_variance=row["rate_variance"],
        )
        for row in rows
    }


async def _seed(connection: Connection, wanted: Wanted, sums: WhatIf) -> None:
    """Count what windows that were open when the period began had come to, as far as it is on record."""
    begin_ms = int(wanted.begin.timestamp() * 1000)
    budgets = sums.scenario.budgets
    kinds: set[tuple[WindowName, str]] = {(budget.window, budget.timezone) for budget in budgets}
    for window, timezone in sorted(kinds):
        starts_ms = edges(window, timezone, begin_ms).starts_ms
        if starts_ms >= begin_ms:
            continue
        opened = datetime.fromtimestamp(starts_ms / 1000, UTC)
        parameters = {**wanted.parameters, "begin": opened, "end": wanted.begin}
        cursor = await connection.execute(QUERIES.spent_before, parameters, prepare=False)
        concerned = {each.id for each in budgets if (each.window, each.timezone) == (window, timezone)}
        for project, key, user, tags, model, target, spent in await cursor.fetchall():
            call = RecordedCall(
                id="",
                started_ms=begin_ms,
                project=project,
                key=key,
                user=user,
                tags=tuple(tags),
                asked=model,
                target=target,
                code="",
                usage=Usage(),
                cost_pico_usd=None,
                last_pico_usd=None,
                reserved_pico_usd=0,
                is_estimated=False,
            )
            sums.replay.seed(begin_ms, subject_of(call, target), _pico(spent) or 0, concerned)


def _pico(amount: Decimal | str | None) -> int | None:
    return None if amount is None else parse_usd(f"{Decimal(amount):f}")
