"""What is watched of live traffic: the list, one watch over its hours, its numbers as the API has them."""

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect
from tests.browser.conftest import NARROW, Opener
from tests.browser.console_house import House
from tests.browser.house_traffic import trafficked
from tests.browser.shown_numbers import counted, number_of, unlinked

PAGES = {
    "drift-traffic": ("/drift", "when it was told"),
    "drift-traffic-learning": ("/drift?phase=reference", "learns what is usual"),
    "drift-traffic-none": ("/drift?phase=alarmed&target=mock%2Fnone", "No watch is like that"),
    "drift-watch": ("/drift/traffic/{grew}", "Its last thirty days"),
    "drift-watch-new": ("/drift/traffic/{learning}", "not watched"),
    "drift-watch-missing": ("/drift/traffic/no-such", "there is no watch"),
}


@pytest.fixture(scope="module")
def watched(house: House) -> House:
    trafficked(house)
    items: Any = house.running.get("/drift/traffic")["items"]
    named = {"writer": "grew", "support-bot": "steady", "careful": "learning"}
    house.ids |= {named[each["model"]]: each["id"] for each in items}
    return house


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_drift_shows_what_it_is_for(watched: House, looking: Opener, name: str, dark: bool) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=dark)
    page = looker.settled(path.format(**watched.ids), expected)
    looker.shoot(f"{name}-{'dark' if dark else 'light'}")
    assert looker.violations() == []
    assert unlinked(page) == []
    if name == "drift-watch-missing":
        looker.errors = [error for error in looker.errors if "404" not in error]
    looker.check()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_drift_fits_a_small_screen(watched: House, looking: Opener, name: str) -> None:
    path, expected = PAGES[name]
    looker = looking(width=NARROW)
    looker.settled(path.format(**watched.ids), expected)
    looker.shoot(f"{name}-small")
    assert looker.beyond() == []
    looker.check(missing=name.endswith("-missing"))


def test_the_list_of_watches_is_the_apis(watched: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/drift?live=off", "when it was told")
    rows = page.get_by_role("table", name="live traffic").get_by_role("row")
    items: Any = watched.running.get("/drift/traffic")["items"]
    expect(rows).to_have_count(1 + len(items))
    for place, item in enumerate(items):
        cells = rows.nth(place + 1).get_by_role("cell").all_inner_texts()
        assert cells[0] == item["target"]
        assert cells[1].startswith(item["prompt"] or "none known")
        assert cells[5] == f"{item['calls']:,}"
    served: Any = watched.running.get("/drift/traffic/served")["items"]
    names = page.get_by_role("table", name="who served").get_by_role("row")
    expect(names).to_have_count(1 + len(served))
    grew = next(each for each in items if each["id"] == watched.ids["grew"])
    row = rows.filter(has_text="claude/sonnet")
    row.get_by_role("link", name=f"{grew['calls']:,}", exact=True).click()
    page.get_by_role("table", name="requests").wait_for()
    assert "prompt=greeting" in page.url
    looker.check()


def test_a_watch_leads_to_its_calls_and_its_signals_are_the_apis(watched: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled(f"/drift/traffic/{watched.ids['learning']}", "Its last thirty days")
    found: Any = watched.running.get(f"/drift/traffic/{watched.ids['learning']}")
    page.get_by_role("link", name=f"{found['calls']:,}", exact=True).click()
    page.get_by_role("table", name="requests").wait_for()
    assert counted(watched, page.url) == found["calls"]
    page = looker.settled(f"/drift/traffic/{watched.ids['grew']}", "Its last thirty days")
    found = watched.running.get(f"/drift/traffic/{watched.ids['grew']}")
    signals = page.get_by_role("table", name="signals")
    for line in found["lines"]:
        (signal,) = [each for each in found["signals"] if each["signal"] == line["signal"]]
        assert signal["latest"] == line["values"][-1]
    tokens = next(each for each in found["signals"] if each["signal"] == "tokens")
    row = signals.get_by_role("row").filter(has_text="tokens an answer")
    cells = row.get_by_role("cell").all_inner_texts()
    assert number_of(cells[0]) == pytest.approx(tokens["latest"], rel=6e-3)
    for text, part in zip(cells[1].split(" to "), ("usual_low", "usual_high"), strict=True):
        assert number_of(text) == pytest.approx(tokens[part], rel=6e-3)
    label = re.compile(f"from .* in {len(found['at'])} steps")
    chart = page.get_by_role("img", name=f"tokens an answer of {found['target']}")
    expect(chart).to_have_attribute("aria-label", label)
    looker.check()


def test_an_alarm_of_live_traffic_leads_to_its_watch(watched: House, looking: Opener) -> None:
    looker = looking()
    alarms: Any = watched.running.get("/drift/alarms")["items"]
    alarm = next(each for each in alarms if each["kind"] == "traffic")
    page = looker.settled(f"/drift/alarms/{alarm['id']}", "What it touches")
    page.get_by_role("link", name="live traffic").click()
    page.get_by_role("heading", name="writer at claude/sonnet").wait_for()
    looker.check()


def test_a_viewer_sees_the_watches_of_its_project_alone(watched: House, looking: Opener) -> None:
    key = watched.running.make_key("watches drift", role="viewer")
    looker = looking(key=key)
    page = looker.settled("/drift", "when it was told")
    expect(page.get_by_role("region", name="who served")).to_have_count(0)
    looker.check()


def test_watches_of_a_project_may_stand_on_a_page_that_follows(watched: House, looking: Opener) -> None:
    looker = looking()

    def one_by_one(route: Route) -> None:
        route.continue_(url=route.request.url.replace("limit=100", "limit=1"))

    looker.page.route("**/api/v1/drift/traffic?**", one_by_one)
    page = looker.settled("/drift?project=support&live=off", "each target by project")
    traffic = page.get_by_role("region", name="live traffic")
    for _ in watched.running.get("/drift/traffic")["items"][1:]:
        expect(traffic.get_by_text("No live traffic is watched yet")).to_have_count(0)
        traffic.get_by_role("button", name="Show more").click()
    traffic.get_by_text("No live traffic is watched yet").wait_for()
    looker.check()
