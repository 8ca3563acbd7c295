"""Received metrics beneath Traces: what applications measured of themselves, as the API has it."""

import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from tests.browser.conftest import NARROW, Opener
from tests.browser.console_house import House
from tests.browser.house_evaluation import until
from tests.browser.test_browser_chart_tables import exact, opened
from tests.contract.made_metrics import DURATION, TOKENS, add_point, new_metrics

PAGES = {
    "metrics": ("/traces/metrics", DURATION),
    "metric": (f"/traces/metrics/{DURATION}?by=gen_ai.request.model", "In this time"),
}
HOUR_NS = 3_600_000_000_000
CONTENT = {"content-type": "application/x-protobuf"}


@pytest.fixture(scope="module")
def measured(house: House) -> House:
    """Two services that measured for some hours, as their exporters send it."""
    now_ns = time.time_ns()
    for service, model, seconds in (("shop", "gpt-5-mini", 1.5), ("desk", "claude-sonnet", 4.0)):
        request = new_metrics(service)
        for hours in range(4):
            at_ns = now_ns - hours * HOUR_NS
            times = {"start_time_unix_nano": at_ns - 10**9, "time_unix_nano": at_ns}
            said = {"gen_ai.request.model": model}
            spread: dict[str, Any] = {"explicit_bounds": [1.0, 2.0, 8.0], "bucket_counts": [1, 2, 1, 0]}
            add_point(
                request, DURATION, "histogram", attributes=said, count=4, sum=4 * seconds, **spread, **times
            )
            add_point(request, TOKENS, "sum", attributes=said, as_int=100 + hours, **times)
        headers = {"authorization": f"Bearer {house.key}", **CONTENT}
        body = request.SerializeToString()
        url = f"{house.running.url}/v1/metrics"
        answer = httpx.post(url, content=body, headers=headers, timeout=60, trust_env=False)
        assert answer.status_code == 200, answer.text
    until(lambda: [len(each["services"]) for each in house.running.get("/metrics")["items"]] == [2, 2])
    return house


def test_before_the_first_metric_it_says_what_to_paste(house: House, looking: Opener) -> None:
    looker = looking()
    looker.settled("/traces/metrics", "No application has sent metrics")
    expect(looker.page.get_by_text("OTEL_METRICS_EXPORTER=otlp")).to_be_visible()
    looker.shoot("metrics-empty")
    assert looker.violations() == []
    looker.check()


@pytest.mark.parametrize("look", ["light", "dark", "small"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_metrics_shows_what_it_is_for(
    measured: House, looking: Opener, name: str, look: str
) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=look == "dark", width=NARROW if look == "small" else 1440)
    page = looker.open(path)
    page.get_by_role("table").first.wait_for()
    page.get_by_text(expected).or_(page.get_by_role("table", name="in this time")).first.wait_for()
    looker.shoot(f"{name}-{look}")
    assert looker.violations() == []
    assert looker.beyond() == []
    looker.check()


def test_metrics_stand_beneath_traces_and_are_those_of_the_api(measured: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/traces?range=24h")
    pages = page.get_by_role("navigation", name="pages of Traces")
    for title, address in (("Sessions", "/sessions"), ("Metrics", "/traces/metrics")):
        pages.get_by_role("link", name=title).click()
        page.wait_for_url(f"**{address}?range=24h")
        rail = page.get_by_role("navigation", name="pages", exact=True)
        expect(rail.get_by_role("link", name="Traces")).to_have_attribute("aria-current", "page")
    row = page.get_by_role("table", name="metrics").get_by_role("row").filter(has_text=DURATION)
    expect(row).to_contain_text("desk, shop")
    expect(row).to_contain_text("histogram")
    row.get_by_role("link").click()
    page.get_by_role("combobox", name="By").select_option("gen_ai.request.model")
    page.get_by_role("button", name="How many").click()
    query = {"name": DURATION, "group_by": "gen_ai.request.model", "interval": "hour"}
    points: list[Any] = measured.running.get("/metrics/series", **query)["items"]
    table = opened(page, f"How many of {DURATION}")
    for group in {each["group"] for each in points}:
        table.get_by_role("columnheader", name=group, exact=True).wait_for()
    heads = table.get_by_role("columnheader").all_inner_texts()
    rows = exact(table)
    assert heads[1:3] and len(rows) == 4
    for column, group in enumerate(heads[1:3]):
        wanted = {each["start"]: each["count"] for each in points if each["group"] == group}
        assert [row[column] for row in rows] == [wanted[start] for start in sorted(wanted)]
    looker.check()
