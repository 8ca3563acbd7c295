"""Spend in the console: charts of budgets say what the API says, and lead to the calls behind it."""

import time
from typing import Any

from playwright.sync_api import expect
from tests.browser.conftest import Opener
from tests.browser.console_house import House


def test_a_budget_says_where_it_leads(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/spend?live=off")
    forecast: Any = house.running.get("/forecasts", budget="openai-prepaid")["items"][0]
    assert forecast["past_days"] >= 19
    assert [len(each["usd"]) for each in forecast["quantiles"]] == [
        len(forecast["at"]) - forecast["ahead_from"]
    ] * 5
    course = page.get_by_role("region", name="the course of openai-prepaid (provider=mock)")
    course.get_by_text(f"runs out on {forecast['runs_out']['at'][:10]}").wait_for()
    course.get_by_text(f"from {forecast['past_days']} days").wait_for()
    course.get_by_role("link").first.click()
    page.wait_for_url("**/requests?**target=mock**")
    page.get_by_role("table", name="requests").wait_for()
    assert "range=90d" in page.url, "it has no begin"
    page.go_back()
    row = page.get_by_role("region", name="budgets").get_by_role("row").filter(has_text="everything")
    row.get_by_role("link").click()
    page.wait_for_url("**/requests?**from=**")
    looker.check()


def test_the_moment_when_another_target_took_over_is_marked(house: House, looking: Opener) -> None:
    looker = looking()
    forecast: Any = house.running.get("/forecasts", budget="large-prepaid")["items"][0]
    record: Any = house.running.get(f"/requests/{house.ids['fallen-back']}")
    assert forecast["fallback_at"] == record["started_at"]
    page = looker.open("/spend?live=off")
    course = page.get_by_role("region", name="the course of large-prepaid (provider=shaky)")
    course.get_by_text("used up").wait_for()
    course.get_by_text("another target took over").wait_for()
    looker.check()


def test_a_budget_of_which_too_little_is_known_says_so(house: House, looking: Opener) -> None:
    body = {"name": "by-the-hour", "scope": {"user": "anna"}, "limit": "1 USD", "window": "hour"}
    assert house.running.api.post("/budgets", json=body).status_code == 201
    house.call("counted", "assistant", "Count this.", user="anna")
    deadline = time.monotonic() + 30
    while house.running.get("/budgets/by-the-hour")["meters"][0]["spent_usd"] == "0":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    looker = looking()
    page = looker.open("/spend?live=off&budget=by-the-hour")
    course = page.get_by_role("region", name="the course of by-the-hour (user=anna)")
    course.get_by_text("this budget begins anew each hour").wait_for()
    expect(course.get_by_text("projected from")).to_have_count(0)
    looker.check()
