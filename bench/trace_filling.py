"""Fills a database with a month of made-up traces, by SQL alone: what `bench.trace_queries` asks.

Read next: `bench/trace_filling.sql`.
"""

import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from headgate.store.queries import parse

DAYS: Final = 30
SPANS_EACH: Final = 10
BEGINS: Final = datetime(2026, 10, 23, tzinfo=UTC).date()

_FILE: Final = Path(__file__).with_suffix(".sql")
_INDEX: Final = "span_words_words"


def fill(url: str, spans: int) -> None:
    """Write so many spans, with their traces, words and sums, and have the planner know them."""
    statements = parse(_FILE.read_text(encoding="utf-8"), _FILE.name)
    traces = spans // SPANS_EACH // DAYS
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute(f"drop index {_INDEX}".encode())
        for number in range(DAYS):
            day, began = BEGINS + timedelta(days=number), time.monotonic()
            connection.execute("select ensure_partitions(array[%s::date])", (day,))
            values = {"day": day, "first": number * traces, "traces": traces}
            for name in ("fill_spans", "fill_traces", "fill_words", "fill_rollups", "fill_rollup_days"):
                connection.execute(statements[name], values)
            print(f"{day}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
        connection.execute(f"create index {_INDEX} on span_words using gin (words)".encode())
        connection.execute("vacuum analyze")
