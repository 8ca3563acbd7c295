"""The numbers beside the list of requests are those of the API, and of the rows that a click leaves."""

from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Opener
from tests.browser.console_house import House
from tests.browser.test_browser_counted import CALLS, address, hours

OPENED = ("key", "user", "tag")
TITLES = {
    "status": "Status", "code": "Error", "model": "Model", "target": "Target", "prompt": "Prompt",
    "key": "Key", "user": "User", "tag": "Tag",
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


def named(value: str) -> str:
    return {"ok": "answered", "-": "none"}.get(value, value)
