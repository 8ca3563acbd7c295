"""The chart over a list counts what the list lists, by any filter; an empty list says which leave nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Opener
from tests.browser.console_house import House
from tests.browser.shown_numbers import highest


def hours(before: int, after: int = 0) -> dict[str, str]:
    """A time that stands still, from so many hours ago to so many ahead."""
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    ends = (now - timedelta(hours=before), now + timedelta(hours=1 + after))
    return {"from": ends[0].isoformat(), "to": ends[1].isoformat()}


def address(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}"


def by_step(rows: list[Any], at: list[str]) -> list[int]:
    """How many rows began in each step."""
    counts = dict.fromkeys(at, 0)
    for row in rows:
        counts[max(each for each in at if each <= row["started_at"])] += 1
    return list(counts.values())


CALLS = {
    "none": {},
    "model": {"model": "writer"},
    "environment": {"environment": "production"},
    "status": {"status": "4xx"},
    "code-and-key": {"code": "rate_limited", "key": "k-web"},
    "model-and-user": {"model": "assistant", "user": "chloe"},
}


@pytest.mark.parametrize("name", CALLS)
def test_the_chart_over_requests_counts_those_of_the_list(house: House, looking: Opener, name: str) -> None:
    query = {**hours(1), **CALLS[name]}
    listed: list[Any] = house.running.requests(**query)
    at: list[str] = house.running.get("/requests/counts", **query)["at"]
    looker = looking()
    page = looker.open(address("/requests", query))
    chart = page.get_by_role("img", name="Calls, from")
    for line, least, most in (("answered", 100, 399), ("4xx", 400, 499), ("5xx", 500, 599)):
        rows = [row for row in listed if least <= row["status"] <= most]
        if rows or "status" not in query:
            expect(chart).to_have_attribute("aria-label", highest(line, by_step(rows, at)))
    assert (len(listed) > 0) == (name != "environment")
    looker.check()


TRACES = {
    "none": {},
    "tool": {"tool": "weather"},
    "environment": {"environment": "production"},
    "user": {"user": "chloe"},
    "status": {"status": "error"},
    "text": {"text": "lease"},
    "name-and-status": {"name": "book a journey", "status": "error"},
}


@pytest.mark.parametrize("name", TRACES)
def test_the_chart_over_traces_counts_those_of_the_list(house: House, looking: Opener, name: str) -> None:
    query = {**hours(3), **TRACES[name]}
    listed: list[Any] = house.running.get("/traces", **query, limit=500)["items"]
    counts: Any = house.running.get("/traces/counts", **query)
    assert counts["counted_from"] is None
    assert counts["traces"] == by_step(listed, counts["at"])
    assert (len(listed) > 0) == (name not in ("tool", "environment"))
    looker = looking()
    page = looker.open(address("/traces", query))
    chart = page.get_by_role("img", name="Traces, from")
    expect(chart).to_have_attribute("aria-label", highest("traces", counts["traces"]))
    assert f"in {len(counts['at'])} steps" in str(chart.get_attribute("aria-label"))
    if listed:
        expect(page.get_by_role("table", name="traces").get_by_role("row").nth(1)).to_be_visible()
    looker.check()


@pytest.mark.parametrize("path", ["/traces", "/requests"])
def test_filters_that_leave_nothing_are_named_and_taken_away(
    house: House, looking: Opener, path: str
) -> None:
    nothing = {**hours(3), "environment": "production", "user": "nobody"}
    looker = looking()
    page = looker.open(address(path, nothing))
    said = page.locator(".hg-empty")
    expect(said).to_contain_text("In this time none has Environment: production and User: nobody.")
    expect(page.locator("main")).not_to_contain_text("OTEL_EXPORTER")
    looker.shoot(f"nothing-matches-{path.strip('/')}")
    assert looker.violations() == []
    said.get_by_role("button", name="Take the filters away").click()
    page.get_by_role("table", name=path.strip("/")).wait_for()
    assert "environment" not in page.url
    assert "user=" not in page.url
    looker.check()
