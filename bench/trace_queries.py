"""How long questions about traces take in a full database: `python -m bench.trace_queries URL [SPANS]`.

With a number of spans the database is filled first (`bench.trace_filling`): it has to be empty and migrated.
Each question is asked several times; the table has the first answer, the median and the bar.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from bench.trace_filling import BEGINS, DAYS, fill
from headgate.store.database import Connection, Database
from headgate.traces.reading.counting import count_traces
from headgate.traces.reading.facets import count_facets
from headgate.traces.reading.listing import list_traces
from headgate.traces.reading.model import TraceFilters
from headgate.traces.reading.opening import open_trace
from headgate.traces.reading.searching import TextQuestion, search_text
from headgate.traces.reading.series import trace_series
from headgate.traces.reading.sessions import list_sessions, open_session

ROUNDS: Final = 7

Ask = Callable[[Connection], Awaitable[object]]


class Question(msgspec.Struct, frozen=True):
    """A question, and in how many milliseconds it has to be answered."""

    name: str
    bar_ms: int
    ask: Ask


def listing(title: str, /, sort: Any = "newest", **filters: Any) -> Question:
    """Return a list of traces as a question."""
    return Question(
        f"list: {title}",
        300,
        lambda connection: list_traces(connection, None, TraceFilters(**filters), sort=sort),
    )


def counting(title: str, **filters: Any) -> Question:
    """Return the chart over a list of traces as a question."""
    month = {"begin": datetime(BEGINS.year, BEGINS.month, BEGINS.day, tzinfo=UTC)}
    month["end"] = month["begin"] + timedelta(days=DAYS)
    return Question(
        f"chart: {title}",
        300,
        lambda connection: count_traces(connection, None, TraceFilters(**filters), **month),
    )


def searching(name: str, text: str) -> Question:
    """Return a search as a question."""
    question = TextQuestion(text=text, project_ids=["default"])
    return Question(f"text: {name}", 2000, lambda connection: search_text(connection, question))


def questions(trace: str, session: str) -> list[Question]:
    """Return all that is asked."""
    begins = datetime(BEGINS.year, BEGINS.month, BEGINS.day, tzinfo=UTC)
    day = begins + timedelta(days=DAYS // 2)
    none = TraceFilters(model="none")
    return [
        Question("open a trace of 10 spans", 100, lambda connection: open_trace(connection, None, trace)),
        listing("no filter"),
        listing("one model", model="model-3"),
        listing("a model that isn't there", model="none"),
        listing("a model and a tool", model="model-3", tool="tool-5"),
        listing("a model and a tag that never meet", model="model-3", tag="t4"),
        listing("a model and a user that never meet", model="model-3", user="u4"),
        listing("a user", user="u77"),
        listing("a user that isn't there", user="none"),
        listing("a session", session=session),
        listing("a name that isn't there", name="none"),
        listing("errors of a service", status="error", service="service-2"),
        listing("one day in the midst", begin=day, end=day + timedelta(days=1)),
        listing("a release of long ago", release="r1"),
        listing("slowest", sort="slowest"),
        listing("slowest of a model", sort="slowest", model="model-3"),
        listing("slowest of one day", sort="slowest", begin=day, end=day + timedelta(days=1)),
        listing("dearest", sort="dearest"),
        listing("dearest of a tag", sort="dearest", tag="t77"),
        listing("longer than any", min_duration_ms=1e9),
        listing("with a common word and a model", text="w0", model="model-3"),
        Question("facets: no filter", 300, lambda each: count_facets(each, None, TraceFilters())),
        Question("facets: none", 300, lambda each: count_facets(each, None, none)),
        counting("no filter"),
        counting("one model", model="model-3"),
        counting("a model that isn't there", model="none"),
        counting("a model and a tool", model="model-3", tool="tool-5"),
        counting("a user", user="u77"),
        counting("failures", status="error"),
        counting("longer than any", min_duration_ms=1e9),
        Question("30 days by hour", 300, lambda each: trace_series(each, None, interval="hour")),
        Question(
            "30 days by model and day",
            300,
            lambda each: trace_series(each, None, interval="day", group_by="model"),
        ),
        Question("30 days by name", 300, lambda each: trace_series(each, None, group_by="name")),
        Question("sessions", 300, lambda each: list_sessions(each, None, TraceFilters())),
        Question("a session", 300, lambda each: open_session(each, None, TraceFilters(session=session))),
        searching("a common word", "w0"),
        searching("two words", "w7 w40"),
        searching("a rare word", "w49990"),
        searching("a word that isn't there", "absent"),
        searching("a phrase that isn't there", '"w0 w1 w2 w3"'),
    ]


async def measured(database: Database, question: Question) -> str:
    """Ask, and return a line of the table."""
    times: list[float] = []
    async with database.connection() as connection:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await question.ask(connection)
            times.append((time.perf_counter() - began) * 1000)
    median = statistics.median(times)
    verdict = "yes" if median < question.bar_ms else "NO"
    return f"| {question.name} | {times[0]:.0f} | {median:.0f} | {question.bar_ms} | {verdict} |"


async def run(url: str) -> None:
    """Ask everything, and print the table."""
    async with Database(url, name="bench") as database:
        async with database.connection() as connection:
            page = await list_traces(connection, None, TraceFilters(), limit=100)
        some = page.items[-1]
        print("| Question | first, ms | median, ms | bar, ms | holds |\n|---|---:|---:|---:|---|")
        for question in questions(some.trace_id, some.session or ""):
            print(await measured(database, question), flush=True)


def main(arguments: list[str]) -> None:
    """Fill where that is asked for, then measure."""
    url, *spans = arguments
    if spans:
        fill(url, int(spans[0]))
    asyncio.run(run(url))


if __name__ == "__main__":
    main(sys.argv[1:])
