"""Traces and sessions in the console: lists, one trace with its steps, lineage, thirty thousand steps."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser.conftest import NARROW, Opener
from tests.browser.console_house import House
from tests.browser.house_traces import many_steps
from tests.browser.shown_numbers import unlinked

PAGES = {
    "traces": ("/traces", "book a journey"),
    "traces-failed": ("/traces?status=error", "book a journey"),
    "traces-none": ("/traces?user=nobody", "No trace matches"),
    "trace": ("/traces/{trace_answered}", "POST /collections/manual/search"),
    "trace-failed": ("/traces/{trace_failed}?show=failed", "reserve a seat"),
    "sessions": ("/sessions", "talk-1"),
    "session": ("/sessions/talk-1", "And a budget?"),
}
MANY = 30_000
FIRST_BYTES_MAX = 100_000
STRIDE_MS_MAX = 100
"""How long the page's thread may work to draw another five hundred steps further on."""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_traces_shows_what_it_is_for(house: House, looking: Opener, name: str, dark: bool) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=dark)
    page = looker.open(path.format(**house.ids))
    page.get_by_text(expected).first.wait_for()
    expect(page.locator(".hg-waiting")).to_have_count(0)
    looker.shoot(f"{name}-{'dark' if dark else 'light'}")
    assert looker.violations() == []
    assert unlinked(page) == []
    looker.check()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_traces_fits_a_small_screen(house: House, looking: Opener, name: str) -> None:
    path, expected = PAGES[name]
    looker = looking(width=NARROW)
    page = looker.open(path.format(**house.ids))
    page.get_by_text(expected).first.wait_for()
    expect(page.locator(".hg-waiting")).to_have_count(0)
    looker.shoot(f"{name}-small")
    assert looker.beyond() == []
    looker.check()


def steps(page: Page) -> Any:
    return page.get_by_role("treegrid", name="steps of the trace")


def test_the_numbers_of_a_trace_are_those_of_the_api(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open(f"/traces/{house.ids['trace_answered']}")
    trace: Any = house.running.get(f"/traces/{house.ids['trace_answered']}")
    rows = steps(page).get_by_role("row")
    expect(rows).to_have_count(1 + len(trace["spans"]))
    for place, span in enumerate(trace["spans"]):
        row = rows.nth(place + 1)
        expect(row).to_contain_text(span["name"])
        expect(row).to_have_attribute("aria-level", str(span["depth"] + 1))
        if span["counted"]:
            expect(row.get_by_title(f"${span['cost_usd']}", exact=True)).to_be_visible()
    whole = page.get_by_role("complementary", name="the trace")
    expect(whole.get_by_role("region", name="by model").get_by_role("row")).to_have_count(
        1 + len(trace["cost_by_model"])
    )
    looker.check()


def test_steps_are_walked_folded_and_opened_by_keys(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open(f"/traces/{house.ids['trace_answered']}?live=off")
    grid = steps(page)
    grid.get_by_text("retrieve", exact=True).wait_for()
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("ArrowLeft")
    expect(grid.get_by_text("retrieve", exact=True)).to_have_count(0)
    expect(grid.get_by_text("3 below")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    side = page.get_by_role("complementary", name="the step")
    side.get_by_role("heading", name="retrieve").wait_for()
    page.wait_for_url("**span=**")
    page.keyboard.press("k")
    side.get_by_role("heading", name="search the manual").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("complementary", name="the trace").wait_for()
    assert "/traces/" in page.url
    looker.check()


def test_an_answer_is_followed_back_to_its_document(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open(f"/traces/{house.ids['trace_answered']}?live=off")
    steps(page).get_by_text("chat gpt-4o", exact=True).click()
    side = page.get_by_role("complementary", name="the step")
    side.get_by_text("You answer questions about Headgate").wait_for()
    looker.shoot("trace-step")
    assert looker.violations() == []
    side.get_by_role("tab", name="Sources").click()
    side.get_by_role("region", name="what it read").get_by_text("result of a tool").first.wait_for()
    expect(page.locator(".hg-arc-chosen").first).to_be_attached()
    looker.shoot("trace-sources")
    assert looker.violations() == []
    side.get_by_role("region", name="the way back").get_by_role("button", name="search the manual").click()
    side.get_by_role("heading", name="search the manual").wait_for()
    back = side.get_by_role("region", name="goes back to")
    back.get_by_role("button", name="retrieve").click()
    side.get_by_role("heading", name="retrieve").wait_for()
    expect(side.get_by_role("region", name="used in")).to_contain_text("The lease of a gateway lasts two")
    page.go_back()
    side.get_by_role("heading", name="search the manual").wait_for()
    looker.check()


def test_what_failed_and_what_contradicts_is_said_in_words(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open(f"/traces/{house.ids['trace_failed']}?live=off")
    whole = page.get_by_role("complementary", name="the trace")
    whole.get_by_role("list", name="flags").get_by_text("those below count").wait_for()
    steps(page).get_by_text("reserve a seat").click()
    side = page.get_by_role("complementary", name="the step")
    side.get_by_text("the railway does not answer").wait_for()
    side.get_by_role("tab", name="Details").click()
    side.get_by_label("events").get_by_text("LookupError").wait_for()
    steps(page).get_by_text("of a step that nobody sends").click()
    side.get_by_text("the step above it, which its span names, is not there").wait_for()
    looker.check()


def test_a_call_leads_to_its_trace_and_back(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open(f"/requests/{house.ids['traced']}")
    page.get_by_role("link", name="Its trace").click()
    steps(page).get_by_text("ask through the gateway").wait_for()
    steps(page).get_by_text("chat assistant").first.click()
    side = page.get_by_role("complementary", name="the step")
    side.get_by_text("Say hello to the trace.").wait_for()
    side.get_by_role("link", name="Open the call").click()
    page.wait_for_url(f"**/requests/{house.ids['traced']}**")
    looker.check()


def test_filters_of_traces_stand_in_the_address(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/traces?live=off")
    table = page.get_by_role("table", name="traces")
    table.wait_for()
    page.get_by_role("button", name="Failed").click()
    page.wait_for_url("**status=error**")
    expect(table.get_by_role("row").filter(has_text="answer a question")).to_have_count(0)
    page.get_by_role("button", name="Failed").click()
    page.get_by_role("button", name="Slowest").click()
    page.wait_for_url("**sort=slowest**")
    newest: Any = house.running.get("/traces", sort="slowest", limit=1)["items"][0]
    expect(table.get_by_role("row").nth(1)).to_contain_text(newest["name"])
    page.get_by_role("searchbox", name="text in steps").fill("railway seat")
    page.get_by_role("searchbox", name="text in steps").fill("settles what it did cost")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=**")
    expect(table.get_by_role("row").filter(has_text="answer a question").first).to_be_visible()
    page.get_by_role("button", name="Views").click()
    page.get_by_label("name of this view").fill("settled")
    page.get_by_role("button", name="Save", exact=True).click()
    again = looker.context.new_page()
    again.goto(f"{house.running.url}/traces")
    again.get_by_role("button", name="Views").click()
    again.get_by_role("button", name="settled", exact=True).click()
    again.wait_for_url("**sort=slowest**")
    looker.check()


# Moves through the list in sixty strides, each of them drawn.
SCROLL = """
async (element) => {
  for (let stride = 1; stride <= 60; stride += 1) {
    element.scrollTop = (element.scrollHeight * stride) / 60;
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}
"""


def busy_ms(metrics: Any) -> float:
    """Return how long the page's thread has worked, in its own time: not in that of other programs."""
    found = metrics.send("Performance.getMetrics")
    return next(1000 * float(each["value"]) for each in found["metrics"] if each["name"] == "TaskDuration")


@pytest.mark.timeout(600)
def test_thirty_thousand_steps_open_and_scroll(house: House, looking: Opener) -> None:
    trace = many_steps(MANY, int(time.time() * 1000) - 120_000)
    trace.send(house.running.url, house.key)
    deadline = time.monotonic() + 120
    while sum(item["spans"] for item in house.running.get("/traces", name=trace.name)["items"]) < MANY:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    looker = looking()
    page = looker.page
    page.set_default_timeout(180_000)
    # What opens first is small, however large the trace: its first steps, while the whole is held back.
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(f"**/api/v1/traces/{trace.id}?*", hold)
    page.route(f"**/api/v1/traces/{trace.id}", hold)
    with page.expect_response(f"**/traces/{trace.id}/spans?*") as first:
        page.goto(f"{house.running.url}/traces/{trace.id}?live=off")
    assert len(first.value.body()) < FIRST_BYTES_MAX
    grid = steps(page)
    grid.get_by_text("read book 7").first.wait_for()
    page.get_by_text(f"of {MANY:,} steps; the others are on their way").wait_for()
    looker.shoot("trace-many-first")
    with page.expect_response(
        lambda answer: answer.url.split("?")[0].endswith(f"/traces/{trace.id}")
    ) as whole:
        for route in held:
            route.continue_()
    assert whole.value.header_value("content-encoding") == "gzip"
    page.get_by_text(f"{MANY:,} steps", exact=True).wait_for()
    assert grid.get_by_role("row").count() < 120
    metrics = looker.context.new_cdp_session(page)
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
    before_ms = busy_ms(metrics)
    grid.evaluate(SCROLL)
    assert (busy_ms(metrics) - before_ms) / 60 < STRIDE_MS_MAX
    grid.get_by_text("read book").last.wait_for()
    page.get_by_role("button", name="Failed").click()
    page.get_by_text(f"of {MANY:,} steps").wait_for()
    grid.get_by_text("failed").first.wait_for()
    looker.shoot("trace-many")
    looker.check()
