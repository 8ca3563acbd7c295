"""Reviews and drift as people use them: each number is the API's, and marks are made by keys alone."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import NARROW, Opener
from tests.browser.console_house import House
from tests.browser.house_evaluation import judged, until, watched
from tests.browser.shown_numbers import unlinked

PAGES = {
    "reviews": ("/reviews", "Wait for people"),
    "judge": ("/reviews/helpful", "What this rests on"),
    "judge-without-marks": ("/reviews/clear", "What this rests on"),
    "judge-marked": ("/reviews/helpful?tab=marked", "Why it was chosen"),
    "judge-waiting": ("/reviews/helpful?tab=waiting", "Mark this one"),
    "review": ("/reviews/helpful/mark", "What is asked"),
    "review-of-five": ("/reviews/clear/mark", "How clear is the answer?"),
    "review-of-two": ("/reviews/better/mark", "The first is better"),
    "drift": ("/drift", "What changed"),
    "drift-alarm": ("/drift/alarms/1", "What it touches"),
    "drift-canary": ("/drift/canaries/daily", "A point is a run"),
}
EMPTY = {
    "reviews-empty": ("/reviews", "No judge has been defined yet"),
    "drift-empty": ("/drift", "No canary"),
}


@pytest.fixture(scope="module")
def made(house: House) -> House:
    judged(house)
    watched(house)
    return house


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_page_says_what_to_write(house: House, looking: Opener, name: str) -> None:
    path, expected = EMPTY[name]
    looker = looking()
    looker.settled(path, expected)
    looker.shoot(name)
    assert looker.violations() == []
    looker.check()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_evaluation_shows_what_it_is_for(
    made: House, looking: Opener, name: str, dark: bool
) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=dark)
    page = looker.settled(path, expected)
    looker.shoot(f"{name}-{'dark' if dark else 'light'}")
    assert looker.violations() == []
    assert unlinked(page) == []
    looker.check()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_evaluation_fits_a_small_screen(made: House, looking: Opener, name: str) -> None:
    path, expected = PAGES[name]
    looker = looking(width=NARROW)
    looker.settled(path, expected)
    looker.shoot(f"{name}-small")
    assert looker.beyond() == []
    looker.check()


def test_a_judge_shows_the_findings_of_the_api(made: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/reviews/helpful", "What this rests on")
    shown = made.running.get("/judges/helpful")
    assert shown["report"]["sentence"] in page.locator("main").inner_text()
    for finding in shown["report"]["findings"]:
        row = row_of(page, finding["name"])
        assert finding["sentence"] in row.inner_text()
        if finding["estimate"] is None:
            expect(row.get_by_text("not known", exact=True)).to_be_visible()
            expect(row.locator("svg")).to_have_count(0)
        else:
            expect(row.get_by_text("not known", exact=True)).to_have_count(0)
    agreement = next(each for each in shown["report"]["findings"] if each["name"] == "agreement")
    assert agreement["estimate"] is not None
    assert f"{agreement['estimate']:.0%}".replace("%", " %") in row_of(page, "agreement").inner_text()
    page.get_by_role("button", name=re.compile(f"Waiting for people {shown['waiting']}")).click()
    expect(page.get_by_role("table", name="waiting for people")).to_be_visible()
    looker.check()


def test_answers_are_marked_by_keys_alone_and_the_judge_shows_after(made: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/reviews/helpful/mark", "What is asked")
    before = made.running.get("/judges/helpful")
    expect(page.get_by_text(f"{before['waiting']} left")).to_be_visible()
    first = page.locator(".hg-marking section").inner_text()
    expect(page.get_by_text("the judge", exact=True)).to_have_count(0)
    page.keyboard.press("s")
    expect(page.get_by_text("1 skipped")).to_be_visible()
    expect(page.locator(".hg-marking section")).not_to_have_text(first)
    page.keyboard.press("y")
    expect(page.get_by_role("radio", name="Yes")).to_be_checked()
    page.keyboard.press("n")
    expect(page.get_by_role("radio", name="No")).to_be_checked()
    page.get_by_label("Why").fill("a part is missing")
    page.get_by_role("radio", name="No").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="what was said").get_by_text("the judge")).to_be_visible()
    expect(page.get_by_text("Why it was here: chance chose it")).to_be_visible()
    looker.shoot("review-said")
    assert looker.violations() == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Say it")).to_be_visible()
    expect(page.get_by_text(f"{before['waiting'] - 1} left")).to_be_visible()
    after = made.running.get("/judges/helpful")
    assert after["done"] == before["done"] + 1
    marked = items_of(made, "helpful")
    said = [mark for each in marked for mark in each["marks"] if mark["comment"] == "a part is missing"]
    assert [mark["value"] for mark in said] == [False]
    looker.check()


def test_of_a_pair_the_mark_names_the_answer_that_was_meant(made: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/reviews/better/mark", "The two answers")
    page.get_by_role("article").filter(has_text="Good day").first.wait_for()
    texts = page.get_by_role("article").all_inner_texts()
    is_long_first = "Good day" in next(text for text in texts if text.startswith("first"))
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.get_by_role("table", name="what was said").wait_for()
    (marked,) = items_of(made, "better")
    (value,) = [mark["value"] for mark in marked["marks"] if mark["source"] == "person"]
    assert value == ("b" if is_long_first else "a")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is left for you to mark")).to_be_visible()
    looker.shoot("review-done")
    assert looker.violations() == []
    looker.check()


def test_a_call_is_sent_to_review_and_read_there_as_on_its_page(made: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled(f"/requests/{made.ids['tools']}", "Send to review")
    page.get_by_role("button", name="Send to review").click()
    dialog = page.get_by_role("dialog", name="Send to review")
    # A call is one answer, and no pair.
    expect(dialog.get_by_label("Judge").get_by_role("option")).to_have_text(["clear", "helpful"])
    dialog.get_by_label("Judge").select_option("clear")
    looker.shoot("call-send-to-review")
    assert looker.violations() == []
    dialog.get_by_role("button", name="Send it").click()
    dialog.get_by_text("It waits for people now").wait_for()
    dialog.get_by_role("link", name="the queue of clear").click()
    row = page.get_by_role("row").filter(has_text=made.ids["tools"][-12:])
    row.get_by_role("link", name="Mark this one").click()
    page.get_by_role("article", name="message of system").wait_for()
    expect(page.get_by_text("calls weather")).to_be_visible()
    looker.shoot("review-of-a-call")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The judge has not marked this answer.")).to_be_visible()
    looker.check()


def test_an_alarm_names_what_the_api_says_and_is_acknowledged_with_a_reason(
    made: House, looking: Opener
) -> None:
    (alarm,) = made.running.get("/drift/alarms")["items"]
    looker = looking()
    page = looker.settled("/drift", "What changed")
    page.get_by_role("table", name="alarms").get_by_role("link", name="moving/small").click()
    main = page.locator("main")
    page.get_by_role("button", name="Acknowledge").wait_for()
    assert alarm["sentence"] in main.inner_text() and alarm["how_sure"] in main.inner_text()
    for change in alarm["changes"]:
        expect(main.get_by_role("cell", name=str(change["before"]["n"]), exact=True).first).to_be_visible()
    (touched,) = [each for each in alarm["touches"] if each["model"] == "mover"]
    assert str(touched["calls"]) in row_of(page, "mover").inner_text()
    row_of(page, "mover").get_by_role("link", name=str(touched["calls"]), exact=True).click()
    page.get_by_role("table", name="requests").get_by_text("mover").first.wait_for()
    page.go_back()
    page.get_by_role("button", name="Acknowledge").click()
    dialog = page.get_by_role("dialog", name="Acknowledge the alarm")
    expect(dialog.get_by_role("button", name="Acknowledge it")).to_be_disabled()
    dialog.get_by_label("Reason").fill("the provider told us")
    looker.shoot("drift-acknowledge")
    assert looker.violations() == []
    dialog.get_by_role("button", name="Acknowledge it").click()
    expect(main.get_by_text("the provider told us")).to_be_visible()
    (alarm,) = made.running.get("/drift/alarms")["items"]
    assert alarm["note"] == "the provider told us"
    looker.check()


def test_the_tabs_lead_from_one_page_of_evaluation_to_the_next(made: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/experiments", "No experiment has been defined yet")
    tabs = page.get_by_role("navigation", name="pages of Experiments")
    tabs.get_by_role("link", name="Reviews").click()
    page.get_by_role("table", name="judges").wait_for()
    rail = page.get_by_role("navigation", name="pages", exact=True)
    expect(rail.get_by_role("link", name="Experiments")).to_have_attribute("aria-current", "page")
    tabs.get_by_role("link", name="Drift").click()
    page.get_by_role("table", name="canaries").wait_for()
    looker.check()


def test_a_viewer_marks_and_is_offered_nothing_that_it_may_not_do(made: House, looking: Opener) -> None:
    looker = looking(key=made.running.make_key("who looks", role="viewer"))
    page = looker.settled("/reviews/clear/mark", "How clear is the answer?")
    expect(page.get_by_role("button", name="Say it")).to_be_visible()
    page = looker.settled("/drift", "No alarm of your project")
    expect(page.get_by_role("region", name="canaries")).to_have_count(0)
    page = looker.settled(f"/requests/{made.ids['plain']}", "Copy as curl")
    expect(page.get_by_role("button", name="Send to review")).to_have_count(0)
    looker.check()


def test_rules_of_groundedness_show_what_they_have_held(made: House, looking: Opener) -> None:
    rules = "/grounding/rules"
    until(lambda: made.running.get(rules)["items"][0]["held"] == 1)
    (rule,) = made.running.get(rules)["items"]
    looker = looking()
    page = looker.settled("/drift?live=off", "claim by claim")
    row = page.get_by_role("table", name="rules of groundedness").get_by_role("row").nth(1)
    cells = row.get_by_role("cell").all_inner_texts()
    counts = [f"{rule[name]:,}" for name in ("held", "scored", "with_unsupported", "waiting", "passed_over")]
    assert [*cells[3:5], *cells[6:9]] == counts
    assert cells[1] == "words alone"
    assert "alert below 90 %" in cells[5]
    looker.check()


def row_of(page: Page, name: str) -> Locator:
    """The row whose head says that."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True)).first


def items_of(house: House, judge: str) -> list[dict[str, Any]]:
    """What people have marked."""
    found: list[dict[str, Any]] = house.running.get("/reviews/export", judge=judge, limit=500)["items"]
    return found
