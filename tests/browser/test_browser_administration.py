"""Releases, access, routing and settings as people use them; each change is checked by the API."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.administered import Administered, administer
from tests.browser.conftest import NARROW, Opener
from tests.browser.console_house import House
from tests.browser.shown_numbers import unlinked

PAGES = {
    "releases": ("/releases", "All releases"),
    "releases-compare": ("/releases/compare?a={0}&b={1}", "What changed"),
    "release": ("/releases/{1}", "app/answers.py:ANSWER"),
    "access": ("/access", "a project admin"),
    "access-roles": ("/access/roles", "makes keys of the roles"),
    "access-projects": ("/access/projects", "clinic"),
    "access-audit": ("/access/audit", "environment"),
    "routing": ("/routing", "up to 2 tries at each target"),
    "routing-clinic": ("/routing?project=clinic", "As calls of the project clinic go."),
    "routing-providers": ("/routing/providers", "Slots a gateway"),
    "routing-rules": ("/routing/rules", "max_output is at most 300"),
    "routing-rule": ("/routing/rules/colder", "version 2"),
    "settings": ("/settings", "The file says what is in force."),
    "settings-alerts": ("/settings/alerts", "http://127.0.0.1:9/alerts"),
    "settings-exporters": ("/settings/exporters", "Calls are sent to no collector"),
    "settings-retention": ("/settings/retention", "Nothing was erased"),
    "settings-status": ("/settings/status", "Calls are served."),
}


@pytest.fixture(scope="module")
def made(house: House) -> Iterator[Administered]:
    yield administer(house)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_administration_shows_what_it_is_for(
    made: Administered, looking: Opener, name: str, dark: bool
) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=dark)
    page = looker.settled(path.format(*made.releases), expected)
    looker.shoot(f"{name}-{'dark' if dark else 'light'}")
    assert looker.violations() == []
    assert unlinked(page) == []
    looker.check()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_administration_fits_a_small_screen(made: Administered, looking: Opener, name: str) -> None:
    path, expected = PAGES[name]
    looker = looking(width=NARROW)
    looker.settled(path.format(*made.releases), expected)
    looker.shoot(f"{name}-small")
    assert looker.beyond() == []
    looker.check()


def test_a_key_is_made_rotated_and_revoked(house: House, made: Administered, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/access", "a viewer")
    page.get_by_role("button", name="New key").click()
    form = page.get_by_role("dialog", name="A new key")
    form.get_by_label(re.compile("^Name")).fill("walked")
    form.get_by_label(re.compile("^Models")).fill("assistant, mock/*")
    form.get_by_label("Budget of its own, in USD").fill("3")
    looker.shoot("access-new-key")
    assert looker.violations() == []
    form.get_by_role("button", name="Make the key").click()
    first = shown_key(page, "walked is made")
    looker.shoot("access-key-shown")
    assert looker.violations() == []
    page.keyboard.press("Escape")
    found = next(each for each in house.running.get("/keys")["items"] if each["name"] == "walked")
    assert found["models"] == ["assistant", "mock/*"]
    assert house.running.get("/budgets/walked")["meters"][0]["limit_usd"] == "3"
    assert who_status(house, first) == 200
    page.get_by_role("button", name="rotate walked").click()
    page.get_by_label("The old text ends").select_option("at once")
    page.get_by_role("button", name="Rotate the key").click()
    second = shown_key(page, "walked has a new text")
    page.keyboard.press("Escape")
    assert second != first
    assert who_status(house, first) == 401
    assert who_status(house, second) == 200
    page.get_by_role("button", name="revoke walked").click()
    page.get_by_text("It can't be taken back").wait_for()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_role("button", name="revoke walked")).to_have_count(0)
    assert who_status(house, second) == 401
    page.get_by_role("link", name="Audit").click()
    row = page.get_by_role("table", name="audit").get_by_role("row").nth(1)
    expect(row).to_contain_text("walked")
    expect(row).to_contain_text("revoke")
    row.click()
    page.get_by_role("dialog", name="key revoke").get_by_text("mock/*").wait_for()
    looker.check()


def shown_key(page: Page, title: str) -> str:
    dialog = page.get_by_role("dialog", name=title)
    return dialog.get_by_test_id("key-text").inner_text()


def who_status(house: House, key: str) -> int:
    return house.running.api.get("/whoami", headers={"authorization": f"Bearer {key}"}).status_code


def test_roles_are_offered_what_they_may(made: Administered, looking: Opener) -> None:
    lead = looking(key=made.keys["project_admin"])
    page = lead.settled("/access", "a viewer")
    rail = page.get_by_role("navigation", name="pages", exact=True)
    expect(rail.get_by_role("link", name="Settings")).to_have_count(0)
    expect(page.get_by_role("link", name="Audit")).to_have_count(0)
    expect(page.get_by_role("button", name="revoke HEADGATE_ADMIN_KEY")).to_have_count(0)
    page.get_by_role("button", name="New key").click()
    roles = page.get_by_label("Role").locator("option")
    expect(roles).to_have_text(["project admin", "member", "viewer"])
    lead.check()
    viewer = looking(key=made.keys["viewer"])
    page = viewer.settled("/releases", "All releases")
    rail = page.get_by_role("navigation", name="pages", exact=True)
    expect(rail.get_by_role("link", name="Access")).to_have_count(0)
    expect(page.get_by_role("button", name="promote steady")).to_have_count(0)
    page.goto(f"{viewer.url}/routing")
    page.get_by_text("up to 2 tries").first.wait_for()
    expect(page.get_by_role("link", name="Providers")).to_have_count(0)
    viewer.check()


def test_a_release_is_compared_promoted_and_rolled_back(
    house: House, made: Administered, looking: Opener
) -> None:
    steady, thorough = made.releases
    looker = looking()
    page = looker.settled("/releases", "All releases")
    page.get_by_role("checkbox", name="compare steady").check()
    page.get_by_role("checkbox", name="compare thorough").check()
    page.get_by_role("link", name="Compare steady with thorough").click()
    compared: Any = house.running.get("/releases/compare", a=steady, b=thorough)
    measures = page.get_by_role("table", name="measures")
    for measure in compared["measures"]:
        expect(measures.get_by_role("row").filter(has_text=measure["sentence"])).to_have_count(1)
    expect(page.get_by_role("region", name="Prompts in code")).to_contain_text("Be thorough")
    expect(page.get_by_role("region", name="Pinned models")).to_contain_text("mock/large")
    page.get_by_role("link", name="back to releases").click()
    page.get_by_role("button", name="promote thorough").click()
    dialog = page.get_by_role("dialog", name="Promote thorough")
    dialog.get_by_label("Environment").fill("production")
    dialog.get_by_text("1 prompt, 2 parameters").wait_for()
    dialog.get_by_label("Why").fill("walked")
    assert looker.violations() == []
    dialog.get_by_role("button", name="Put it in force in production").click()
    dialog.wait_for(state="hidden")
    standing: Any = house.running.get("/environments/production/status")
    assert (standing["release"], standing["why"]) == (thorough, "walked")
    page.get_by_role("button", name="roll back production").click()
    dialog = page.get_by_role("dialog", name="Roll back production")
    dialog.get_by_text("production goes from thorough to steady").wait_for()
    looker.shoot("releases-roll-back")
    dialog.get_by_role("button", name="Go back to steady").click()
    dialog.wait_for(state="hidden")
    standing = house.running.get("/environments/production/status")
    assert (standing["release"], standing["action"]) == (steady, "rollback")
    row = page.get_by_role("table", name="environments").get_by_role("row").filter(has_text="production")
    expect(row).to_contain_text("rolled back by")
    looker.check()


def test_a_target_is_tried_and_the_call_is_on_record(
    house: House, made: Administered, looking: Opener
) -> None:
    looker = looking()
    page = looker.settled("/routing/providers", "Slots a gateway")
    page.get_by_role("button", name="test call to mock").click()
    dialog = page.get_by_role("dialog", name="A test call to mock")
    expect(dialog.get_by_label("Model")).to_have_value("small")
    dialog.get_by_role("button", name="Make the call").click()
    link = dialog.get_by_role("link", name="the call on record")
    link.wait_for()
    expect(dialog.get_by_role("status")).to_contain_text("200")
    looker.shoot("routing-test-call")
    assert looker.violations() == []
    request = (link.get_attribute("href") or "").split("/")[-1].split("?")[0]
    assert not [each for each in house.running.get("/keys")["items"] if each["name"].startswith("test call")]
    house.call("after the test", "assistant", "Is it shipped?")
    link.click()
    page.get_by_role("complementary", name="the path of the call").wait_for()
    assert house.running.get(f"/requests/{request}")["tags"] == ["test-call"]
    looker.errors = [error for error in looker.errors if "404" not in error]
    looker.check()


def test_a_provider_says_when_it_failed_last_and_why(
    house: House, made: Administered, looking: Opener
) -> None:
    looker = looking()
    page = looker.settled("/routing/providers", "Slots a gateway")
    row = page.get_by_role("table", name="providers").get_by_role("row").filter(has_text="shaky")
    row.get_by_text("overloaded").wait_for()
    found: Any = next(each for each in house.running.get("/providers")["items"] if each["name"] == "shaky")
    assert found["last_failure"]["target"] == "shaky/large"
    expect(row.get_by_role("time")).to_have_attribute("datetime", found["last_failure"]["at"])
    assert found["state_since"] is None, "one failure opens no breaker"
    looker.check()


def test_a_rule_is_written_tried_and_only_then_holds(
    house: House, made: Administered, looking: Opener
) -> None:
    looker = looking()
    page = looker.settled("/routing/rules", "max_output is at most 300")
    page.get_by_role("button", name="New rule").click()
    form = page.get_by_role("dialog", name="A new rule")
    form.get_by_label(re.compile("^Name")).fill("written")
    form.get_by_label("That ask for the model").fill("assistant")
    form.get_by_label("parameter 1", exact=True).fill("temperature")
    form.get_by_label("what becomes of parameter 1").select_option("at most")
    form.get_by_label("value of parameter 1").fill("warm")
    form.get_by_label(re.compile("^Why")).fill("<i>tried</i>")
    form.get_by_role("button", name="With a header").click()
    form.get_by_label("header 1", exact=True).fill("X-Team")
    form.get_by_label("value of header 1").fill("search")
    put = form.get_by_role("button", name="Put it in force")
    expect(put).to_be_disabled()
    form.get_by_role("button", name="Try it on calls on record").click()
    form.get_by_role("alert").wait_for()
    form.get_by_label("value of parameter 1").fill("0.3")
    form.get_by_role("button", name="Change words").click()
    form.get_by_label("old text 1").fill("Say hello.")
    form.get_by_label("new text 1").fill("Say good evening.")
    form.get_by_role("button", name="Try it on calls on record").click()
    changed = form.get_by_role("table", name="changed fields")
    changed.wait_for()
    form.get_by_text("Headers of calls are not on record").wait_for()
    looker.shoot("routing-rule-written")
    assert looker.violations() == []
    form.get_by_label("value of parameter 1").fill("0.4")
    form.get_by_text("try it again").wait_for()
    expect(put).to_be_disabled()
    form.get_by_role("button", name="Try it on calls on record").click()
    changed.wait_for()
    put.click()
    form.wait_for(state="hidden")
    rule: Any = house.running.get("/rules/written")
    assert (rule["match"]["model"], rule["clamp"]) == ("assistant", {"temperature": {"most": 0.4}})
    assert rule["match"]["headers"] == {"x-team": "search"}
    assert rule["replace"] == [{"old": "Say hello.", "new": "Say good evening."}]
    page.get_by_role("link", name="written").click()
    page.get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog", name="Change written")
    expect(form.get_by_label("value of parameter 1")).to_have_value("0.4")
    expect(form.get_by_label("header 1", exact=True)).to_have_value("x-team")
    form.get_by_role("button", name="take header 1 away").click()
    form.get_by_label("Share of these calls").fill("50")
    form.get_by_role("button", name="Try it on calls on record").click()
    form.get_by_text("looked at").wait_for()
    form.get_by_role("button", name="Put it in force").click()
    form.wait_for(state="hidden")
    page.get_by_text("50 %, the same ones each time").wait_for()
    rule = house.running.get("/rules/written")
    assert (rule["version"], rule["match"].get("headers", {})) == (2, {})
    assert house.running.api.delete("/rules/written").status_code == 200
    looker.errors = [error for error in looker.errors if "400" not in error]
    looker.check()


def test_a_rule_is_tested_and_deleted(house: House, made: Administered, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/routing/rules", "elsewhere")
    page.get_by_role("link", name="colder").click()
    page.get_by_role("button", name="Test it").click()
    table = page.get_by_role("table", name="changed fields")
    table.wait_for()
    expect(table.get_by_role("row").filter(has_text="temperature")).to_contain_text("0.2")
    looker.shoot("routing-rule-tested")
    assert looker.violations() == []
    page.get_by_role("link", name="back to rules").click()
    page.get_by_role("link", name="elsewhere").click()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete elsewhere")
    dialog.get_by_text("no longer: the call goes to mock/small").wait_for()
    dialog.get_by_role("button", name="Delete the rule").click()
    expect(page).to_have_url(re.compile(r"/routing/rules(\?.*)?$"))
    expect(page.get_by_role("link", name="elsewhere")).to_have_count(0)
    names = [each["name"] for each in house.running.get("/rules")["items"]]
    assert "colder" in names
    assert "elsewhere" not in names
    looker.check()


def test_a_configuration_is_returned_to_in_one_click(
    house: House, made: Administered, looking: Opener
) -> None:
    before: str = house.running.get("/status")["snapshot"]
    written = house.running.config_path.read_text()
    toml = written.replace('limit = "0.000001 USD"', 'limit = "600 USD"')
    assert toml != written
    answer = house.running.api.post("/config/apply", json={"toml": toml, "base": before, "note": "dearer"})
    assert answer.status_code == 200, answer.text
    looker = looking()
    page = looker.settled("/settings", "The file says something else than what is in force.")
    differs = page.get_by_role("table", name="what the file would change")
    expect(differs).to_contain_text("600 USD")
    looker.shoot("settings-differs")
    assert looker.violations() == []
    history = page.get_by_role("navigation", name="what was in force")
    history.get_by_role("button").nth(1).click()
    page.get_by_role("button", name=f"Return to {before[:12]}").click()
    dialog = page.get_by_role("dialog", name=f"Return to {before[:12]}")
    expect(dialog.get_by_role("table", name="what will change")).to_contain_text("0.000001 USD")
    looker.shoot("settings-return")
    assert looker.violations() == []
    dialog.get_by_role("button", name="Put it in force").click()
    page.get_by_text("The file says what is in force.").wait_for()
    assert house.running.get("/status")["snapshot"] == before
    looker.check()


def test_a_webhook_is_made_and_deleted(house: House, made: Administered, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/settings/alerts", "Webhooks")
    page.get_by_role("button", name="New webhook").click()
    dialog = page.get_by_role("dialog", name="A new webhook")
    dialog.get_by_label("Address").fill("http://127.0.0.1:9/walked")
    dialog.get_by_role("button", name="Make the webhook").click()
    secret = page.get_by_role("dialog", name="The webhook is made").get_by_test_id("webhook-secret")
    assert len(secret.inner_text()) >= 20
    page.keyboard.press("Escape")
    urls = [each["url"] for each in house.running.get("/webhooks")["items"]]
    assert "http://127.0.0.1:9/walked" in urls
    page.get_by_role("button", name="delete the webhook to http://127.0.0.1:9/walked").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("http://127.0.0.1:9/walked")).to_have_count(0)
    assert len(house.running.get("/webhooks")["items"]) == len(urls) - 1
    looker.check()


def test_keys_lead_to_the_pages_of_administration(made: Administered, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/releases", "All releases")
    for key, path in (("a", "/access"), ("m", "/routing"), ("c", "/settings"), ("l", "/releases")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**{path}**")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="search").fill("thorough")
    page.get_by_role("option", name="thorough answers").wait_for()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="thorough").wait_for()
    looker.check()
