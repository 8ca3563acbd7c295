"""One call's page: its path, its cost, where its facts lead, and what is like it."""

import uuid
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Locator, Page, Route, expect
from psycopg.rows import DictRow, dict_row
from tests.browser.conftest import Looker, Opener, let_go
from tests.browser.console_house import House
from tests.browser.house_spend import write
from tests.browser.shown_numbers import duration
from tests.contract.made_entries import make_end, new_call

from headgate.core.entries import STEPS, PromptUsed
from headgate.store.embedded import EmbeddedPostgres

TITLES = {"left_out": "left out"}


def recorded(house: House, request: str) -> DictRow:
    """The row of a call."""
    url = EmbeddedPostgres(house.running.folder / "data").url
    with (
        psycopg.connect(url, autocommit=True) as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        [row] = cursor.execute("select * from requests where id = %s", (request,)).fetchall()
    return row


def opened(looker: Looker, request: str) -> Page:
    return looker.open(f"/requests/{request}")


def path_on(page: Page) -> Locator:
    path = page.get_by_role("complementary", name="the path of the call")
    path.wait_for()
    return path


def took(us: int) -> str:
    """A step's time as the page writes it."""
    if us < 1000:
        return f"{us} µs"
    if us < 10_000:
        return f"{us / 1000:.1f} ms"
    return duration(us / 1000)


@pytest.mark.parametrize(("name", "dark"), [("plain", False), ("fallback", True)])
def test_the_path_is_the_records_and_the_apis(house: House, looking: Opener, name: str, dark: bool) -> None:
    looker, request = looking(dark=dark), house.ids[name]
    stops = path_on(opened(looker, request)).get_by_role("listitem")
    detail: Any = house.running.get(f"/requests/{request}")
    row: dict[str, Any] = recorded(house, request)
    names: list[str] = [STEPS[number] for number in row["steps"][::2]]
    assert names == [each["step"] for each in detail["steps"]]
    assert row["steps"][1::2] == [each["duration_us"] for each in detail["steps"]]
    expect(stops).to_have_count(len(names))
    for place, step in enumerate(detail["steps"]):
        expect(stops.nth(place)).to_contain_text(TITLES.get(step["step"], str(step["step"])))
        # A half in the last digit goes one way here and the other in the browser's numbers.
        near = {took(step["duration_us"] + off) for off in (-1, 0, 1)}
        shown = stops.nth(place).inner_text()
        assert any(each in shown for each in near), (shown, near)
        if step["target"] is not None:
            expect(stops.nth(place)).to_contain_text(step["target"])
    looker.shoot(f"call-path-{name}{'-dark' if dark else ''}")
    assert looker.violations() == []
    looker.check()


def test_steps_that_were_not_measured_are_unknown(house: House, looking: Opener) -> None:
    looker = looking()
    found = house.running.get("/requests", status="502", limit=1)["items"][0]
    path = path_on(opened(looker, found["id"]))
    expect(path).to_contain_text("What its steps took was not measured.")
    for step in ("authenticate", "read", "admit", "settle"):
        stop = path.get_by_role("listitem").filter(has_text=step).first
        expect(stop).to_contain_text("–")
    looker.check()


def test_the_cost_is_told_by_its_parts(house: House, looking: Opener) -> None:
    looker, request = looking(), house.ids["plain"]
    page = opened(looker, request)
    cost = page.get_by_role("region", name="cost", exact=True)
    detail: Any = house.running.get(f"/requests/{request}")
    items: list[Any] = detail["cost"]["items"]
    rows = cost.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(1 + len(items))
    for place, item in enumerate(items):
        row = rows.nth(place + 1)
        expect(row).to_contain_text(item["price_usd"])
        expect(row.get_by_role("cell").last).to_have_attribute("title", f"${item['amount_usd']}")
    assert sum(Decimal(item["amount_usd"]) for item in items) == Decimal(detail["cost_usd"])
    expect(cost).to_contain_text(f"Own prices of headgate.toml as it was in snapshot {detail['snapshot']}.")
    looker.check()


def test_facts_lead_to_where_they_can_be_seen(house: House, looking: Opener) -> None:
    looker, request = looking(), house.ids["plain"]
    detail: Any = house.running.get(f"/requests/{request}")
    page = opened(looker, request)
    facts = page.get_by_role("region", name="of the call")
    facts.get_by_role("link", name=detail["snapshot"]).click()
    history = page.get_by_role("region", name="history")
    chosen = history.get_by_role("button", pressed=True)
    expect(chosen).to_contain_text(detail["snapshot"])
    page = opened(looker, request)
    expect(page.get_by_role("region", name="cost", exact=True).get_by_role("link")).to_have_text(
        detail["snapshot"]
    )
    page = looker.open("/settings?snapshot=ffffffffffff")
    history = page.get_by_role("region", name="history")
    expect(history).to_contain_text("Snapshot ffffffffffff was never in force here")
    looker.check()


def test_a_release_and_an_environment_lead_to_what_they_are(house: House, looking: Opener) -> None:
    looker = looking()
    release: str = house.running.get("/releases")["items"][0]["id"]
    call = make_end(new_call(), release=release, environment="production", session="", user="")
    write(house.running, [call])
    request = str(uuid.UUID(bytes=call.call))
    for name, address, heading in (
        (release, f"/releases/{release}", "first"),
        ("its calls", f"release={release}", "Requests"),
        ("production", "environment=production", "Requests"),
    ):
        page = opened(looker, request)
        page.get_by_role("region", name="of the call").get_by_role("link", name=name, exact=True).click()
        page.wait_for_url(f"**{address}**" if address.startswith("/") else f"**/requests?*{address}**")
        if heading == "Requests":
            page.get_by_role("table", name="requests").wait_for()
        else:
            page.get_by_role("heading", level=1).wait_for()
    looker.check()


def test_calls_like_one_are_a_click_away(house: House, looking: Opener) -> None:
    looker = looking()
    calls = [
        make_end(new_call(), session="night", prompts=(PromptUsed("sleepless", 2),), duration_ms=took_ms)
        for took_ms in (40, 50, 9000)
    ]
    write(house.running, calls)
    ids = [str(uuid.UUID(bytes=call.call)) for call in calls]
    page = opened(looker, ids[1])
    page.get_by_role("button", name="Similar calls").click()
    around = page.get_by_role("list", name="before and after")
    expect(around.get_by_role("link")).to_have_count(2)
    alike = page.get_by_role("list", name="calls like this one").get_by_role("listitem")
    expect(alike.filter(has_text="Same prompt and version")).to_contain_text("3")
    expect(alike.filter(has_text="Same prompt, slower than 50 ms")).to_contain_text("1")
    looker.shoot("call-similar")
    assert looker.violations() == []
    alike.get_by_role("link", name="Same prompt, slower than 50 ms").click()
    rows = page.get_by_role("table", name="requests").get_by_role("row")
    expect(rows).to_have_count(2)
    rows.nth(1).click()
    page.wait_for_url(f"**/requests/{ids[2]}**")
    page.get_by_role("button", name="Similar calls").click()
    page.get_by_role("link", name="The session's call before").click()
    page.wait_for_url(f"**/requests/{ids[1]}**")
    looker.check()


def test_similar_calls_in_the_dark(house: House, looking: Opener) -> None:
    looker, request = looking(dark=True), house.ids["fallback"]
    page = opened(looker, request)
    page.get_by_role("button", name="Similar calls").click()
    page.get_by_role("list", name="calls like this one").wait_for()
    looker.shoot("call-similar-dark")
    assert looker.violations() == []
    looker.check()


def test_the_search_finds_a_call_by_a_part_of_its_id(house: House, looking: Opener) -> None:
    looker, request = looking(), house.ids["plain"]
    page = looker.open("/")
    for part in (request[:23], request[-9:], f"…{request[-8:]}", f"{request[:13]}...{request[-6:]}"):
        page.keyboard.press("Control+k")
        page.get_by_role("combobox", name="search").fill(part)
        page.get_by_role("option", name=f"{request} request to").click()
        page.wait_for_url(f"**/requests/{request}**")
        path_on(page)
    # Pasted and entered at once, before anything could be found.
    page.goto(f"{looker.url}/")
    page.get_by_role("navigation", name="pages", exact=True).wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="search").fill(request[-12:])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/requests/{request}**")
    looker.check()


def test_what_the_search_offers_is_of_what_is_typed(house: House, looking: Opener) -> None:
    """While an answer is on its way, nothing of what was typed before stands there."""
    del house
    looker = looking(dark=True)
    page = looker.open("/")
    held: list[Route] = []
    page.route("**/api/v1/costs?group_by=model", lambda route: held.append(route))
    page.keyboard.press("Control+k")
    box, offered = page.get_by_role("combobox", name="search"), page.get_by_role("option")
    box.fill("greeting")
    expect(page.get_by_role("status").filter(has_text="Looking for “greeting”…")).to_be_visible()
    expect(offered).to_have_count(0)
    let_go(page, held)
    offered.filter(has_text="managed prompt").wait_for()
    box.fill("overview")
    expect(offered).to_have_count(1)
    expect(offered).to_contain_text("Overview")
    expect(page.get_by_role("status").filter(has_text="Looking for “overview”…")).to_be_visible()
    looker.shoot("search-looking")
    let_go(page, held)
    offered.filter(has_text="Requests of user overview").wait_for()
    looker.check()
