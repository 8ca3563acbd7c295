"""Fills a store with traces, for timing queries: `python -m bench.many_spans --spans 10000000 --data DIR`.

A few traces are kept, settled and indexed as those of applications are; the database then copies their rows
under other ids, users and sessions over thirty days. `--words 0.1` takes the words of a tenth of the traces.
DIR is a data folder, for `headgate up --data DIR`.
"""

import argparse
import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, LiteralString

import msgspec

from headgate.core.call import Usage
from headgate.core.ports import Envelope
from headgate.store.database import Connection, Database
from headgate.store.embedded import EmbeddedPostgres
from headgate.store.migrate import migrate
from headgate.traces.keeping.settling import SettlingJob
from headgate.traces.keeping.sink import SpanSink
from headgate.traces.keeping.words import WordsJob
from headgate.traces.model import SPANS, Kind, Span, SpanBatch

VARIANTS: Final = 8
SPANS_EACH: Final = 10
DAYS: Final = 30
AT_ONCE: Final = 5_000
"""Traces of one statement."""
MODELS: Final = ("gpt-5", "gpt-5-mini", "claude-sonnet-5", "gemini-3-flash")
NAMES: Final = ("checkout", "support", "search", "refund", "onboarding", "report", "triage", "import")
TOPICS: Final = ("parcel", "invoice", "warehouse", "refund", "password", "contract", "delivery", "voucher")

KINDS: Final[tuple[Kind, ...]] = (
    *("agent", "llm", "tool", "span", "llm"),
    *("tool", "span", "llm", "retriever", "span"),
)

_PLACE: Final[LiteralString] = """
    %(day)s::timestamptz + make_interval(secs => (n * 7919) %% 86400) + (t.{column} - %(base)s::timestamptz)
    - make_interval(hours => v.variant)
"""
_TRACES_OF: Final[LiteralString] = """
    from generate_series(%(first)s::bigint, %(last)s::bigint) n
    join kinds_of_traces v on v.variant = n %% 8
"""
COPY_SPANS: Final[LiteralString] = (
    """
    insert into spans
    select %(day)s, t.project, md5(n::text)::uuid, t.span_id, t.parent_id, t.key, t.name, t.kind, t.operation,
    """
    + _PLACE.replace("{column}", "started_at")
    + """, t.duration_us, t.status, t.status_message, t.provider, t.model, t.request_model,
    case when t.response_id = '' then '' else t.response_id || n end, t.agent, t.tool, 'user-' || n %% 5000,
    'session-' || n / 4, t.tags, t.release, t.environment, t.service, t.prompt, t.prompt_version, t.usage,
    t.cost_usd, t.cost_source, t.first_token_ms, t.finish_reasons, t.flags, t.convention, t.input, t.output,
    t.system, t.details, t.attributes
    """
    + _TRACES_OF
    + "join kinds_of_spans t on t.trace_id = v.trace_id"
)
COPY_TRACES: Final[LiteralString] = (
    """
    insert into traces (
        project, trace_id, name, root_started_at, started_at, ended_at, first_day, last_day, spans, calls,
        errors, "user", session, release, environment, service, facets, input, cache_read, cache_write,
        output, reasoning, cost_usd, unpriced, flags
    )
    select t.project, md5(n::text)::uuid, t.name,"""
    + _PLACE.replace("{column}", "root_started_at")
    + ","
    + _PLACE.replace("{column}", "started_at")
    + ","
    + _PLACE.replace("{column}", "ended_at")
    + """, %(day)s, %(day)s, t.spans, t.calls, t.errors, 'user-' || n %% 5000, 'session-' || n / 4, t.release,
    t.environment, t.service, t.facets, t.input, t.cache_read, t.cache_write, t.output, t.reasoning,
    t.cost_usd, t.unpriced, t.flags
    """
    + _TRACES_OF
    + "join traces t on t.project = 'default' and t.trace_id = v.trace_id"
)
COPY_WORDS: Final[LiteralString] = (
    "insert into span_words select %(day)s, t.project, md5(n::text)::uuid, t.span_id, t.words"
    + _TRACES_OF
    + """join span_words t on t.project = 'default' and t.trace_id = v.trace_id and t.day = %(today)s
    where hashtext(n::text) & 1023 < %(share)s * 1024"""
)
COPY_ROLLUPS: Final[LiteralString] = """
    insert into trace_rollups
    select r.project, h.hour, r.dimension, r.value, sum(r.traces * h.number), sum(r.spans * h.number),
        sum(r.calls * h.number), sum(r.errors * h.number), sum(r.input * h.number),
        sum(r.cache_read * h.number), sum(r.cache_write * h.number), sum(r.output * h.number),
        sum(r.reasoning * h.number), sum(r.cost_usd * h.number), sum(r.unpriced * h.number),
        sum_sketches(array(select count * h.number::int from unnest(r.duration_sketch) count))
    from (
        select n %% 8 as variant, count(*) as number,
            %(day)s::timestamptz + make_interval(hours => ((n * 7919) %% 86400)::int / 3600) as hour
        from generate_series(%(first)s::bigint, %(last)s::bigint) n group by 1, 3
    ) h
    join kinds_of_sums r on r.variant = h.variant
    group by 1, 2, 3, 4
    on conflict (project, slot, dimension, value) do update set
        traces = trace_rollups.traces + excluded.traces, spans = trace_rollups.spans + excluded.spans,
        calls = trace_rollups.calls + excluded.calls, errors = trace_rollups.errors + excluded.errors,
        input = trace_rollups.input + excluded.input, output = trace_rollups.output + excluded.output,
        cost_usd = trace_rollups.cost_usd + excluded.cost_usd,
        duration_sketch = add_sketches(trace_rollups.duration_sketch, excluded.duration_sketch)
"""
PREPARE: Final[tuple[LiteralString, ...]] = (
    "set synchronous_commit = off",
    "select ensure_partitions(array(select current_date - n from generate_series(0, 30) n))",
    "create temp table kinds_of_traces as select get_byte(uuid_send(trace_id), 15) as variant, trace_id"
    " from traces where project = 'default' and spans = 10",
    "create temp table kinds_of_spans as select * from spans",
    "create temp table kinds_of_sums as select (extract(epoch from slot - %(base)s::timestamptz) / 3600)::int"
    " as variant, r.* from trace_rollups r",
    "analyze kinds_of_traces, kinds_of_spans",
)


def kind_of_trace(variant: int, base: datetime) -> list[Span]:
    """One trace of an application, of which others are copies; it begins `variant` hours after `base`."""
    start_ns = int((base + timedelta(hours=variant)).timestamp()) * 10**9
    trace_id = bytes(15) + bytes([variant])
    question = f"Where is the {TOPICS[variant]} with the number A-{variant}774, which I asked for last week?"
    answer = f"The {TOPICS[variant]} was sent on Monday; the {TOPICS[variant - 1]} follows on Thursday." * 3
    spans: list[Span] = []
    kinds: tuple[Kind, ...] = (
        "agent",
        "llm",
        "tool",
        "span",
        "llm",
        "tool",
        "span",
        "llm",
        "retriever",
        "span",
    )
    for place, kind in enumerate(kinds):
        said: dict[str, Any] = {"name": f"{kind} {place}"}
        if kind == "agent":
            said = {"name": NAMES[variant], "agent": f"{NAMES[variant]}-agent"}
        elif kind == "llm":
            model = MODELS[(variant + place) % len(MODELS)]
            said = {
                "name": f"chat {model}",
                "model": model,
                "provider": "openai",
                "response_id": f"chatcmpl-{place}-",
                "usage": Usage(input=300 + 40 * place, cache_read=100, output=90, reasoning=variant),
                "cost_pico_usd": 700_000_000 + place * 10_000_000,
                "cost_source": "priced",
                "input": _messages("user", question),
                "output": _messages("assistant", answer),
            }
        elif kind == "tool":
            said = {"name": "find_order", "tool": "find_order", "input": f'{{"number": "A-{variant}774"}}'}
        status = "error" if place == 5 and variant % 4 == 0 else "ok"
        began_ns = start_ns + place * 150_000_000
        spans.append(
            Span(
                trace_id=trace_id,
                span_id=(place + 1).to_bytes(8, "big"),
                parent_id=(1).to_bytes(8, "big") if place else b"",
                kind=kind,
                start_ns=began_ns,
                end_ns=began_ns + (2_000 + 300 * variant) * 10**6 // (1 if place == 0 else 10),
                status=status,
                service="shop",
                environment="production" if variant % 3 else "staging",
                release=f"r{variant % 3}",
                tags=(f"team-{variant % 3}",),
                convention="otel",
                **said,
            )
        )
    return spans


def _messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


async def keep_kinds(database: Database, base: datetime) -> None:
    """Keep the traces that all others are copies of, as a shipper and control would."""
    for variant in range(VARIANTS):
        spans = tuple(kind_of_trace(variant, base))
        batch = SpanBatch(project="default", key="k1", received_ms=time.time_ns() // 10**6, spans=spans)
        async with database.transaction() as connection:
            await SpanSink().apply(connection, [Envelope(bytes(16), SPANS, msgspec.msgpack.encode(batch))])
    await SettlingJob(database, quiet_s=0.0, wait_s=0.0).run_once()
    while await WordsJob(database).run_once():
        pass


async def fill(database: Database, spans: int, share: float) -> None:
    """Copy traces until there are so many spans, day by day, the oldest first."""
    base = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=VARIANTS)
    await keep_kinds(database, base)
    traces, began = spans // SPANS_EACH, time.monotonic()
    async with database.connection() as connection:
        await connection.execute(
            "select ensure_partitions(array(select current_date - n from generate_series(0, 30) n))"
        )
        for statement in PREPARE:
            await connection.execute(statement, {"base": base})
        today = datetime.now(UTC).date()
        for back in range(DAYS):
            of_day = range(traces * back // DAYS, traces * (back + 1) // DAYS)
            day = today - timedelta(days=DAYS - 1 - back)
            scope = {"day": day, "today": today, "base": base, "share": share}
            await _copy_day(connection, scope, of_day)
            rate = of_day.stop * SPANS_EACH / (time.monotonic() - began)
            print(f"{day}: {of_day.stop * SPANS_EACH} spans, {rate:.0f} a second", file=sys.stderr)
        await connection.execute("analyze spans, traces, span_words, trace_rollups")


async def _copy_day(connection: Connection, scope: dict[str, Any], of_day: range) -> None:
    for first in of_day[::AT_ONCE]:
        part = {**scope, "first": first, "last": min(first + AT_ONCE, of_day.stop) - 1}
        statements = (COPY_SPANS, COPY_TRACES, COPY_WORDS) if scope["share"] else (COPY_SPANS, COPY_TRACES)
        for statement in statements:
            await connection.execute(statement, part)
    if of_day:
        await connection.execute(COPY_ROLLUPS, {**scope, "first": of_day.start, "last": of_day.stop - 1})


async def _run(server: EmbeddedPostgres, options: argparse.Namespace) -> None:
    await migrate(server.url)
    async with Database(server.url, name="many spans") as database:
        await fill(database, options.spans, options.words)


def main() -> int:
    """Fill the store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--words", type=float, default=0.0)
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    with EmbeddedPostgres(options.data) as server:
        asyncio.run(_run(server, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
