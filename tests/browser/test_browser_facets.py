"""The numbers beside the list of requests are those of the API, and of the rows that a click leaves."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Opener
from tests.browser.console_house import House
from tests.browser.shown_numbers import duration, highest
from tests.browser.test_browser_counted import CALLS, address, hours

OPENED = ("key", "user", "tag", "environment")
TITLES = {
    "status": "Status", "code": "Error", "model": "Model", "target": "Target", "prompt": "Prompt",
    "key": "Key", "user": "User", "tag": "Tag", "environment": "Environment",
}  # fmt: skip
SHOWN_AT_ONCE = 8


@pytest.mark.parametrize("name", CALLS)
def test_facets_count_the_rows_that_a_click_leaves(house: House, looking: Opener, name: str) -> None:
    """Each number beside a value is that of the API, and of the calls on record that the list then has."""
    query = {**hours(1), **CALLS[name]}
    looker = looking()
    page = looker.open(address("/requests", query))
    facets: list[Any] = house.running.get("/requests/facets", **query)["items"]
    for facet in OPENED:
        heads = page.get_by_role("complementary", name="filters").get_by_role("heading")
        head = heads.get_by_role("button", name=facet.capitalize())
        if facet not in query and head.get_attribute("aria-expanded") == "false":
            head.click()
    for each in facets:
        if each["facet"] == "release" or not each["values"]:
            continue
        section = page.get_by_role("region", name=TITLES[each["facet"]], exact=True)
        values = {value["value"] or "-": value["calls"] for value in each["values"]}
        others = {field: value for field, value in query.items() if field != each["facet"]}
        for value, calls in list(values.items())[:SHOWN_AT_ONCE]:
            shown = section.get_by_role("button").filter(has=page.get_by_text(named(value), exact=True))
            expect(shown.locator(".hg-number")).to_have_text(f"{calls:,}")
            assert len(house.running.requests(**others, **{each["facet"]: value})) == calls, (each, value)
    expect(page.locator(".hg-facets-note")).to_have_count(0)
    looker.shoot(f"facets-{name}")
    assert looker.violations() == []
    looker.check()


def test_facets_of_traces_count_the_rows_that_a_click_leaves(house: House, looking: Opener) -> None:
    """The other values of what one filters by stay there, with what they would leave."""
    looker = looking()
    query = {**hours(24), "model": "gpt-4o"}
    page = looker.open(address("/traces", query))
    for title, facet in (("Status", "status"), ("Name", "name"), ("Model", "model")):
        section = page.get_by_role("region", name=title, exact=True)
        found: list[Any] = house.running.get("/traces/facets", **query)["items"]
        (values,) = [each["values"] for each in found if each["facet"] == facet]
        assert len(values) > 1 or facet != "model"
        for value in values[:SHOWN_AT_ONCE]:
            listed = house.running.get("/traces", limit=500, **{**query, facet: value["value"]})["items"]
            assert value["traces"] == len(listed) > 0
            shown = section.get_by_role("button").filter(has=page.get_by_text(value["value"], exact=True))
            expect(shown.locator(".hg-number")).to_have_text(f"{len(listed):,}")
    looker.check()


def named(value: str) -> str:
    return {"ok": "answered", "-": "none"}.get(value, value)


def filter_by(page: Page, field: str, value: str) -> None:
    page.get_by_role("button", name="Filter", exact=True).click()
    menu = page.get_by_role("dialog")
    menu.get_by_role("combobox", name="field").select_option(label=field)
    menu.get_by_label("value").fill(value)
    menu.get_by_role("button", name="Apply").click()
    expect(menu).to_have_count(0)


def test_requests_are_filtered_by_what_nothing_can_be_clicked_for(house: House, looking: Opener) -> None:
    query = hours(1)
    looker = looking()
    page = looker.open(address("/requests", query))
    filter_by(page, "At least so many ms", "2500")
    filter_by(page, "Session", "-")
    held = page.get_by_role("list", name="filters that hold")
    expect(held).to_contain_text("At least ms: 2500")
    expect(held).to_contain_text("Session: none")
    listed = house.running.requests(**query, min_duration_ms="2500", session="-")
    assert 0 < len(listed) < len(house.running.requests(**query))
    rows = page.get_by_role("table", name="requests").get_by_role("row")
    expect(rows.nth(1)).to_contain_text(duration(listed[0]["duration_ms"]))
    page.get_by_role("button", name="Filter", exact=True).click()
    looker.shoot("filter-menu")
    assert looker.violations() == []
    looker.check()


def test_traces_are_filtered_by_what_was_said_of_them(house: House, looking: Opener) -> None:
    trace = house.ids["trace_answered"]
    said = {"trace_id": trace, "name": "csat", "value": 5}
    assert house.running.api.post("/feedback", json=said).status_code == 202
    looker = looking()
    page = looker.open("/traces?live=off")
    filter_by(page, "Score", "csat>=4")
    page.wait_for_url("**score=csat%3E%3D4**")
    rows = page.get_by_role("table", name="traces").get_by_role("row")
    expect(rows).to_have_count(2)
    listed: Any = house.running.get("/traces", score="csat>=4")["items"]
    assert [each["trace_id"] for each in listed] == [trace]
    expect(rows.nth(1)).to_contain_text(listed[0]["name"])
    chart = page.get_by_role("img", name="Traces, from")
    expect(chart).to_have_attribute("aria-label", highest("traces", [1]))
    filter_by(page, "At least so many ms", "1000000")
    expect(page.locator(".hg-empty")).to_contain_text("none has At least ms: 1000000 and Score: csat>=4")
    looker.shoot("traces-by-score")
    looker.check()
