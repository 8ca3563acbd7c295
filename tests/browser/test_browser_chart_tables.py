"""Charts for who can't see them: each says in words what it shows, and has its numbers as a table."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import Looker, Opener
from tests.browser.console_house import House
from tests.browser.house_experiments import experiment
from tests.browser.test_browser_use import fixed

PAGES = {
    "overview": ("/?", ["Calls by status", "Spend in dollars", "Latency", "Errors by kind"]),
    "overview-models": ("/?by=model&", ["Calls", "Spend in dollars", "Latency, p95", "Errors"]),
    "requests": ("/requests?", ["Calls"]),
    "traces": ("/traces?", ["Traces"]),
    "spend": ("/spend?by=model&", ["Cost in dollars"]),
}


def opened(page: Page, title: str) -> Locator:
    """Open a chart's table as one does without a mouse."""
    button = page.get_by_role("button", name=f"{title}, as a table", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    table = page.get_by_role("table", name=title, exact=True)
    table.wait_for()
    return table


def exact(table: Locator) -> list[list[float | None]]:
    """The numbers of the table's rows, those without one as None."""
    return table.evaluate(
        "table => [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll('td.hg-number')]"
        ".map((cell) => cell.querySelector('data')).map((data) => data ? Number(data.value) : null))"
    )


def closed(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def axed(looker: Looker) -> None:
    assert looker.violations() == []


@pytest.mark.parametrize("name", PAGES)
def test_each_chart_has_its_numbers_as_a_table(house: House, looking: Opener, name: str) -> None:
    path, titles = PAGES[name]
    looker = looking()
    page = looker.settled(f"{path}{fixed(house)}", "")
    for title in titles:
        said = page.get_by_role("img", name=re.compile(rf"^{re.escape(title)}, from .* in \d+ steps\."))
        words = said.get_attribute("aria-label") or ""
        steps = int(words.partition(" steps")[0].rpartition(" ")[2])
        table = opened(page, title)
        rows = exact(table)
        assert len(rows) == steps
        assert any(value for row in rows for value in row), "there is something to tell"
        if title == titles[0]:
            looker.shoot(f"chart-table-{name}")
            axed(looker)
        page.keyboard.press("Escape")
        expect(table).to_have_count(0)
        # One goes on where one was, a moment later.
        expect(page.get_by_role("button", name=f"{title}, as a table", exact=True)).to_be_focused()
    charts = page.locator("main .hg-plot")
    assert charts.count() >= len(titles)
    expect(page.get_by_role("button", name=", as a table")).to_have_count(charts.count())
    looker.check()


def test_the_numbers_are_those_of_the_chart(house: House, looking: Opener) -> None:
    looker = looking()
    times = fixed(house)
    page = looker.settled(f"/?{times}", "What stands out")
    asked = dict(part.split("=") for part in times.split("&"))
    series: Any = house.running.get("/series", **asked)
    group = series["groups"][0]
    rows = exact(opened(page, "Calls by status"))
    assert [list(row) for row in zip(*rows, strict=True)] == [
        group["ok"],
        group["client_errors"],
        group["server_errors"],
    ]
    foot = page.get_by_role("row", name="all together")
    expect(foot).to_contain_text(f"{sum(group['ok']):,}")
    closed(page)
    rows = exact(opened(page, "Spend in dollars"))
    assert [row[0] for row in rows] == [float(each) for each in group["cost_usd"]]
    closed(page)
    p99 = [row[2] for row in exact(opened(page, "Latency"))]
    assert p99 == group["duration_p99_ms"]
    # What changed stands beside its step.
    expect(page.get_by_role("columnheader", name="What changed")).to_be_visible()
    looker.check()


def test_a_step_of_the_table_chooses_its_time(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled(f"/requests?{fixed(house)}", "does not follow")
    table = opened(page, "Calls")
    rows = exact(table)
    place = max(range(len(rows) - 1), key=lambda each: sum(value or 0 for value in rows[each]))
    button = table.get_by_role("row").nth(1 + place).get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    expect(table).to_have_count(0)
    page.wait_for_function("before => location.search !== before", arg=f"?{fixed(house)}")
    listed = page.get_by_role("table", name="requests")
    count = int(sum(value or 0 for value in rows[place]))
    expect(listed).to_have_attribute("aria-rowcount", str(count + 1))
    looker.check()


def test_an_interval_that_closes_in_has_its_table(house: House, looking: Opener) -> None:
    experiment(house)
    looker = looking()
    page = looker.settled("/experiments/smaller", "Watched to the end")
    button = page.get_by_role("button", name=", as a table").first
    button.press("Enter")
    table = page.get_by_role("dialog").get_by_role("table")
    for title in ("from", "most likely", "to"):
        table.get_by_role("columnheader", name=title, exact=True).wait_for()
    known = [[each for each in row[:3] if each is not None] for row in exact(table)]
    known = [row for row in known if len(row) == 3]
    assert known
    assert all(row == sorted(row) for row in known), "an interval is about its value"
    axed(looker)
    looker.shoot("chart-table-experiment")
    looker.check()
