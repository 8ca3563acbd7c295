"""How long the console's lists take over a million requests: `python -m bench.console_lists [REQUESTS]`.

A real Headgate with its own PostgreSQL, filled by SQL with a month (`request_filling.sql`); each question is
one that the console asks, over HTTP. Then Chromium, where there is one, opens pages from nothing. The table
has the first answer, the median, the slowest and the bar.
"""

import shutil
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg
from demo.running import Running, headgate
from playwright.sync_api import sync_playwright

from headgate.core.pages import encode_cursor
from headgate.store.queries import parse

REQUESTS: Final = 1_000_000
DAYS: Final = 30
ROUNDS: Final = 5
BAR_MS: Final = 300
INTERACTIVE_MS: Final = 1000
PROJECTS: Final = ["default", "shop", "rare"]

PAGES: Final = {
    "/": ".u-over",
    "/requests?range=30d": ".hg-row",
    "/requests?range=30d&status=5xx": ".hg-row",
}
"""What is opened, and what is drawn last there: charts or rows."""

_FILE: Final = Path(__file__).with_name("request_filling.sql")


FILTERS: Final[dict[str, dict[str, str]]] = {
    "no filter": {},
    "a project": {"project": "shop"},
    "a key": {"key": "key-7"},
    "a user": {"user": "user-77"},
    "no user": {"user": "-"},
    "no tag": {"tag": "-"},
    "a user that isn't there": {"user": "nobody"},
    "a session": {"session": "session-100000"},
    "a model": {"model": "model-3"},
    "a model that isn't there": {"model": "none"},
    "a model and a user": {"model": "model-3", "user": "user-77"},
    "a target": {"target": "openai/large-2"},
    "a provider that isn't there": {"target": "none"},
    "failures": {"status": "error"},
    "failures of a model": {"status": "5xx", "model": "model-3"},
    "a status that isn't there": {"status": "418"},
    "a code": {"code": "upstream_error"},
    "a code that isn't there": {"code": "none"},
    "a prompt": {"prompt": "app/prompts.py:P3"},
    "a prompt that isn't there": {"prompt": "none"},
    "a release of long ago": {"release": "release-1"},
    "an environment": {"environment": "staging"},
    "an environment that isn't there": {"environment": "none"},
    "a model of an environment": {"model": "model-3", "environment": "staging"},
    "a tag": {"tag": "feature:77"},
    "a tag that isn't there": {"tag": "none"},
    "a tag and a model that never meet": {"tag": "team:1", "model": "model-3", "key": "key-7"},
    "over a minute": {"min_duration_ms": "60000"},
    "longer than any": {"min_duration_ms": "1e9"},
    "an experiment": {"experiment": "smaller"},
    "an arm": {"experiment": "seldom", "arm": "small"},
    "an experiment that isn't there": {"experiment": "none"},
    "shadows": {"shadow": "yes"},
    "shadows of a model": {"shadow": "yes", "model": "model-3"},
    "no shadows": {"shadow": "no"},
}


class Question(msgspec.Struct, frozen=True):
    """A question of the console: its name, route and query."""

    name: str
    path: str
    query: dict[str, str]


def fill(url: str, requests: int) -> None:
    """Write so many requests over the last thirty days, with their sums, and have the planner know them."""
    statements = parse(_FILE.read_text(encoding="utf-8"), _FILE.name)
    each, today = requests // DAYS, datetime.now(UTC).date()
    began = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute("set maintenance_work_mem = '256MB'")
        connection.execute(statements["make_sketches"])
        for number in range(DAYS):
            day = today - timedelta(days=DAYS - number)
            values = {"day": day, "first": number * each, "each": each, "project_ids": PROJECTS}
            for name in ("make_table", "fill_requests", "join_table"):
                statement = (
                    statements[name]
                    .replace("[partition]", f"requests_{day:%Y%m%d}")
                    .replace("[day]", str(day))
                    .replace("[next_day]", str(day + timedelta(days=1)))
                )
                connection.execute(statement.encode(), values if name == "fill_requests" else None)
            for name in ("fill_rollups", "fill_series_sums", "fill_rollup_days", "fill_session_days"):
                connection.execute(statements[name], values)
            took = time.monotonic() - began
            left = took / (number + 1) * (DAYS - number - 1)
            print(f"day {number + 1} of {DAYS}: {took:.0f} s, about {left:.0f} s to go", file=sys.stderr)
        for table in ("requests", "rollups", "series_sums", "rollup_days", "session_days"):
            connection.execute(f"vacuum (analyze) {table}".encode())
            print(f"{table} vacuumed after {time.monotonic() - began:.0f} s", file=sys.stderr)


def questions(url: str) -> Iterator[Question]:
    """What is asked."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select id, trace_id, response_id from requests where day = current_date - 15 "
            "and project = any(%s) order by id limit 1",
            (PROJECTS,),
        ).fetchone()
    assert row is not None
    middle, trace, response = row
    begin = (datetime.now(UTC) - timedelta(days=DAYS + 1)).isoformat()
    month = {"from": begin, "limit": "100"}
    filters = {
        **FILTERS,
        "in the midst": {"next": encode_cursor(str(middle))},
        "a model in the midst": {"model": "model-3", "next": encode_cursor(str(middle))},
        "a trace": {"trace_id": str(trace)},
        "an answer's id": {"response_id": str(response)},
    }
    for name, query in filters.items():
        yield Question(f"list: {name}", "/requests", {**month, **query})
    yield from sums(begin)


def sums(begin: str) -> Iterator[Question]:
    """What is asked of sums, and what is counted where there are none."""
    for group in (
        "model",
        "target",
        "provider",
        "prompt",
        "release",
        "environment",
        "key",
        "user",
        "tag",
        "session",
    ):
        yield Question(f"facet: {group}", "/costs", {"group_by": group, "from": begin, "limit": "100"})
    opened = {"facet": "status,code,model,target,prompt,environment", "from": begin}
    few = ("a code", "over a minute", "a tag and a model that never meet", "a status that isn't there")
    many = (
        "no filter",
        "a model",
        "a key",
        "an environment",
        "a model of an environment",
        "failures of a model",
    )
    for name in (*many, "a user", *few):
        yield Question(f"facets: {name}", "/requests/facets", {**opened, **FILTERS[name]})
    yield Question("facets: no filter, all of them", "/requests/facets", {"from": begin})
    for name, days in (("30 days", 30.0), ("a day", 1.0), ("an hour", 1 / 24)):
        # The newest made-up request is of the end of yesterday.
        end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        times = {"from": (end - timedelta(days=days)).isoformat(), "to": end.isoformat()}
        yield Question(f"histogram: {name}", "/series", {**times, "latencies": "no"})
        yield Question(f"charts of the overview: {name}", "/series", times)
        yield Question(f"latencies by model: {name}", "/series", {**times, "group_by": "model"})
        by_user = {**times, "group_by": "user"}
        yield Question(f"charts by user: {name}", "/series", by_user)
        kinds = {**by_user, "failing_groups": "yes"}
        yield Question(f"charts by user, and errors by kind: {name}", "/series", kinds)
        yield Question(f"errors by kind and model: {name}", "/series", {**kinds, "group_by": "model"})
        staging = {**times, "environment": "staging"}
        yield Question(f"charts of an environment: {name}", "/series", staging)
        yield Question(f"those by model: {name}", "/series", {**staging, "group_by": "model"})
    yield Question(
        "charts of a model and a key", "/series", {"from": begin, "model": "model-3", "key": "key-3"}
    )
    both = {"from": begin, "model": "model-3", "key": "key-3", "latencies": "no"}
    yield Question("histogram of a model and a key: 30 days", "/series", both)
    yield Question("projects of all time", "/costs", {"group_by": "project"})
    for name in (
        "no filter",
        "a user",
        "a tag",
        "an environment",
        "over a minute",
        "a status that isn't there",
    ):
        yield Question(f"counts: {name}", "/requests/counts", {"from": begin, **FILTERS[name]})


def measured(running: Running, question: Question) -> tuple[str, bool]:
    """Ask, and return a line of the table and whether the bar holds."""
    times: list[float] = []
    size = 0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = running.api.get(question.path, params=question.query)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.text
        size = len(answer.json().get("items", ()))
    median = statistics.median(times)
    holds = median < BAR_MS
    numbers = f"{size} | {times[0]:.0f} | {median:.0f} | {max(times):.0f} | {BAR_MS}"
    return f"| {question.name} | {numbers} | {'yes' if holds else 'NO'} |", holds


def interactive(running: Running) -> Iterator[tuple[str, bool]]:
    """Open pages in a browser that has nothing yet, and wait for the rows or charts that they are for."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no Chromium: pages were not opened", file=sys.stderr)
        return
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for path, shown in PAGES.items():
            times: list[float] = []
            for _ in range(ROUNDS):
                context = browser.new_context(viewport={"width": 1440, "height": 900})
                body: Any = {"key": running.admin_key}
                context.request.post(
                    f"{running.url}/api/v1/sign-in", data=body, headers={"x-headgate-console": "1"}
                )
                page = context.new_page()
                page.goto(running.url + path, wait_until="commit")
                page.locator(shown).nth(3).wait_for()
                times.append(float(page.evaluate("performance.now()")))
                context.close()
            median = statistics.median(times)
            holds = median <= INTERACTIVE_MS
            numbers = f"| {times[0]:.0f} | {median:.0f} | {max(times):.0f} | {INTERACTIVE_MS}"
            yield f"| opened: {path} | {numbers} | {'yes' if holds else 'NO'} |", holds
        browser.close()


def main(arguments: list[str]) -> int:
    """Fill, ask, and print the table."""
    requests = int(arguments[0]) if arguments else REQUESTS
    with headgate() as running:
        began = time.monotonic()
        fill(running.database_url(), requests)
        print(f"{requests:,} requests written in {time.monotonic() - began:.0f} s", file=sys.stderr)
        print("| Question | rows | first, ms | median, ms | slowest, ms | bar, ms | holds |")
        print("|---|---:|---:|---:|---:|---:|---|")
        held = True
        for question in questions(running.database_url()):
            line, holds = measured(running, question)
            held &= holds
            print(line, flush=True)
        for line, holds in interactive(running):
            held &= holds
            print(line, flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
