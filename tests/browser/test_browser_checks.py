"""Datasets and checks as people use them: cases from calls, runs of `headgate check`, two compared."""

import re

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import NARROW, Opener
from tests.browser.console_house import House
from tests.browser.house_evaluation import checked
from tests.browser.shown_numbers import unlinked

PAGES = {
    "datasets": ("/datasets", "greetings"),
    "dataset": ("/datasets/greetings?case=greet-oslo", "Came from"),
    "checks": ("/checks", "greetings"),
    "check-run": ("/checks/{0}", "its call"),
    "check-runs-compared": ("/checks/{0}/against/{1}", "Pairs of the same cases"),
}
EMPTY = {
    "datasets-empty": ("/datasets", "No dataset is kept"),
    "checks-empty": ("/checks", "No check has run yet"),
}


@pytest.fixture(scope="module")
def made(house: House) -> House:
    checked(house)
    return house


def runs_of(house: House) -> list[str]:
    """The runs, by target: assistant, careful."""
    items = house.running.get("/checks/runs")["items"]
    return [each["id"] for each in sorted(items, key=lambda each: each["target"])]


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_page_says_which_command_fills_it(house: House, looking: Opener, name: str) -> None:
    path, expected = EMPTY[name]
    looker = looking()
    looker.settled(path, expected)
    looker.shoot(name)
    assert looker.violations() == []
    looker.check()


@pytest.mark.parametrize("look", ["light", "dark", "small"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_checks_shows_what_it_is_for(made: House, looking: Opener, name: str, look: str) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=look == "dark", width=NARROW if look == "small" else 1440)
    page = looker.settled(path.format(*runs_of(made)), expected)
    looker.shoot(f"{name}-{look}")
    assert looker.violations() == []
    assert unlinked(page) == []
    assert looker.beyond() == []
    looker.check()


def test_a_run_shows_the_numbers_of_the_api_and_leads_to_calls(made: House, looking: Opener) -> None:
    run = runs_of(made)[0]
    shown = made.running.get(f"/checks/runs/{run}")
    results = made.running.get(f"/checks/runs/{run}/results", limit=500)["items"]
    looker = looking()
    page = looker.settled(f"/checks/{run}", "its call")
    assert shown["report"]["sentence"] in page.locator("main").inner_text()
    for requirement in shown["report"]["requirements"]:
        expect(page.get_by_text(requirement["sentence"])).to_be_visible()
    expect(page.get_by_role("table", name="results").get_by_role("row")).to_have_count(len(results) + 1)
    missing = [each for each in results if any(mark["score"] is None for mark in each["marks"].values())]
    page.get_by_role("button", name=f"Without a mark {len(missing)}").click()
    expect(page.get_by_role("table", name="results").get_by_role("row")).to_have_count(len(missing) + 1)
    expect(page.get_by_text("has no expected text").first).to_be_visible()
    page.get_by_role("table", name="results").get_by_role("link", name="its call").first.click()
    page.wait_for_url("**/requests/**")
    page.get_by_role("article", name="message of user").wait_for()
    looker.check()


def test_a_judges_score_says_what_is_left_without_its_errors(made: House, looking: Opener) -> None:
    run = runs_of(made)[0]
    (correction,) = made.running.get(f"/checks/runs/{run}")["report"]["corrections"]
    looker = looking()
    page = looker.settled(f"/checks/{run}", "its call")
    row = page.get_by_role("table", name="scores without judges' errors").get_by_role("row").nth(1)
    expect(row).to_contain_text(correction["sentence"])
    assert correction["estimate"] is None
    expect(row).to_contain_text("not known")
    looker.check()


def test_two_runs_are_compared_in_the_sentence_of_the_api(made: House, looking: Opener) -> None:
    ours, theirs = runs_of(made)
    looker = looking()
    page = looker.settled(f"/checks/{ours}", "its call")
    page.get_by_text("Compare with").click()
    page.get_by_role("listitem").get_by_role("link", name=re.compile("^careful")).click()
    page.get_by_role("table", name="comparison").wait_for()
    found = made.running.get(f"/checks/runs/{ours}/comparison", against=theirs)
    for each in found["scorers"]:
        expect(page.get_by_text(each["sentence"])).to_be_visible()
        row = page.get_by_role("row").filter(
            has=page.get_by_role("rowheader", name=each["scorer"], exact=True)
        )
        texts = [cell.inner_text() for cell in row.get_by_role("cell").all()]
        assert texts[-4:] == [str(each[name]) for name in ("cases", "better", "worse", "left_out")]
    looker.check()


def test_model_calls_of_a_list_of_traces_are_added_to_a_dataset(made: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/traces?project=default", "Columns")
    page.get_by_role("button", name="Add to dataset").click()
    dialog = page.get_by_role("dialog", name="Add to dataset")
    dialog.get_by_label("Dataset").fill("told")
    looker.shoot("traces-add-to-dataset")
    assert looker.violations() == []
    dialog.get_by_role("button", name="Add", exact=True).click()
    dialog.get_by_text(re.compile(r"calls? of models found; \d+ new cases? in told")).wait_for()
    looker.shoot("traces-added-to-dataset")
    told = made.running.get("/datasets/told")["dataset"]
    cases = made.running.get("/datasets/told/sources", limit=500)["items"]
    assert told["cases"] == len(cases) and all(each["trace_id"] for each in cases)
    looker.check()


def test_two_runs_send_their_pairs_to_a_judge_that_compares(made: House, looking: Opener) -> None:
    ours, theirs = runs_of(made)
    api = made.running.api
    api.post("/judges", json={"name": "single", "model": "mock/judge", "rubric": "Is it good?"})
    pairwise = {"name": "duel", "model": "mock/judge", "rubric": "Which is better?", "scale": "pairwise"}
    api.post("/judges", json=pairwise)
    looker = looking()
    page = looker.settled(f"/checks/{ours}/against/{theirs}", "Held against")
    page.get_by_role("button", name="Send pairs to review").click()
    dialog = page.get_by_role("dialog", name="Send pairs to review")
    options = dialog.get_by_label("Judge").get_by_role("option")
    options.filter(has_text="duel").wait_for(state="attached")
    assert "single" not in options.all_inner_texts()
    dialog.get_by_label("Judge").select_option("duel")
    looker.shoot("runs-send-pairs")
    assert looker.violations() == []
    dialog.get_by_role("button", name="Send it").click()
    dialog.get_by_text(re.compile(r"\d+ of \d+ pairs wait for people now")).wait_for()
    dialog.get_by_role("link", name="the queue of duel").click()
    page.get_by_role("link", name="Mark this one").first.click()
    page.get_by_text("The two answers").wait_for()
    expect(page.get_by_role("article", name="message of first")).to_be_visible()
    expect(page.get_by_role("article", name="message of second")).to_be_visible()
    looker.shoot("review-of-a-pair-of-calls")
    review = made.running.get("/reviews/next", judge="duel")["review"]
    assert review["item"]["subject"] == "pair"
    looker.check()


def test_cases_lead_to_the_calls_that_they_came_from(made: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/datasets/greetings", "Came from")
    versions = made.running.get("/datasets/greetings")["versions"]
    expect(page.get_by_role("navigation", name="versions").get_by_role("listitem")).to_have_count(
        len(versions)
    )
    page.get_by_role("link", name="a call", exact=True).first.click()
    page.wait_for_url(
        re.compile("/requests/(" + "|".join(made.ids[name] for name in ("plain", "tools")) + ")")
    )
    page.go_back()
    page.get_by_role("link", name="version 1", exact=True).click()
    table = page.get_by_role("table", name="cases")
    expect(table.get_by_role("row")).to_have_count(versions[-1]["cases"] + 1)
    looker.check()


def test_a_call_and_a_list_of_requests_are_added_to_a_dataset(made: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled(f"/requests/{made.ids['greeting']}", "Add to dataset")
    page.get_by_role("button", name="Add to dataset").click()
    dialog = page.get_by_role("dialog", name="Add to dataset")
    dialog.get_by_label("Dataset").fill("walked")
    looker.shoot("call-add-to-dataset")
    assert looker.violations() == []
    dialog.get_by_role("button", name="Add", exact=True).click()
    dialog.get_by_text("1 call found; 1 new case in walked, version 1.").wait_for()
    page = looker.settled("/requests?user=ben&model=writer&project=default", "Columns")
    page.get_by_role("button", name="Add to dataset").click()
    dialog.get_by_label("Dataset").fill("walked")
    dialog.get_by_role("button", name="Add", exact=True).click()
    dialog.get_by_text("what was asked is not on record").wait_for()
    looker.shoot("requests-add-to-dataset")
    assert looker.violations() == []
    dialog.get_by_role("link", name="Open walked").click()
    page.get_by_role("table", name="cases").wait_for()
    sources = made.running.get("/datasets/walked/sources")["items"]
    assert {each["request_id"] for each in sources} == {made.ids["greeting"], made.ids["markdown"]}
    looker.check()
