"""The console at 1,024 pixels: facets fold to a button, columns give way, and what is cut says the whole.

That no page scrolls sideways is tested where each page is, with what it shows; here, that none is forgotten.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser import (
    test_browser_administration,
    test_browser_checks,
    test_browser_contexts,
    test_browser_drift,
    test_browser_evaluation,
    test_browser_experiments,
    test_browser_metrics,
    test_browser_pages,
    test_browser_rollouts,
    test_browser_traces,
)
from tests.browser.conftest import NARROW, Opener
from tests.browser.console_house import House

WALKED = (
    *(
        test_browser_administration,
        test_browser_checks,
        test_browser_contexts,
        test_browser_drift,
        test_browser_evaluation,
    ),
    *(
        test_browser_experiments,
        test_browser_metrics,
        test_browser_pages,
        test_browser_rollouts,
        test_browser_traces,
    ),
)
FEATURES = Path(__file__).parents[2] / "ui" / "src" / "features"


def test_no_page_is_forgotten_at_1024() -> None:
    addresses = [path.partition("?")[0] for each in WALKED for path, _ in each.PAGES.values()]
    of_pages = {
        path for file in FEATURES.glob("*/feature.tsx") for path in _PAGE.findall(file.read_text("utf-8"))
    }
    assert len(of_pages) > 30
    forgotten = {
        path
        for path in of_pages
        if not any(re.fullmatch(_PART.sub("[^/]+", path), address) for address in addresses)
    }
    assert forgotten == set()


_PAGE = re.compile(r'path: "(/[^"]*)", component')
_PART = re.compile(r"\$\w+")


@pytest.mark.parametrize("path", ["/requests", "/traces"])
def test_facets_fold_to_a_button(house: House, looking: Opener, path: str) -> None:
    looker = looking(width=NARROW)
    asked: list[str] = []
    looker.page.on("request", lambda request: asked.append(request.url))
    page = looker.settled(f"{path}?live=off&range=7d", "does not follow")
    facets = page.get_by_role("complementary", name="filters")
    expect(facets).to_have_count(0)
    assert not [url for url in asked if "facets" in url], "what is folded is not counted"
    button = page.get_by_role("button", name="Facets")
    button.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    status = facets.get_by_role("region", name="Status")
    status.get_by_role("button").first.wait_for()
    looker.shoot(f"{path[1:]}-small-facets")
    assert looker.beyond() == []
    assert looker.violations() == []
    status.get_by_role("button").first.click()
    page.get_by_role("button", name="Facets (1)").click()
    expect(facets).to_have_count(0)
    assert "status=" in page.url
    page.set_viewport_size({"width": 1440, "height": 900})
    facets.wait_for()
    expect(page.get_by_role("button", name="Facets")).to_have_count(0)
    looker.check()


def test_columns_give_way_but_those_that_were_chosen(house: House, looking: Opener) -> None:
    looker = looking(width=NARROW)
    page = looker.settled("/requests?live=off", "does not follow")
    titles = page.get_by_role("table", name="requests").get_by_role("columnheader")
    titles.first.wait_for()
    shown = titles.all_inner_texts()
    assert {"Time", "Status", "Model", "Duration", "Cost"} <= set(shown)
    assert "Target" not in shown
    page.get_by_text("Without room here: Target, 1st token").wait_for()
    page.set_viewport_size({"width": 1440, "height": 900})
    page.get_by_role("columnheader", name="Target").wait_for()
    expect(page.get_by_text("Without room here")).to_have_count(0)
    assert looker.beyond() == []
    page.set_viewport_size({"width": NARROW, "height": 768})
    chosen = "time,status,model,target,prompt,user,duration,first,input,output,cost,project"
    page = looker.settled(f"/requests?live=off&columns={chosen}", "does not follow")
    titles.nth(11).wait_for()
    assert len(titles.all_inner_texts()) == 12, "who chooses columns has them, and scrolls"
    looker.check()


def test_what_belongs_in_one_line_stands_in_one(house: House, looking: Opener) -> None:
    looker = looking(width=NARROW)
    page = looker.settled(f"/requests/{house.ids['fallback']}?live=off", "answered 503")
    tabs = [each.bounding_box() for each in page.get_by_role("tab").all()]
    assert len({round(box["y"]) for box in tabs if box}) == 1
    lines: dict[int, float] = {}
    for each in page.locator(".hg-call-head .hg-button").all():
        if box := each.bounding_box():
            line = round(box["y"])
            lines[line] = max(lines.get(line, 0.0), box["x"] + box["width"])
    assert len({round(end) for end in lines.values()}) == 1, "what has no room goes on below, at the same end"
    page = looker.settled(f"/playground?call={house.ids['tools']}", "The answer comes here")
    box = page.get_by_role("link", name="from this call").bounding_box()
    assert box and box["height"] < 25
    looker.check()


def test_a_server_that_is_away_is_no_request(house: House, looking: Opener) -> None:
    looker = looking()
    looker.page.route("**/api/v1/experiments**", lambda route: route.abort())
    page = looker.open("/experiments")
    failed = page.locator(".hg-failed")
    expect(failed).to_contain_text("the server can't be reached", timeout=60_000)
    expect(failed).to_contain_text("check that it runs (")
    expect(failed.get_by_text("request ")).to_have_count(0)
    looker.shoot("experiments-away")
    assert looker.violations() == []
    assert not looker.elsewhere


@pytest.mark.parametrize(
    ("path", "table", "text"),
    [
        ("/requests?status=404", "requests", "no-such-model"),
        ("/requests?status=402", "requests", "402 budget_exhausted"),
        ("/traces", "traces", "ask through the gateway"),
    ],
)
def test_what_is_cut_says_the_whole(house: House, looking: Opener, path: str, table: str, text: str) -> None:
    looker = looking(width=NARROW)
    page = looker.open(path)
    rows = page.get_by_role("table", name=table).get_by_role("row")
    words = text.rpartition(" ")[2]
    cell = rows.get_by_role("cell").filter(has_text=words).first
    cell.hover()
    said = cell.evaluate(
        "cell => [cell, ...cell.querySelectorAll('[title]')].map((each) => each.title).filter(Boolean)"
    )
    assert any(words in each for each in said), said
    looker.check()
