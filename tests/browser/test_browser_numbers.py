"""Every number in a table or legend leads to the calls behind it, but for those that stand for no calls."""

import math
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Opener
from tests.browser.console_house import House
from tests.browser.shown_numbers import duration, every_unlinked, highest
from tests.browser.test_browser_counted import address, by_step, hours

PAGES = {
    "overview": ("/?range=30d", "what stands out"),
    "overview-by-user": ("/?by=user", "chloe"),
    "overview-by-user-30d": ("/?by=user&range=30d", "counted by whole days"),
    "overview-by-tag": ("/?by=tag", "team:mail"),
    "overview-by-model": ("/?by=model&latency=first_p95", "errors by kind"),
    "spend": ("/spend", "openai-prepaid"),
    "spend-chosen": ("/spend?budget=everything", "half and 8 of 10"),
    "spend-by-user": ("/spend?by=user", "chloe"),
    "spend-by-tag": ("/spend?by=tag&range=7d", "team:mail"),
    "spend-by-session": ("/spend?by=session", "kept by day"),
    "spend-opened": ("/spend?model=assistant&by=target", "mock/small"),
    "prompts": ("/prompts", "no prompt here explains"),
    "prompts-unknown": ("/prompts?show=unknown", "What was said"),
    "prompt": ("/prompts/shop%2Fprompts.py%3AHELLO?source=shop", "Say hello to"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_number_is_a_link(house: House, looking: Opener, name: str) -> None:
    path, expected = PAGES[name]
    looker = looking()
    page = looker.open(f"{path}{'&' if '?' in path else '?'}live=off")
    page.get_by_text(expected).first.wait_for()
    expect(page.locator(".hg-waiting")).to_have_count(0)
    assert page.locator("main a[href*='/requests']").count() > 0 or name == "prompts-unknown"
    assert every_unlinked(page) == []
    looker.shoot(f"numbers-{name}")
    assert looker.violations() == []
    looker.check()


TOO_HIGH = 1.15
"""How many times the truth a latency may be, at most."""


def test_latencies_and_errors_are_those_of_the_api_and_the_records(house: House, looking: Opener) -> None:
    query = hours(3)
    series: Any = house.running.get("/series", **query)
    (group,) = series["groups"]
    records = house.running.requests(**query)
    looker = looking()
    page = looker.open(address("/", query))
    latency = page.get_by_role("region", name="Latency")
    for label, name, field, share in (
        ("p50", "duration_p50_ms", "duration_ms", 0.5),
        ("p95", "duration_p95_ms", "duration_ms", 0.95),
        ("p99", "duration_p99_ms", "duration_ms", 0.99),
        ("first token p95", "first_token_p95_ms", "first_token_ms", 0.95),
    ):
        values = group[name]
        for place, at in enumerate(series["at"]):
            measured = sorted(
                row[field] for row in records if step_of(row, series["at"]) == at and row[field] is not None
            )
            if not measured:
                assert values[place] is None
                continue
            truth = measured[math.ceil(len(measured) * share) - 1]
            assert truth <= values[place] <= truth * TOO_HIGH + 1, (label, at)
        latest = next(value for value in reversed(values) if value is not None)
        row = latency.get_by_role("listitem").filter(has=page.get_by_text(label, exact=True))
        expect(row.get_by_role("link")).to_have_text(duration(latest))
    errors = page.get_by_role("region", name="Errors")
    failed = [row for row in records if row["status"] >= 400]
    expect(errors.get_by_role("link").first).to_have_text(f"{len(failed):,}")
    chart = errors.get_by_role("img", name="Errors by kind")
    assert {line["code"] for line in series["failures"]} == {row["code"] or "" for row in failed}
    for line in series["failures"]:
        of_it = [row for row in failed if (row["code"] or "") == line["code"]]
        assert line["counts"] == by_step(of_it, series["at"])
        label = line["code"] or "no code"
        row = errors.get_by_role("listitem").filter(has=page.get_by_text(label, exact=True))
        expect(row.get_by_role("link")).to_have_text(f"{len(of_it):,}")
        expect(chart).to_have_attribute("aria-label", highest(label, line["counts"]))
    looker.check()


def test_the_charts_of_the_overview_are_those_of_the_records(house: House, looking: Opener) -> None:
    query = hours(3)
    at: list[str] = house.running.get("/series", **query)["at"]
    records = house.running.requests(**query)
    looker = looking()
    page = looker.open(address("/", query))
    calls = page.get_by_role("region", name="Calls")
    chart = calls.get_by_role("img", name="Calls by status")
    expect(calls.get_by_role("link").first).to_have_text(f"{len(records):,}")
    for line, least, most in (("answered", 100, 399), ("4xx", 400, 499), ("5xx", 500, 599)):
        rows = [row for row in records if least <= row["status"] <= most]
        expect(chart).to_have_attribute("aria-label", highest(line, by_step(rows, at)))
        legend = calls.get_by_role("listitem").filter(has=page.get_by_text(line, exact=True))
        expect(legend.get_by_role("link")).to_have_text(f"{len(rows):,}")
    looker.check()


def step_of(row: dict[str, Any], at: list[str]) -> str:
    return max(each for each in at if each <= row["started_at"])


def test_costs_open_by_any_dimension(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/spend?live=off")
    page.get_by_role("table", name="cost by model").get_by_role("button", name="assistant").click()
    table = page.get_by_role("table", name="cost by target")
    table.get_by_role("button", name="mock/small").click()
    table = page.get_by_role("table", name="cost by key")
    row = table.get_by_role("row").filter(has_text="k-web")
    link = row.get_by_role("cell").nth(3).get_by_role("link")
    shown = int(link.inner_text().replace(",", ""))
    assert shown > 0
    link.click()
    page.get_by_role("table", name="requests").wait_for()
    for part in ("model=assistant", "target=mock%2Fsmall", "key=k-web"):
        assert part in page.url
    page.go_back()
    page.get_by_role("button", name="close model assistant").click()
    page.get_by_role("table", name="cost by model").wait_for()
    assert "model=" not in page.url
    looker.check()


def test_calls_without_a_price_are_those_that_are_counted(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/spend?live=off&range=30d")
    link = page.get_by_role("region", name="cost by dimension").get_by_role("link", name="calls").first
    wanted = int(link.inner_text().split()[0].replace(",", ""))
    assert len(house.running.get("/requests", price="unknown", limit=500)["items"]) == wanted
    link.click()
    table = page.get_by_role("table", name="requests")
    expect(table.get_by_role("row").nth(1)).to_contain_text("embedder")
    looker.check()


def test_calls_without_a_name_are_those_that_are_counted(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/spend?live=off&range=30d&by=prompt")
    row = page.get_by_role("table", name="cost by prompt").get_by_role("row").filter(has_text="none")
    link = row.get_by_role("cell").nth(3).get_by_role("link")
    wanted = int(link.inner_text().replace(",", ""))
    link.click()
    page.get_by_role("table", name="requests").wait_for()
    expect(page.get_by_role("list", name="filters that hold")).to_contain_text("Prompt: none")
    listed = house.running.requests(prompt="-")
    assert wanted == len(listed) > 0
    looker.check()


def test_what_changed_stands_between_calls(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/requests?live=off&range=30d")
    table = page.get_by_role("table", name="requests")
    table.get_by_text("▾").first.wait_for()
    looker.shoot("requests-what-changed")
    assert looker.violations() == []
    # Their sums are kept without users: these calls are counted one by one.
    page.goto(f"{house.running.url}/requests?live=off&range=30d&user=chloe")
    chart = page.get_by_role("img", name="Calls, from")
    chart.wait_for()
    listed = house.running.requests(user="chloe")
    counted = house.running.get("/requests/counts", user="chloe", **{"from": "2020-01-01T00:00:00Z"})
    assert counted["calls"] == len(listed) > 0
    looker.shoot("requests-counted")
    looker.check()


def test_the_search_finds_what_has_a_name(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/?live=off")
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="search")
    for name, kind in (("openai-prepaid", "budget"), ("calm", "rule"), ("clinic", "project")):
        box.fill(name)
        found = page.get_by_role("option").filter(has=page.get_by_text(name, exact=True))
        expect(found.filter(has=page.get_by_text(kind, exact=True))).to_have_count(1)
    for name, offered in (("anna", "Requests of user anna"), ("team:mail", "Requests with tag team:mail")):
        box.fill(name)
        page.get_by_role("option").filter(has_text=offered).wait_for()
    box.fill("talk-1")
    looker.shoot("search-offered")
    page.get_by_role("option").filter(has_text="Session talk-1").click()
    page.get_by_role("heading", name="talk-1").wait_for()
    looker.check()


def test_the_search_finds_what_was_said(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/?live=off")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="search").fill("journal gives back what a dead one")
    found = page.get_by_role("option").filter(has_text="said in a step")
    expect(found.first).to_contain_text("gives back")
    looker.shoot("search-said")
    assert looker.violations() == []
    found.first.click()
    page.get_by_role("treegrid", name="steps of the trace").wait_for()
    looker.check()


def test_a_trace_is_saved_and_a_call_has_its_scores(house: House, looking: Opener) -> None:
    said = {"request_id": house.ids["markdown"], "name": "helpful", "value": True, "comment": "just right"}
    assert house.running.api.post("/feedback", json=said).status_code == 202
    looker = looking()
    page = looker.open(f"/requests/{house.ids['markdown']}")
    page.get_by_role("region", name="scores").get_by_text("just right").wait_for()
    page.goto(f"{house.running.url}/traces/{house.ids['trace_answered']}?live=off")
    with page.expect_download() as saving:
        page.get_by_role("button", name="OTLP").click()
    assert saving.value.suggested_filename == f"trace-{house.ids['trace_answered']}.otlp.jsonl"
    assert "resourceSpans" in saving.value.path().read_text(encoding="utf-8")
    looker.check()
