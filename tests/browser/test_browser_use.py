"""The console in use: signing in and back, numbers that equal the API's, hostile texts, keys, the tail."""

import json
import time
from decimal import Decimal
from typing import Any

from playwright.sync_api import Page, expect
from tests.browser.conftest import Looker, Opener
from tests.browser.console_house import House

PLACEHOLDER = "hg_..."


def sign_in_by_hand(page: Page, key: str) -> None:
    page.get_by_placeholder(PLACEHOLDER).fill(key)
    page.get_by_role("button", name="Sign in", exact=True).click()


def without_refusals(looker: Looker) -> None:
    """The browser says of each answer of 401 that it came; that is what happens here."""
    looker.errors = [error for error in looker.errors if "401" not in error]
    looker.check()


def test_signing_in_leads_to_where_one_wanted_to(house: House, looking: Opener) -> None:
    looker = looking(key="")
    page = looker.page
    page.goto(f"{house.running.url}/requests?status=4xx&range=7d")
    page.get_by_role("heading", name="Sign in to Headgate").wait_for()
    looker.shoot("sign-in")
    assert looker.violations() == []
    sign_in_by_hand(page, "hg_not-a-key")
    page.get_by_text("the key is cut short").wait_for()
    sign_in_by_hand(page, house.running.admin_key)
    page.get_by_role("table", name="requests").wait_for()
    assert page.url.endswith("/requests?status=4xx&range=7d")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="sign out").click()
    page.get_by_role("heading", name="Sign in to Headgate").wait_for()
    assert page.url.endswith("/requests?status=4xx&range=7d")
    without_refusals(looker)


def test_a_revoked_key_leads_to_signing_in_and_back(house: House, looking: Opener) -> None:
    made = house.running.api.post("/keys", json={"name": "soon gone", "role": "admin"}).json()
    looker = looking(key=made["key"])
    page = looker.open("/spend?by=user&live=off")
    page.get_by_role("table", name="cost by user").wait_for()
    assert house.running.api.delete(f"/keys/{made['id']}").status_code == 200
    page.goto(f"{house.running.url}/spend?by=project&live=off")
    page.get_by_role("heading", name="Sign in to Headgate").wait_for()
    page.get_by_text("revoked").wait_for()
    sign_in_by_hand(page, house.running.admin_key)
    page.get_by_role("table", name="cost by project").wait_for()
    assert "by=project" in page.url
    without_refusals(looker)


def test_a_member_sees_its_own_calls_alone(house: House, looking: Opener) -> None:
    made = house.running.api.post("/keys", json={"name": "a member", "role": "member"}).json()
    looker = looking(key=made["key"])
    page = looker.open("/requests")
    page.get_by_text("No call in this time").wait_for()
    looker.shoot("requests-empty")
    page.goto(f"{house.running.url}/")
    page.get_by_role("heading", name="Make the first call").wait_for()
    looker.check()


def fixed(house: House) -> str:
    """A time that is over, so that what is asked twice is the same."""
    newest = house.running.get("/requests", limit=1)["items"][0]["started_at"]
    end = newest[:11] + newest[11:19] + "Z"
    begin = house.running.get("/requests", limit=500)["items"][-1]["started_at"]
    return f"from={begin}&to={end}"


def test_numbers_are_those_of_the_api(house: House, looking: Opener) -> None:
    times = dict(part.split("=") for part in fixed(house).split("&"))
    address = f"from={times['from']}&to={times['to']}"
    looker = looking()
    page = looker.open(f"/?{address}")
    series: Any = house.running.get("/series", **times)
    group = series["groups"][0]
    calls = page.get_by_role("region", name="Calls")
    expect(calls.get_by_role("link").first).to_have_text(f"{group['calls']:,}")
    for label, name in (("answered", "ok"), ("4xx", "client_errors"), ("5xx", "server_errors")):
        row = calls.get_by_role("listitem").filter(has_text=label)
        expect(row.get_by_role("link")).to_have_text(f"{sum(group[name]):,}")
    spend = page.get_by_role("region", name="Spend")
    expect(spend.get_by_role("link").first).to_have_text(dollars(group["cost"]))
    page.goto(f"{house.running.url}/spend?by=target&{address}")
    costs: Any = house.running.get("/costs", group_by="target", **times)["items"]
    table = page.get_by_role("table", name="cost by target")
    table.wait_for()
    for row in costs:
        shown = table.get_by_role("row").filter(has_text=row["target"] or "none").first
        text = shown.inner_text()
        assert f"{row['requests']:,}" in text
        assert (dollars(row["cost_usd"]) if row["cost_usd"] else "unknown") in text
    looker.check()


def dollars(usd: str) -> str:
    """As the console writes money: to the cent, or three digits that say something."""
    value = Decimal(usd)
    if value >= 1:
        return f"${value:,.2f}"
    if value == 0:
        return "$0"
    digits = 2 - value.adjusted()
    return "$" + f"{value:.{digits}f}".rstrip("0").rstrip(".")


def test_every_number_of_the_overview_leads_to_its_calls(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/?range=24h&live=off")
    errors = page.get_by_role("region", name="Errors")
    link = errors.get_by_role("listitem").filter(has_text="rate_limited").get_by_role("link")
    link.click()
    table = page.get_by_role("table", name="requests")
    table.wait_for()
    assert "code=rate_limited" in page.url
    shown = table.get_by_role("row").nth(1).inner_text()
    assert "429" in shown
    assert "rate_limited" in shown
    looker.check()


def test_one_call_is_shown_as_it_is_on_record(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open(f"/requests/{house.ids['markdown']}")
    record: Any = house.running.get(f"/requests/{house.ids['markdown']}")
    facts = page.get_by_role("region", name="cost")
    expect(facts.get_by_role("heading")).to_contain_text(dollars(record["cost_usd"]))
    changes = page.get_by_role("region", name="changes").get_by_role("row")
    expect(changes).to_have_count(1 + len(record["changes"]))
    for line in record["changes"]:
        what = line.partition(":")[0]
        expect(changes.filter(has_text=what).first).to_contain_text(line.rpartition("(")[2].rstrip(")"))
    expect(page.get_by_role("article").last.get_by_role("table")).to_contain_text("$2.00")
    looker.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as curl").click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"{house.running.url}/v1/chat/completions" in copied
    assert json.dumps("Write a plan.") in copied
    looker.check()


def test_what_changed_is_marked_and_named(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/?range=1h")
    changed = page.get_by_role("region", name="what changed")
    names = ("production: promote", "rule calm: made", "configuration", "greeting: production is version 1")
    for name in names:
        changed.get_by_role("link", name=name).first.wait_for()
    marks: Any = house.running.get("/timeline")["items"]
    for mark in marks:
        expect(changed.get_by_role("link", name=mark["name"]).first).to_be_visible()
    changed.get_by_role("link", name="greeting: production is version 1").click()
    page.get_by_role("heading", name="greeting").wait_for()
    looker.check()


def test_a_text_says_where_it_came_from(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open(f"/requests/{house.ids['greeting']}")
    found: Any = house.running.get(f"/requests/{house.ids['greeting']}/provenance")
    assert {"template", "variable"} <= {each["origin"] for each in found["shares"]}
    variable = page.locator(".hg-origin.hg-origin-variable").first
    expect(variable).to_have_text("Ada Lovelace")
    expect(variable).to_have_attribute("title", "variable who")
    template = page.locator(".hg-origin.hg-origin-template").first
    expect(template).to_have_attribute("title", "prompt greeting, version 1")
    bar = page.get_by_role("figure", name="by where it came from")
    for each in found["shares"]:
        name = {"tool": "tool result"}.get(each["origin"], each["origin"])
        expect(bar.get_by_role("listitem").filter(has_text=name)).to_contain_text(f"{each['share']:.0%}"[:-1])
    page.get_by_role("button", name="Markdown").click()
    page.wait_for_url("**text=markdown**")
    expect(page.locator(".hg-origin.hg-origin-variable")).to_have_count(0)
    looker.check()


def test_a_recorded_call_is_made_again_with_other_words(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open(f"/requests/{house.ids['plain']}")
    page.get_by_role("link", name="Open in the playground").click()
    expect(page.get_by_label("model", exact=True)).to_have_value("assistant")
    expect(page.get_by_label("text of message 1")).to_have_value("Say hello.")
    page.get_by_label("text of message 1").fill("Say goodbye.")
    page.get_by_role("button", name="Send").click()
    answer = page.get_by_role("region", name="the answer")
    answer.get_by_role("article").wait_for()
    answer.get_by_text("$0.0").first.wait_for()
    looker.shoot("playground-answered")
    assert looker.violations() == []
    answer.get_by_role("link").click()
    page.get_by_text("Say goodbye.").first.wait_for()
    record: Any = house.running.get(f"/requests/{page.url.rpartition('/')[2].partition('?')[0]}")
    assert record["request"]["messages"][0]["content"] == "Say goodbye."
    assert record["stream"]
    looker.check()


def test_hostile_texts_do_nothing_but_show(house: House, looking: Opener) -> None:
    looker = looking()
    for query in ("", "?text=written", "?tab=request"):
        page = looker.open(f"/requests/{house.ids['hostile']}{query}")
        page.get_by_text("window.hacked").first.wait_for()
        assert page.evaluate("window.hacked") is None
        for hidden in ("ESC", "RLO", "PDF", "ZWSP", "^G"):
            if query != "?tab=request":
                assert page.locator(".hg-hidden-character", has_text=hidden).first.is_visible(), hidden
        assert page.locator("main script, main iframe, main a[href^='javascript']").count() == 0
        assert page.locator("main article img").count() == 0
    looker.shoot("call-hostile")
    page = looker.open("/requests?user=mallory%3Cscript%3E")
    page.get_by_role("cell", name="mallory<script>").first.wait_for()
    looker.check()


def test_five_megabytes_do_not_freeze_a_page(house: House, looking: Opener) -> None:
    looker = looking()
    began = time.monotonic()
    page = looker.open(f"/requests/{house.ids['long']}")
    page.get_by_text("A long text, line by line.").first.wait_for()
    assert time.monotonic() - began < 20
    shown = page.evaluate("document.querySelector('main').innerText.length")
    assert shown < 100_000
    page.get_by_role("button", name="Show more").first.click()
    page.get_by_text("390.6 KiB of").first.wait_for()
    # It still does what it is asked.
    page.get_by_role("tab", name="Parameters").click()
    page.get_by_text("set no parameter").wait_for()
    looker.check()


def test_the_list_follows(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/requests?user=follower")
    page.get_by_text("No call matches").wait_for()
    page.get_by_text("follows").wait_for()
    house.call("followed", "assistant", "Do you follow?", user="follower")
    page.get_by_role("table", name="requests").get_by_role("cell", name="follower").wait_for()
    looker.check()


def test_filters_stand_in_the_address_and_go_back(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/requests?live=off")
    page.get_by_role("region", name="Model").get_by_role("button", name="careful").click()
    page.get_by_role("list", name="filters that hold").get_by_text("careful").wait_for()
    assert "model=careful" in page.url
    page.get_by_role("searchbox", name="text in messages").fill("Is it there?")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=**")
    expect(page.get_by_role("table", name="requests").get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="Views").click()
    page.get_by_label("name of this view").fill("there")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="there", exact=True).wait_for()
    page.keyboard.press("Escape")
    page.go_back()
    page.wait_for_url(lambda url: "text=" not in url)
    again = looker.context.new_page()
    again.goto(f"{house.running.url}/requests")
    again.get_by_role("button", name="Views").click()
    again.get_by_role("button", name="there", exact=True).click()
    again.wait_for_url("**model=careful**")
    looker.check()


def test_keys_go_everywhere(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/?live=off")
    page.get_by_text("What stands out").wait_for()
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/requests?live=off")
    page.get_by_role("table", name="requests").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.get_by_role("complementary", name="the path of the call").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("table", name="requests").wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Keys").wait_for(state="hidden")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="search").fill("greeting")
    page.get_by_role("option", name="managed prompt").wait_for()
    looker.shoot("search")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="greeting").wait_for()
    page.keyboard.press("/")
    page.get_by_role("combobox", name="search").fill(house.ids["plain"])
    page.get_by_role("option", name=f"{house.ids['plain']} request").click()
    page.wait_for_url(f"**/requests/{house.ids['plain']}**")
    looker.check()


def test_light_and_dark_are_chosen_and_kept(looking: Opener) -> None:
    looker = looking()
    page = looker.open("/")
    page.get_by_role("button", name="make it dark").click()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")
    page.reload()
    page.get_by_role("button", name="make it light").wait_for()
    looker.check()


def test_the_overview_is_told_apart_by_what_one_asks(house: House, looking: Opener) -> None:
    times = dict(part.split("=") for part in fixed(house).split("&"))
    looker = looking()
    page = looker.open(f"/?from={times['from']}&to={times['to']}")
    page.get_by_role("group", name="by what").get_by_role("button", name="Model").click()
    page.get_by_role("region", name="Latency").wait_for()
    series: Any = house.running.get("/series", group_by="model", **times)
    calls = page.get_by_role("region", name="Calls")
    for group in series["groups"]:
        name = "all others" if group["is_rest"] else group["name"] or "none"
        expect(calls.get_by_role("listitem").filter(has_text=name)).to_contain_text(f"{group['calls']:,}")
    looker.shoot("overview-by-model")
    assert looker.violations() == []
    page.get_by_role("group", name="by what").get_by_role("button", name="User").click()
    users = page.get_by_role("table", name="users")
    costs: Any = house.running.get("/costs", group_by="user", limit=20, **times)["items"]
    for row in costs:
        shown = users.get_by_role("row").filter(has_text=row["user"] or "none").first
        expect(shown).to_contain_text(f"{row['requests']:,}")
    assert looker.violations() == []
    users.get_by_role("row").filter(has_text="chloe").get_by_role("link").first.click()
    page.get_by_role("table", name="requests").wait_for()
    assert "user=chloe" in page.url
    looker.check()


def test_the_search_finds_every_page_that_one_may_see(house: House, looking: Opener) -> None:
    looker = looking()
    page = looker.open("/")
    page.keyboard.press("Control+k")
    for title, path in (
        ("Audit", "/access/audit"),
        ("Drift", "/drift"),
        ("Retention", "/settings/retention"),
    ):
        page.get_by_role("combobox", name="search").fill(title)
        page.get_by_role("option", name=f"{title} page of").click()
        page.wait_for_url(f"**{path}**")
        page.keyboard.press("Control+k")
    viewer = looking(key=house.running.make_key("finds pages", role="viewer"))
    page = viewer.open("/")
    page.keyboard.press("Control+k")
    page.get_by_role("option", name="Reviews").wait_for()
    assert page.get_by_role("option", name="Audit").count() == 0
    page.get_by_role("combobox", name="search").fill("greeting")
    page.get_by_role("option", name="managed prompt").wait_for()
    viewer.check()
    looker.check()
