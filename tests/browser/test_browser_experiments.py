"""Experiments as people read them: a sentence, how the interval closed in, the calls behind, the end."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import NARROW, Opener
from tests.browser.console_house import House
from tests.browser.house_experiments import experiment
from tests.browser.shown_numbers import arms_as_reported, counted, metrics_as_reported, unlinked

PAGES = {
    "experiments": ("/experiments", "What is known"),
    "experiment": ("/experiments/smaller", "Watched to the end"),
    "experiment-open": ("/experiments/briefer", "Watched to the end"),
    "experiment-broken": ("/experiments/split", "The arms don't have the shares that were meant"),
    "experiment-adaptive": ("/experiments/leaning", "Meant now"),
    "experiment-undecided": ("/experiments/smaller/decision", "Nothing has been decided yet"),
    "experiment-plan-empty": ("/planning", "Say how long it takes"),
    "experiment-missing": ("/experiments/no-such", "there is no experiment"),
}


@pytest.fixture(scope="module")
def made(house: House) -> Iterator[House]:
    assert house.running.get("/experiments")["items"] == []
    yield house


@pytest.fixture(scope="module")
def ran(made: House) -> House:
    experiment(made)
    return made


def test_before_the_first_experiment_it_says_how(made: House, looking: Opener) -> None:
    looker = looking()
    looker.settled("/experiments", "No experiment has been defined yet")
    looker.shoot("experiments-empty")
    assert looker.violations() == []
    looker.check()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_experiments_shows_what_it_is_for(
    ran: House, looking: Opener, name: str, dark: bool
) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=dark)
    page = looker.settled(path, expected)
    looker.shoot(f"{name}-{'dark' if dark else 'light'}")
    assert looker.violations() == []
    assert unlinked(page) == []
    if name == "experiment-missing":
        looker.errors = [error for error in looker.errors if "404" not in error]
    looker.check()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_experiments_fits_a_small_screen(ran: House, looking: Opener, name: str) -> None:
    path, expected = PAGES[name]
    looker = looking(width=NARROW)
    looker.settled(path, expected)
    looker.shoot(f"{name}-small")
    assert looker.beyond() == []
    looker.check(missing=name.endswith("-missing"))


def test_its_numbers_are_those_of_the_api_and_lead_to_the_records(ran: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/experiments/smaller", "Watched to the end")
    report: Any = ran.running.get("/experiments/smaller")["report"]
    page.get_by_text(report["sentence"]).first.wait_for()
    rows = arms_as_reported(page, report)
    assert [arm["name"] for arm in report["arms"]] == ["large", "small"]
    metrics_as_reported(page, report)
    small = report["arms"][1]
    rows.nth(2).get_by_role("link", name=f"{small['calls']:,}", exact=True).click()
    page.get_by_role("table", name="requests").wait_for()
    assert counted(ran, page.url) == small["calls"]
    page.go_back()
    page.get_by_role("link", name="12 calls").click()
    page.get_by_role("table", name="requests").wait_for()
    assert counted(ran, page.url) == report["strays"] == 12
    looker.check()


def test_calls_that_another_arm_served_are_listed_apart_and_name_it(ran: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/experiments/briefer", "Watched to the end")
    row = page.get_by_role("table", name="arms").get_by_role("row").nth(2)
    row.get_by_role("cell").nth(6).get_by_role("link", name="9", exact=True).click()
    table = page.get_by_role("table", name="requests")
    table.wait_for()
    assert counted(ran, page.url) == 9
    table.get_by_role("row").nth(1).get_by_role("link").first.click()
    facts = page.get_by_role("region", name="experiments")
    expect(facts).to_contain_text("briefer")
    expect(facts.get_by_role("link", name="now", exact=True)).to_have_attribute(
        "href", re.compile(r"arm=now.*")
    )
    assert looker.violations() == []
    looker.shoot("call-in-an-experiment")
    facts.get_by_role("link", name="briefer").click()
    page.get_by_role("table", name="arms").wait_for()
    looker.check()


def test_shares_that_moved_are_shown_as_they_moved(ran: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/experiments/leaning", "Meant now")
    report: Any = ran.running.get("/experiments/leaning")["report"]
    expect(page.get_by_text("3 of 4 parts of all users take part, each with")).to_be_visible()
    rows = page.get_by_role("table", name="shares as they moved").locator("tbody tr")
    expect(rows).to_have_count(3)
    for row, shares in zip(rows.all(), report["shares"], strict=True):
        told = [f"{round(100 * each)} %" for each in shares.values()]
        assert row.locator("td").all_inner_texts()[1:] == told
    expect(page.get_by_role("img", name=re.compile("errors")).first).to_be_visible()
    looker.check()


def test_an_experiment_is_found_by_its_key_and_by_name(ran: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/releases", "Releases")
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.get_by_role("table", name="experiments").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="search").fill("brief")
    page.get_by_role("option", name="briefer experiment").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="briefer").wait_for()
    looker.check()


def test_who_may_only_read_stops_nothing(ran: House, looking: Opener) -> None:
    key = ran.running.api.post("/keys", json={"name": "watches experiments", "role": "viewer"}).json()["key"]
    looker = looking(key=key)
    page = looker.settled("/experiments/smaller", "Watched to the end")
    expect(page.get_by_role("button", name="Stop it")).to_have_count(0)
    looker.check()


def test_an_experiment_is_stopped_and_the_decision_is_sealed(ran: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/experiments/briefer", "Watched to the end")
    page.get_by_role("button", name="Stop it").click()
    dialog = page.get_by_role("dialog", name="Stop briefer")
    expect(dialog.get_by_role("button", name="Stop it for ever")).to_be_disabled()
    dialog.get_by_label("Decided for").select_option("brief")
    dialog.get_by_label("Why").fill("cheaper, <b>and</b> as good")
    looker.shoot("experiment-stop")
    assert looker.violations() == []
    dialog.get_by_role("button", name="Stop it for ever").click()
    page.get_by_role("heading", name="The decision on briefer").wait_for()
    page.get_by_text("intact").wait_for()
    page.get_by_text("cheaper, <b>and</b> as good").wait_for()
    decision: Any = ran.running.get("/experiments/briefer")["decision"]
    page.get_by_text(decision["seal"]).wait_for()
    for digest in decision["sealed"]["data"].values():
        page.get_by_text(digest).wait_for()
    looker.shoot("experiment-decision")
    assert looker.violations() == []
    page.get_by_role("link", name="back to the experiment").click()
    page.get_by_role("link", name="The decision").wait_for()
    expect(page.get_by_role("button", name="Stop it")).to_have_count(0)
    looker.check()


def test_a_plan_says_how_long_it_takes_as_the_api_does(ran: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/experiments", "What is known")
    page.get_by_role("link", name="Plan an experiment").click()
    page.get_by_label("The least difference that matters").fill("much")
    page.get_by_label("What units are like now").select_option("rate")
    page.get_by_label("Share of units, in percent").fill("40")
    page.get_by_label("Units a day").fill("250")
    page.get_by_role("button", name="Say how long it takes").click()
    expect(page.get_by_role("alert")).to_contain_text("“much”, which is no number")
    page.get_by_label("The least difference that matters").fill("5%")
    page.get_by_role("button", name="Say how long it takes").click()
    rows = page.get_by_role("table", name="what it takes").locator("tbody tr")
    expect(rows).to_have_count(3)
    asked = {"effect": 0.05, "is_relative": True, "rate": 0.4, "per_day": 250.0}
    plan = ran.running.api.post("/planning", json=asked).json()
    for row, line in zip(rows.all(), plan["lines"], strict=True):
        shown = [cell.inner_text().replace(",", "") for cell in row.locator("td").all()]
        assert shown[:2] == [str(line["units"]), str(line["units_in_all"])]
        assert float(shown[2].split()[0]) == pytest.approx(line["days"], abs=1)
    expect(page.locator(".hg-verdict")).to_contain_text(f"{plan['lines'][1]['units']:,} units of two arms")
    looker.shoot("experiment-plan-light")
    assert looker.violations() == []
    # The address holds it: a link shows the same.
    again = looking(dark=True)
    again.settled(page.url.partition("//")[2].partition("/")[2].join(("/", "")), "units of two arms")
    again.shoot("experiment-plan-dark")
    assert again.violations() == []
    again.check()
    # What can't be is said by the server: a share of 40 % can't move by 80 points.
    page.get_by_label("The least difference that matters").fill("0.8")
    page.get_by_role("button", name="Say how long it takes").click()
    expect(page.get_by_text("a rate of 0.4 can't move by 0.8")).to_be_visible()
    looker.errors = [error for error in looker.errors if "400" not in error]
    looker.check()


def test_a_plan_measures_a_ratio_of_two_sums_of_calls(ran: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/planning", "Say how long it takes")
    page.get_by_label("The least difference that matters").fill("20%")
    page.get_by_label("What units are like now").select_option("calls")
    page.get_by_label("Of units' calls").select_option("tokens")
    page.get_by_label("Divided by").fill("calls")
    page.get_by_role("combobox", name="Unit", exact=True).select_option("call")
    page.get_by_label("Days for which a unit is watched").fill("0.0001")
    page.get_by_role("button", name="Say how long it takes").click()
    rows = page.get_by_role("table", name="what it takes").locator("tbody tr")
    expect(rows).to_have_count(3)
    asked = {"effect": 0.2, "is_relative": True, "measure": "tokens", "per": "calls", "unit": "call"}
    plan = ran.running.api.post("/planning", json={**asked, "window_s": 8.64}).json()
    assert plan["source"] == "recorded"
    expect(page.locator(".hg-verdict")).to_contain_text(f"{plan['lines'][1]['units']:,} units of two arms")
    looker.shoot("experiment-plan-ratio")
    assert looker.violations() == []
    looker.check()
