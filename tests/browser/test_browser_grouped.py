"""The overview by user, model and the like: charts and tables are those of the API and the records."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Opener
from tests.browser.console_house import House
from tests.browser.shown_numbers import counted, duration, every_unlinked, highest
from tests.browser.test_browser_counted import address, by_step, hours

TIMES = {"hours": hours(3), "days": hours(24 * 4)}


def legend(page: Page, region: str, name: str) -> Any:
    """The entry of a group beneath a chart."""
    entries = page.get_by_role("region", name=region, exact=True).get_by_role("listitem")
    return entries.filter(has=page.get_by_text(name, exact=True))


@pytest.mark.parametrize("length", TIMES)
def test_users_have_charts_over_time_as_any_other_group(house: House, looking: Opener, length: str) -> None:
    time = TIMES[length]
    series: Any = house.running.get("/series", group_by="user", **time)
    assert series["step_s"] == {"hours": 900, "days": 86_400}[length]
    records = house.running.requests(**{"from": series["begin"], "to": series["end"]})
    looker = looking()
    page = looker.open(address("/", {"by": "user", **time}))
    page.get_by_role("table", name="users").wait_for()
    largest = [group for group in series["groups"] if group["name"]][:3]
    assert len(largest) == 3
    for group in largest:
        name = group["name"]
        rows = [row for row in records if row["user"] == name]
        failed = [row for row in rows if row["status"] >= 400]
        assert len(rows) == group["calls"]
        link = legend(page, "Calls", name).get_by_role("link")
        expect(link).to_have_text(f"{len(rows):,}")
        assert counted(house, link.get_attribute("href")) == len(rows)
        chart = page.get_by_role("img", name=re.compile("^Calls"))
        expect(chart).to_have_attribute("aria-label", highest(name, by_step(rows, series["at"])))
        if failed:
            link = legend(page, "Errors", name).get_by_role("link")
            expect(link).to_have_text(f"{len(failed):,}")
            assert counted(house, link.get_attribute("href")) == len(failed)
        latest = next(each for each in reversed(group["duration_p95_ms"]) if each is not None)
        expect(legend(page, "Latency", name).get_by_role("link")).to_have_text(duration(latest))
    assert every_unlinked(page) == []
    looker.shoot(f"overview-by-user-{length}")
    assert looker.violations() == []
    looker.check()


def test_the_dearest_users_lead_to_their_calls(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open(address("/", {"by": "user", **hours(3)}))
    row = page.get_by_role("table", name="users").get_by_role("row").filter(has_text="chloe")
    row.wait_for()
    calls, cost = row.get_by_role("link").all()
    shown = int(calls.inner_text().replace(",", ""))
    assert shown == counted(house, calls.get_attribute("href") or "") > 0
    assert cost.get_attribute("href") == calls.get_attribute("href")
    looker.check()


def test_a_latency_is_chosen_and_stays_in_the_address(house: House, looking: Opener) -> None:
    time = hours(3)
    series: Any = house.running.get("/series", group_by="model", **time)
    looker = looking()
    page = looker.open(address("/", {"by": "model", **time}))
    chosen = page.get_by_role("combobox", name="which latency")
    expect(chosen).to_have_value("p95")
    group = next(each for each in series["groups"] if each["name"] == "assistant")
    for value, field in (
        ("p50", "duration_p50_ms"),
        ("p99", "duration_p99_ms"),
        ("first_p50", "first_token_p50_ms"),
        ("first_p95", "first_token_p95_ms"),
    ):
        chosen.select_option(value)
        latest = next(each for each in reversed(group[field]) if each is not None)
        expect(legend(page, "Latency", "assistant").get_by_role("link")).to_have_text(duration(latest))
        page.wait_for_url(f"**latency={value}**")
    page.reload()
    expect(page.get_by_role("combobox", name="which latency")).to_have_value("first_p95")
    looker.shoot("overview-first-token-by-model")
    looker.check()


@pytest.mark.parametrize("by", ["model", "user", "release"])
def test_errors_by_kind_stay_when_they_are_grouped(house: House, looking: Opener, by: str) -> None:
    time = hours(3)
    series: Any = house.running.get("/series", group_by=by, failing_groups="yes", **time)
    assert series["failures"]
    looker = looking()
    page = looker.open(address("/", {"by": by, **time}))
    table = page.get_by_role("table", name="errors by kind")
    for line in series["failures"]:
        assert sum(line["by_group"]) == line["calls"]
        row = table.get_by_role("row").filter(
            has=page.get_by_role("rowheader", name=line["code"], exact=True)
        )
        cells = row.get_by_role("cell")
        expect(cells).to_have_text([f"{each:,}" for each in (line["calls"], *line["by_group"])])
        for cell, calls in zip(cells.all()[1:], line["by_group"], strict=True):
            if calls:
                assert counted(house, cell.get_by_role("link").get_attribute("href") or "") == calls
    looker.shoot(f"overview-kinds-by-{by}")
    assert looker.violations() == []
    looker.check()


def test_each_session_leads_to_its_page_and_its_number_to_its_calls(house: House, looking: Opener) -> None:
    headers = {"x-headgate-session": "desk-1"}
    for place in range(3):
        assert house.call(f"desk-{place}", "assistant", "Hello", headers=headers).status_code == 200
    assert len(house.running.wait_for_requests(3, session="desk-1")) == 3
    looker = looking()
    page = looker.open(address("/spend", {"by": "session", **hours(3)}))
    table = page.get_by_role("table", name="cost by session")
    row = table.get_by_role("row").filter(has=page.get_by_role("link", name="desk-1", exact=True))
    link = row.get_by_role("link", name="3", exact=True)
    assert counted(house, link.get_attribute("href") or "") == 3
    none = table.get_by_role("row").filter(has=page.get_by_role("link", name="none", exact=True)).first
    shown = none.get_by_role("cell").nth(4).get_by_role("link")
    assert counted(house, shown.get_attribute("href") or "") == int(shown.inner_text().replace(",", ""))
    looker.shoot("spend-by-session")
    assert looker.violations() == []
    row.get_by_role("link", name="desk-1", exact=True).click()
    page.get_by_role("heading", name="desk-1").wait_for()
    looker.check()
