"""Rollouts as people follow and move them: the way, the evidence as the API has it, and moves by hand."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import NARROW, Opener
from tests.browser.console_house import House
from tests.browser.house_rollouts import SHADOWS, rolled_out
from tests.browser.shown_numbers import arms_as_reported, counted, metrics_as_reported, unlinked

PAGES = {
    "rollouts": ("/rollouts", "What is known"),
    "rollout": ("/rollouts/smaller", "What is meant"),
    "rollout-internal": ("/rollouts/smaller?stage=internal", "are no sample of all"),
    "rollout-earlier": ("/rollouts/smaller?stage=5+%25", "Evidence at 5 %"),
    "rollout-back": ("/rollouts/fragile", "given up"),
    "rollout-held": ("/rollouts/waiting", "held here"),
    "rollout-through": ("/rollouts/through", "nobody left to compare with"),
    "rollout-shadow": ("/rollouts/shadowed", "were answered by both arms"),
    "rollout-missing": ("/rollouts/no-such", "there is no rollout"),
}


@pytest.fixture(scope="module")
def unrolled(house: House) -> Iterator[House]:
    assert house.running.get("/rollouts")["items"] == []
    yield house


@pytest.fixture(scope="module")
def rolled(unrolled: House) -> House:
    rolled_out(unrolled)
    return unrolled


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_before_the_first_rollout_it_says_how(unrolled: House, looking: Opener, dark: bool) -> None:
    looker = looking(dark=dark)
    looker.settled("/rollouts", "Nothing is being rolled out")
    looker.shoot(f"rollouts-empty-{'dark' if dark else 'light'}")
    assert looker.violations() == []
    looker.check()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_rollouts_shows_what_it_is_for(
    rolled: House, looking: Opener, name: str, dark: bool
) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=dark)
    page = looker.settled(path, expected)
    looker.shoot(f"{name}-{'dark' if dark else 'light'}")
    assert looker.violations() == []
    assert unlinked(page) == []
    if name == "rollout-missing":
        looker.errors = [error for error in looker.errors if "404" not in error]
    looker.check()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_rollouts_fits_a_small_screen(rolled: House, looking: Opener, name: str) -> None:
    path, expected = PAGES[name]
    looker = looking(width=NARROW)
    looker.settled(path, expected)
    looker.shoot(f"{name}-small")
    assert looker.beyond() == []
    looker.check(missing=name.endswith("-missing"))


def test_the_list_says_what_the_api_says(rolled: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/rollouts", "What is known")
    items: Any = rolled.running.get("/rollouts")["items"]
    rows = page.get_by_role("table", name="rollouts").get_by_role("row")
    expect(rows).to_have_count(1 + len(items))
    for place, item in enumerate(items):
        row = rows.nth(place + 1)
        for said in (item["name"], item["alias"], item["sentence"]):
            expect(row).to_contain_text(said)
    looker.check()


def test_the_evidence_is_the_apis_and_leads_to_the_records(rolled: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/rollouts/smaller", "What is meant")
    shown: Any = rolled.running.get("/rollouts/smaller")
    page.get_by_text(shown["rollout"]["sentence"]).first.wait_for()
    steps = page.get_by_role("list", name="stages of smaller").get_by_role("listitem")
    titles = ["answers", *shown["rollout"]["stages"]]
    expect(steps).to_have_count(len(titles))
    for place, title in enumerate(titles):
        expect(steps.nth(place)).to_contain_text(title)
    expect(page.locator("[aria-current=step]")).to_contain_text("25 %")
    arms = arms_as_reported(page, shown["report"])
    assert [arm["name"] for arm in shown["report"]["arms"]] == ["present", "candidate"]
    metrics_as_reported(page, shown["report"])
    moves = page.get_by_role("table", name="moves").get_by_role("row")
    expect(moves).to_have_count(1 + len(shown["moves"]))
    for place, move in enumerate(shown["moves"]):
        expect(moves.nth(place + 1)).to_contain_text(move["why"])
    candidate = shown["report"]["arms"][1]
    arms.nth(2).get_by_role("link", name=f"{candidate['calls']:,}", exact=True).click()
    page.get_by_role("table", name="requests").wait_for()
    assert counted(rolled, page.url) == candidate["calls"]
    looker.check()


def test_what_was_known_earlier_is_a_click_away(rolled: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/rollouts/smaller", "What is meant")
    page.get_by_role("list", name="stages of smaller").get_by_role("link", name="5 %", exact=True).click()
    evidence = page.get_by_role("region", name="evidence at 5 %")
    plan: Any = rolled.running.get("/rollouts/smaller")["plan"]
    (stage,) = [each for each in plan["stages"] if each["name"] == "5 %"]
    known: Any = rolled.running.get(f"/experiments/{stage['experiment']}", version=stage["version"])
    rows = evidence.get_by_role("table", name="arms").get_by_role("row")
    expect(rows.nth(2)).to_contain_text(f"{known['report']['arms'][1]['units']:,}")
    assert "stage=5" in page.url
    looker.check()


def test_a_rollout_is_found_by_name_and_stands_beside_experiments(rolled: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/experiments", "No experiment has been defined yet")
    page.get_by_role("navigation", name="pages of Experiments").get_by_role("link", name="Rollouts").click()
    page.get_by_role("table", name="rollouts").wait_for()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="search").fill("fragile")
    page.get_by_role("option", name="fragile rollout").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="fragile").wait_for()
    looker.check()


def test_moves_are_marked_on_the_overview_and_lead_to_the_rollout(rolled: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/")
    changed = page.get_by_role("region", name="what changed")
    changed.get_by_role("link", name="rollout fragile: back from 10 %").click()
    page.get_by_role("heading", name="fragile").wait_for()
    looker.check()


def test_who_may_not_see_rollouts_is_not_offered_them(rolled: House, looking: Opener) -> None:
    key = rolled.running.api.post("/keys", json={"name": "sees no rollout", "role": "viewer"}).json()["key"]
    looker = looking(key=key)
    page = looker.settled("/experiments", "No experiment has been defined yet")
    expect(page.get_by_role("navigation", name="pages of Experiments").get_by_role("link")).not_to_have_text(
        ["Rollouts"]
    )
    assert page.get_by_role("link", name="Rollouts").count() == 0
    looker.check()


def test_a_rollout_is_let_go_on_moved_and_rolled_back_by_hand(rolled: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/rollouts/waiting", "held here")
    page.get_by_role("button", name="Let it go on").click()
    dialog = page.get_by_role("dialog", name="Let waiting go on")
    dialog.get_by_label("Why").fill("the prices are known")
    dialog.get_by_role("button", name="Let it go on").click()
    page.get_by_role("button", name="Hold it here").wait_for()
    page.get_by_role("table", name="moves").get_by_text("the prices are known").wait_for()
    page.get_by_role("button", name="Move on to all").click()
    dialog = page.get_by_role("dialog", name="Move waiting on")
    dialog.get_by_text("all calls").wait_for()
    looker.shoot("rollout-move")
    assert looker.violations() == []
    dialog.get_by_role("button", name="Move on to all").click()
    expect(page.get_by_role("button", name="Move on")).to_have_count(0)
    page.get_by_role("button", name="Roll back").click()
    dialog = page.get_by_role("dialog", name="Roll waiting back")
    dialog.get_by_label("Why").fill("<i>no</i> reason")
    looker.shoot("rollout-roll-back")
    dialog.get_by_role("button", name="Roll back").click()
    page.get_by_role("table", name="moves").get_by_text("<i>no</i> reason").wait_for()
    expect(page.get_by_role("button", name="Roll back")).to_have_count(0)
    moves: Any = rolled.running.get("/rollouts/waiting")["moves"]
    assert [each["action"] for each in moves] == ["back", "advance", "resume", "hold", "begin"]
    looker.check()


def test_a_move_that_somebody_else_made_first_is_not_made_twice(rolled: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/rollouts/smaller?live=off", "What is meant")
    page.get_by_role("button", name="Move on to all").click()
    dialog = page.get_by_role("dialog", name="Move smaller on")
    answer = rolled.running.api.post("/rollouts/smaller/moves", json={"action": "back", "why": "first"})
    assert answer.status_code == 201, answer.text
    dialog.get_by_role("button", name="Move on to all").click()
    dialog.get_by_text("stands at back, not at '25 %'").wait_for()
    looker.errors = [error for error in looker.errors if "409" not in error]
    looker.check()


def test_what_both_arms_answered_is_shown_as_reported(rolled: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/rollouts/shadowed?live=off", "were answered by both arms")
    report: Any = rolled.running.get("/rollouts/shadowed")["report"]
    rows = page.get_by_role("table", name="calls that both arms answered").get_by_role("row")
    expect(rows).to_have_count(1 + len(report["metrics"]))
    for place, metric in enumerate(report["metrics"]):
        (one,) = metric["comparisons"]
        row = rows.nth(place + 1)
        expect(row).to_contain_text(metric["name"])
        expect(row.get_by_role("cell").last).to_have_text(f"{one['units']:,}")
        expect(row.get_by_text("no interval")).to_have_count(int(one["low"] is None))
    looker.check()


def test_shadows_are_told_apart_and_left_out_of_requests(rolled: House, looking: Opener) -> None:
    looker = looking()
    shadows = len(rolled.running.requests(model="sketches", shadow="yes"))
    others = len(rolled.running.requests(model="sketches", shadow="no"))
    assert min(shadows, others) >= SHADOWS
    page = looker.settled("/requests?model=sketches&live=off&range=30d", "Shadows")
    table = page.get_by_role("table", name="requests")
    table.get_by_text("shadow", exact=True).first.wait_for()
    looker.shoot("requests-shadows")
    assert looker.violations() == []
    facet = page.get_by_role("region", name="Shadows")
    facet.get_by_role("button", name="Shadows").click()
    facet.get_by_role("button", name="left out").click()
    expect(table).to_have_attribute("aria-rowcount", str(others + 1))
    expect(table.get_by_text("shadow", exact=True)).to_have_count(0)
    facet.get_by_role("button", name="alone").click()
    expect(table).to_have_attribute("aria-rowcount", str(shadows + 1))
    table.get_by_role("row").nth(1).get_by_role("link").first.click()
    page.get_by_role("heading", name="sketches").wait_for()
    page.locator("header").get_by_text("shadow", exact=True).wait_for()
    looker.check()
