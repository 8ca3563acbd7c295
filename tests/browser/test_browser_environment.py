"""The filter by environment holds on overview, spend and lists: each number is the API's and the records'."""

import random
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Opener
from tests.browser.console_house import House, id_at
from tests.browser.shown_numbers import every_unlinked, highest
from tests.browser.test_browser_counted import address, by_step, hours
from tests.browser.written_calls import write_calls
from tests.contract.made_entries import make_end

from headgate.core.call import Usage
from headgate.core.entries import End
from headgate.records.sink import RecordSink

HOUR_MS = 3_600_000
STAGING = {"environment": "staging"}
TARGETS = ("mock/small", "mock/large", "other/large", "")


def _calls() -> Iterator[End]:
    """Calls of two environments, before the hours that other pages look at."""
    source = random.Random(5)
    now_ms = int(time.time() * 1000)
    for number in range(240):
        started = now_ms - 6 * HOUR_MS - int(source.random() * 24 * HOUR_MS)
        status = (200, 200, 200, 429, 502)[number % 5]
        yield make_end(
            id_at(started, source),
            started_ms=started,
            duration_ms=source.randint(40, 4000),
            first_token_ms=source.randint(5, 40),
            key="k-web",
            model=("assistant", "writer")[number % 2],
            target=TARGETS[number % 4] if status == 200 else "",
            status=status,
            code={200: "", 429: "rate_limited", 502: "provider_error"}[status],
            environment=("staging", "staging", "qa")[number % 3],
            cost_pico_usd=source.randint(10**8, 10**10),
            usage=Usage(input=source.randint(10, 900), output=source.randint(5, 90)),
            trace_id="",
        )


@pytest.fixture(scope="module")
def staged(house: House) -> House:
    """The house, with calls of environments."""
    write_calls(house.running, list(_calls()), RecordSink())
    return house


@pytest.fixture
def query() -> dict[str, str]:
    return hours(40, -5)


def number_of(text: str) -> int:
    return int(text.replace(",", ""))


def test_the_overview_is_that_of_the_environment(
    staged: House, looking: Opener, query: dict[str, str]
) -> None:
    records = staged.running.requests(**query, **STAGING)
    at: list[str] = staged.running.get("/series", **query, **STAGING)["at"]
    looker = looking()
    page = looker.open(address("/", query | STAGING))
    calls = page.get_by_role("region", name="Calls")
    expect(calls.get_by_role("link").first).to_have_text(f"{len(records):,}")
    for line, least, most in (("answered", 100, 399), ("4xx", 400, 499), ("5xx", 500, 599)):
        rows = [row for row in records if least <= row["status"] <= most]
        assert rows
        chart = calls.get_by_role("img", name="Calls by status")
        expect(chart).to_have_attribute("aria-label", highest(line, by_step(rows, at)))
        legend = calls.get_by_role("listitem").filter(has=page.get_by_text(line, exact=True))
        expect(legend.get_by_role("link")).to_have_text(f"{len(rows):,}")
    expect(page.get_by_role("region", name="what stands out")).to_contain_text("of calls fail with")
    expect(page.get_by_role("region", name="Spend")).to_contain_text("Budgets count all environments.")
    expect(page.locator(".hg-waiting")).to_have_count(0)
    assert every_unlinked(page) == []
    assert looker.violations() == []
    looker.shoot("environment-overview")
    errors = page.get_by_role("region", name="Errors")
    failed = [row for row in records if row["status"] == 502]
    row = errors.get_by_role("listitem").filter(has_text="provider_error")
    expect(row.get_by_role("link")).to_have_text(f"{len(failed):,}")
    row.get_by_role("link").click()
    page.get_by_role("table", name="requests").wait_for()
    assert "environment=staging" in page.url and "code=provider_error" in page.url
    looker.check()


def test_the_overview_is_told_apart_by_environment(
    staged: House, looking: Opener, query: dict[str, str]
) -> None:
    looker = looking()
    page = looker.open(address("/", query | {"by": "environment"}))
    calls = page.get_by_role("region", name="Calls")
    for title, environment in (("staging", "staging"), ("qa", "qa"), ("none", "-")):
        wanted = len(staged.running.requests(**query, environment=environment))
        row = calls.get_by_role("listitem").filter(has=page.get_by_text(title, exact=True))
        expect(row.get_by_role("link")).to_have_text(f"{wanted:,}")
        assert wanted > 0
    looker.shoot("environment-by")
    looker.check()


def costs_of(staged: House, query: dict[str, str], name: str) -> dict[str, tuple[int, Decimal]]:
    rows: list[Any] = staged.running.get("/costs", group_by=name, **query)["items"]
    return {row[name]: (row["requests"], Decimal(row["cost_usd"] or 0)) for row in rows}


def rows_of(page: Page, name: str) -> dict[str, int]:
    table = page.get_by_role("table", name=f"cost by {name}")
    table.wait_for()
    rows = table.get_by_role("row").all()[1:]
    cells = [row.get_by_role("cell").all_inner_texts() for row in rows]
    return {each[0].strip(): number_of(each[3]) for each in cells}


def test_spend_is_by_environment_and_by_provider(
    staged: House, looking: Opener, query: dict[str, str]
) -> None:
    looker = looking()
    page = looker.open(address("/spend", query | {"by": "environment"}))
    expected = costs_of(staged, query, "environment")
    assert {"staging", "qa", ""} <= expected.keys()
    assert rows_of(page, "environment") == {name or "none": calls for name, (calls, _) in expected.items()}
    for name, (calls, cost) in expected.items():
        records = staged.running.requests(**query, environment=name or "-")
        assert (len(records), sum(Decimal(each["cost_usd"] or 0) for each in records)) == (calls, cost)
    looker.shoot("environment-spend")
    page.get_by_role("table", name="cost by environment").get_by_role("button", name="staging").click()
    page.get_by_role("table", name="cost by model").wait_for()
    assert "environment=staging" in page.url
    expect(page.get_by_role("region", name="budgets")).to_contain_text("A budget is of no environment")
    expect(page.get_by_role("group", name="cost by").get_by_role("button", name="User")).to_have_count(0)
    page.get_by_role("group", name="cost by").get_by_role("button", name="Provider").click()
    shown = rows_of(page, "provider")
    assert shown == {
        name or "none": calls for name, (calls, _) in costs_of(staged, query | STAGING, "provider").items()
    }
    assert {"mock", "other", "none"} == shown.keys()
    expect(page.locator(".hg-waiting")).to_have_count(0)
    assert every_unlinked(page) == []
    assert looker.violations() == []
    looker.shoot("environment-spend-provider")
    table = page.get_by_role("table", name="cost by provider")
    table.get_by_role("button", name="Calls").click()
    head = table.get_by_role("columnheader", name="Calls")
    expect(head).to_have_attribute("aria-sort", "descending")
    assert list(rows_of(page, "provider").values()) == sorted(shown.values(), reverse=True)
    table.get_by_role("button", name="mock").click()
    page.get_by_role("button", name="close provider mock").wait_for()
    page.get_by_role("group", name="cost by").get_by_role("button", name="Target").click()
    targets = rows_of(page, "target")
    assert targets.keys() == {"mock/small", "mock/large"} and sum(targets.values()) == shown["mock"]
    row = page.get_by_role("table", name="cost by target").get_by_role("row").filter(has_text="mock/large")
    row.get_by_role("cell").nth(3).get_by_role("link").click()
    page.get_by_role("table", name="requests").wait_for()
    assert len(staged.running.requests(**query, **STAGING, target="mock/large")) == targets["mock/large"]
    for part in ("environment=staging", "target=mock%2Flarge"):
        assert part in page.url
    looker.check()


def test_the_list_has_its_environments_as_a_facet(
    staged: House, looking: Opener, query: dict[str, str]
) -> None:
    looker = looking()
    page = looker.open(address("/requests", query | {"model": "writer"}))
    page.get_by_role("complementary", name="filters").get_by_role("button", name="Environment").click()
    facet = page.get_by_role("region", name="Environment")
    listed = staged.running.requests(**query, **STAGING, model="writer")
    at: list[str] = staged.running.get("/series", **query)["at"]
    value = facet.get_by_role("button").filter(has_text="staging")
    expect(value).to_contain_text(str(len(listed)))
    value.click()
    expect(page.get_by_role("button", name="environment: staging")).to_be_visible()
    chart = page.get_by_role("img", name="Calls, from")
    answered = [row for row in listed if row["status"] < 400]
    expect(chart).to_have_attribute("aria-label", highest("answered", by_step(answered, at)))
    looker.shoot("environment-requests")
    looker.check()


@pytest.mark.parametrize("path", ["/", "/spend"])
@pytest.mark.parametrize("look", ["dark", "narrow"])
def test_it_says_so_in_the_dark_and_in_a_narrow_window(
    staged: House, looking: Opener, query: dict[str, str], path: str, look: str
) -> None:
    looker = looking(dark=look == "dark", width=1024 if look == "narrow" else 1440)
    page = looker.open(address(path, query | STAGING))
    said = "Budgets count all environments." if path == "/" else "A budget is of no environment"
    page.get_by_text(said).wait_for()
    expect(page.locator(".hg-waiting")).to_have_count(0)
    assert looker.violations() == []
    assert looker.beyond() == []
    looker.shoot(f"environment-{path.strip('/') or 'overview'}-{look}")
    looker.check()
