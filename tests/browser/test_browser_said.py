"""What people say and keep in the console: scores given by hand, and views that others see."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from tests.browser.conftest import Looker, Opener, let_go
from tests.browser.console_house import House

SESSION = "scored-session"


@pytest.fixture(scope="module")
def scored(house: House) -> House:
    """The house, with a call of a session, and names of scores in use."""
    house.call("scored", "assistant", "Is this right?", headers={"x-headgate-session": SESSION})
    assert len(house.running.wait_for_requests(1, session=SESSION)) == 1
    for said in (
        {"name": "helpful", "value": True, "user": "anna"},
        {"name": "outcome", "value": "resolved", "user": "anna"},
        {"name": "stars", "value": 4, "user": "anna"},
        {"name": "stars", "value": 1.5, "user": "anna"},
    ):
        assert house.running.api.post("/feedback", json=said).status_code == 202
    return house


def _said(house: House, **subject: str) -> list[dict[str, Any]]:
    return house.running.get("/feedback", **subject)["items"]


def _scores(page: Page, of: str) -> Locator:
    return page.get_by_role("region", name=f"scores of the {of}")


def _form(page: Page, of: str) -> Locator:
    """The form that the button opens."""
    scores = _scores(page, of)
    scores.get_by_role("button", name=f"Score this {of}").click()
    return scores.get_by_role("form")


def test_a_call_is_scored_changed_and_taken_back_by_keyboard(scored: House, looking: Opener) -> None:
    looker = looking()
    identity = scored.ids["scored"]
    page = looker.settled(f"/requests/{identity}?live=off", "Nobody has said anything of this call yet")
    scores = _scores(page, "call")
    scores.get_by_role("button", name="Score this call").focus()
    page.keyboard.press("Enter")
    form = scores.get_by_role("form", name="score this call")
    expect(form.get_by_label("Name")).to_be_focused()
    offered = form.locator("datalist").first.locator("option")
    offered.first.wait_for(state="attached")
    assert {"helpful", "outcome", "stars"} <= {each.get_attribute("value") for each in offered.all()}
    page.keyboard.type("stars")
    expect(form.get_by_role("radio", name="a number")).to_be_checked()
    expect(form).to_contain_text("1.5 to 4 so far")
    expect(form.get_by_role("button", name="Give it")).to_be_disabled()
    form.get_by_label("Value").focus()
    page.keyboard.type("2,5")
    page.keyboard.press("Tab")
    page.keyboard.type("half of it is right")
    assert looker.violations() == []
    looker.shoot("score-call-form")
    form.get_by_role("button", name="Give it").focus()
    page.keyboard.press("Enter")
    row = scores.get_by_role("row").filter(has_text="stars")
    expect(row).to_contain_text("half of it is right")
    expect(row).to_contain_text("person")
    [said] = _said(scored, request_id=identity)
    assert (said["name"], said["value"], said["comment"], said["source"]) == (
        *("stars", 2.5),
        *("half of it is right", "person"),
    )
    assert said["by"] in row.inner_text()
    row.get_by_role("button", name="change stars").focus()
    page.keyboard.press("Enter")
    changed = scores.get_by_role("form", name="change stars")
    changed.get_by_label("Value").fill("3")
    changed.get_by_label("Value").press("Enter")
    expect(row.get_by_role("cell").first).to_contain_text("3")
    assert [(each["id"], each["value"]) for each in _said(scored, request_id=identity)] == [(said["id"], 3)]
    assert looker.violations() == []
    looker.shoot("score-call")
    row.get_by_role("button", name="take stars back").press("Enter")
    expect(scores).to_contain_text("Nobody has said anything")
    assert _said(scored, request_id=identity) == []
    looker.check()


def test_what_was_said_is_not_nothing_while_it_is_on_its_way(scored: House, looking: Opener) -> None:
    looker = looking()
    held: list[Route] = []
    looker.page.route("**/api/v1/feedback?*", lambda route: held.append(route))
    page = looker.open(f"/requests/{scored.ids['scored']}?live=off")
    page.get_by_text("Loading scores").wait_for()
    expect(page.get_by_text("Nobody has said anything")).to_have_count(0)
    let_go(page, held)
    page.get_by_text("Nobody has said anything of this call yet").wait_for()
    looker.check()


@pytest.mark.parametrize("dark", [False, True])
def test_a_session_is_scored_and_a_word_is_offered(scored: House, looking: Opener, *, dark: bool) -> None:
    looker = looking(dark=dark)
    page = looker.settled(f"/sessions/{SESSION}?live=off", "Is this right?")
    form = _form(page, "session")
    form.get_by_label("Name").fill("outcome")
    expect(form.get_by_role("radio", name="a category")).to_be_checked()
    expect(form.locator("datalist option[value=resolved]")).to_have_count(1)
    form.get_by_label("Value").fill("resolved")
    looker.shoot(f"score-session-{'dark' if dark else 'light'}")
    form.get_by_role("button", name="Give it").click()
    row = _scores(page, "session").get_by_role("row").filter(has_text="outcome").first
    expect(row).to_contain_text("resolved")
    assert {each["value"] for each in _said(scored, session=SESSION)} == {"resolved"}
    assert looker.violations() == []
    looker.check()


def test_a_trace_and_a_step_are_scored_each_by_itself(scored: House, looking: Opener) -> None:
    [trace] = scored.running.get("/traces", name="answer a question", limit=1)["items"]
    looker = looking()
    page = looker.settled(f"/traces/{trace['trace_id']}?live=off", "answer a question")
    _give(page, "trace", "solved")
    expect(_scores(page, "trace").get_by_role("row").filter(has_text="solved")).to_contain_text("yes")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    _give(page, "step", "clear")
    said = {each["name"]: each for each in _said(scored, trace_id=trace["trace_id"])}
    assert (said["solved"]["span_id"], said["solved"]["value"], said["clear"]["value"]) == (None, True, True)
    assert said["clear"]["span_id"] is not None
    assert looker.violations() == []
    looker.shoot("score-step")
    looker.check()


def test_names_in_use_that_come_late_still_say_what_a_name_takes(scored: House, looking: Opener) -> None:
    looker = looking()
    held: list[Route] = []
    looker.page.route("**/api/v1/feedback/names?*", lambda route: held.append(route))
    page = looker.settled(f"/sessions/{SESSION}?live=off", "Is this right?")
    form = _form(page, "session")
    form.get_by_label("Name").fill("outcome")
    expect(form.get_by_role("radio", name="yes or no")).to_be_checked()
    let_go(page, held)
    expect(form.get_by_role("radio", name="a category")).to_be_checked()
    form.get_by_role("radio", name="a number").check()
    expect(form.get_by_role("radio", name="a number")).to_be_checked()
    looker.check()


def _give(page: Page, of: str, name: str) -> None:
    form = _form(page, of)
    form.get_by_label("Name").fill(name)
    form.get_by_role("radio", name="yes", exact=True).check()
    form.get_by_role("button", name="Give it").click()
    expect(_scores(page, of).get_by_role("row").filter(has_text=name)).to_have_count(1)


def test_who_may_give_no_scores_hears_who_may(scored: House, looking: Opener) -> None:
    looker = looking(key=scored.running.make_key("looks on", role="viewer"))
    page = looker.settled(f"/requests/{scored.ids['scored']}?live=off", "gives no scores")
    scores = _scores(page, "call")
    expect(scores).to_contain_text("A key of role viewer gives no scores; one of role")
    expect(scores).to_contain_text("project admin")
    expect(scores.get_by_role("button")).to_have_count(0)
    assert looker.violations() == []
    looker.shoot("score-not-allowed")
    looker.check()


def _views(looker: Looker, path: str) -> Page:
    page = looker.open(path)
    page.get_by_role("button", name="Views").click()
    return page


def test_a_view_is_saved_for_others_renamed_and_deleted(scored: House, looking: Opener) -> None:
    looker = looking()
    page = _views(looker, "/requests?live=off&status=error")
    page.get_by_label("name of this view").fill("What failed")
    page.get_by_role("button", name="Save", exact=True).click()
    shared = page.get_by_role("region", name="views that others see")
    shared.get_by_role("button", name="What failed").first.wait_for()
    assert looker.violations() == []
    looker.shoot("views-shared")
    other = looking(key=scored.running.make_key("looks on, too", role="viewer"))
    seen = _views(other, "/requests?live=off")
    expect(seen.get_by_role("button", name="delete the view What failed")).to_have_count(0)
    own = seen.get_by_role("region", name="views of this browser")
    expect(own).to_contain_text("your key's role may save none for the project")
    seen.get_by_label("name of this view").fill("Mine")
    seen.get_by_role("button", name="Save", exact=True).click()
    own.get_by_role("button", name="Mine", exact=True).wait_for()
    other.shoot("views-viewer")
    assert other.violations() == []
    seen.get_by_role("button", name="What failed", exact=False).click()
    seen.wait_for_url("**status=error**")
    page.get_by_role("button", name="rename the view What failed").click()
    page.get_by_label("new name of What failed").fill("Failures")
    page.get_by_role("button", name="Rename", exact=True).click()
    shared.get_by_role("button", name="delete the view Failures").click()
    expect(shared).to_contain_text("None yet")
    views = [each["name"] for each in scored.running.get("/views", page="requests")["items"]]
    assert views == []
    looker.check()
    other.check()
