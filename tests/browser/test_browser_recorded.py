"""Every page over recorded traffic of real providers: nothing fails, nothing leaves, numbers are the API's.

And over texts that mean harm, at 1,024 pixels, by keys alone, and by scrolling.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import NARROW, OWN, WAIT_MS, Looker, Opener
from tests.browser.console_house import House
from tests.browser.house_evaluation import until
from tests.browser.recorded_house import DIALECTS, recorded_house
from tests.browser.shown_numbers import compact, duration
from tests.browser.test_browser_use import dollars
from tests.recorded_exchanges import recorded_file

from headgate.core.pages import format_datetime

PAGES = {
    "overview": "/",
    "requests": "/requests",
    "requests-failed": "/requests?status=error",
    "call-harm": "/requests/{harm}",
    "call-harm-request": "/requests/{harm}?tab=request",
    "playground-harm": "/playground?call={harm}",
    "traces": "/traces",
    "trace-harm": "/traces/{harmful trace}",
    "sessions": "/sessions",
    "session-harm": "/sessions/{harmful session}",
    "prompts": "/prompts",
    "prompts-unknown": "/prompts?show=unknown",
    "prompt-harm": "/prompts/harm?version=2&against=1",
    "releases": "/releases",
    "experiments": "/experiments",
    "spend": "/spend",
    "spend-users": "/spend?by=user",
    "access": "/access",
    "access-roles": "/access/roles",
    "access-projects": "/access/projects",
    "access-audit": "/access/audit",
    "routing": "/routing",
    "routing-providers": "/routing/providers",
    "routing-rules": "/routing/rules",
    "settings": "/settings",
    "settings-alerts": "/settings/alerts",
    "settings-exporters": "/settings/exporters",
    "settings-retention": "/settings/retention",
    "settings-status": "/settings/status",
}
SHOWN_MAX = 120_000
"""Characters that a page draws at once, however long what it shows is."""
SCROLLED_MS = 50
SHORTCUTS = {
    "o": "/", "r": "/requests", "t": "/traces", "n": "/sessions", "p": "/prompts", "l": "/releases",
    "e": "/experiments", "s": "/spend", "a": "/access", "m": "/routing", "c": "/settings",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(chromium_path: str) -> Iterator[House]:
    del chromium_path
    with recorded_house() as opened:
        yield opened


def drawn(looker: Looker, house: House, path: str) -> Page:
    whole = path.format(**{name: quote(value, safe="") for name, value in house.ids.items()})
    page = looker.open(whole)
    page.get_by_role("heading", level=1).first.wait_for(state="attached")
    expect(page.locator(".hg-waiting")).to_have_count(0)
    expect(page.locator(".hg-failed")).to_have_count(0)
    return page


def check_page(looker: Looker, name: str) -> None:
    """Nothing of a stranger's text came alive, axe finds nothing, and it fits a small screen."""
    page = looker.page
    assert page.evaluate("window.hacked") is None
    assert page.locator("main script, main iframe, main a[href^='javascript'], main img").count() == 0
    assert page.evaluate("document.querySelector('main').innerText.length") < SHOWN_MAX
    looker.shoot(f"recorded-{name}")
    assert looker.violations() == []
    page.set_viewport_size({"width": NARROW, "height": 768})
    assert looker.beyond() == []
    looker.check()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_bears_recorded_traffic_and_texts_that_mean_harm(
    house: House, looking: Opener, name: str
) -> None:
    looker = looking(dark=name.endswith("s"))
    drawn(looker, house, PAGES[name])
    check_page(looker, name)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_recorded_call_is_shown_whole(house: House, looking: Opener, dialect: str) -> None:
    ids = {name: value for name, value in house.ids.items() if name.startswith(f"{dialect} ")}
    if not ids:
        pytest.skip(f"no exchange of {dialect} is at hand; HEADGATE_RECORDED names the folder of all")
    looker = looking()
    for name, request in ids.items():
        page = drawn(looker, house, f"/requests/{request}")
        record: Any = house.running.get(f"/requests/{request}")
        cost = page.get_by_role("region", name="cost").get_by_role("heading")
        if record["cost_usd"] is None:
            expect(cost).to_contain_text("unknown")
        else:
            # A half in the last digit goes one way in decimals and the other in the browser's numbers.
            shown = float(cost.inner_text().rpartition("$")[2])
            assert shown == pytest.approx(float(record["cost_usd"]), rel=6e-3)
        path = page.get_by_role("complementary", name="the path of the call")
        for attempt in record["attempts"]:
            path.get_by_text(attempt["target"]).first.wait_for()
        looker.shoot(f"recorded-{name.replace(' ', '-')}")
        assert looker.violations() == []
    looker.check()


def test_all_that_was_recorded_was_replayed(house: House) -> None:
    recorded_file()
    replayed = [name for name in house.ids if name.startswith("recorded ")]
    assert len(replayed) > 60
    dialects = {each["dialect"] for each in house.running.requests()}
    assert len(dialects) >= len(DIALECTS)


def test_rows_of_every_list_say_what_the_api_says(house: House, looking: Opener) -> None:
    looker = looking()
    page = drawn(looker, house, "/requests?live=off&columns=time,status,model,user,duration,cost,session")
    rows = page.get_by_role("table", name="requests").get_by_role("row")
    for place, item in enumerate(house.running.get("/requests", limit=12)["items"]):
        shown = rows.nth(place + 1).inner_text()
        assert str(item["status"]) in shown
        assert item["model"] in shown
        assert (dollars(item["cost_usd"]) if item["cost_usd"] else "unknown") in shown
    page = drawn(looker, house, "/spend?by=model")
    table = page.get_by_role("table", name="cost by model")
    counts = Counter(item["model"] for item in house.running.requests())
    table.get_by_role("row").nth(5).wait_for()
    # Rows out of sight are not drawn.
    shown_rows = [text.split() for text in table.get_by_role("row").all_inner_texts()]
    compared = [cells for cells in shown_rows if cells and cells[0] in counts]
    assert len(compared) >= min(8, len(counts))
    for cells in compared:
        assert f"{counts[cells[0]]:,}" in cells, cells
    page = drawn(looker, house, "/access")
    keys = page.get_by_role("table", name="keys")
    row = keys.get_by_role("row").filter(has_text="console").first
    expect(row).to_contain_text(f"{len(house.running.requests()):,}")
    looker.check()


def test_a_trace_and_a_session_are_listed_with_what_they_came_to(house: House, looking: Opener) -> None:
    looker = looking()
    page = drawn(looker, house, "/sessions?live=off")
    sessions: Any = house.running.get("/sessions", limit=5)["items"]
    assert sessions
    table = page.get_by_role("table", name="sessions").get_by_role("row")
    for place, each in enumerate(sessions, start=1):
        cells = table.nth(place).get_by_role("cell")
        expect(cells.nth(0)).to_have_text(each["session"], use_inner_text=True)
        its = {"session": each["session"], "project": each["project"]}
        of_it: Any = house.running.get("/traces", **its)["items"]
        alone = [one for one in house.running.requests(**its) if one["trace_id"] is None]
        assert len(alone) == each["untraced"]
        for column, number, name in (
            (5, each["errors"], "errors"),
            (6, each["traces"], ""),
            (7, each["calls"], "calls"),
            (8, tokens_in(each["usage"]), "in"),
            (9, tokens_out(each["usage"]), "out"),
        ):
            shown = "none" if name == "errors" and number == 0 else compact(number)
            expect(cells.nth(column)).to_have_text(shown)
            told = [*(came_to(trace, name) for trace in of_it), *(came_to(call, name) for call in alone)]
            assert number == sum(told), (each["session"], name)
        check_cost(cells.nth(10), each)
    page = drawn(looker, house, "/traces?live=off&columns=name,spans,calls,duration,tokens,cost")
    traces: Any = house.running.get("/traces", limit=5)["items"]
    assert traces
    table = page.get_by_role("table", name="traces").get_by_role("row")
    for place, each in enumerate(traces, start=1):
        cells = table.nth(place).get_by_role("cell")
        detail: Any = house.running.get(f"/traces/{each['trace_id']}", project=each["project"])
        tokens = f"{compact(tokens_in(each['usage']))} → {compact(tokens_out(each['usage']))}"
        expect(cells.nth(1)).to_have_text(compact(each["spans"]))
        expect(cells.nth(2)).to_have_text(compact(each["calls"]))
        expect(cells.nth(3)).to_have_text(duration(each["duration_ms"]))
        expect(cells.nth(4)).to_have_text(tokens)
        check_cost(cells.nth(5), each)
        for name in ("calls", "usage", "cost_usd", "errors"):
            assert each[name] == detail[name], (each["trace_id"], name)
        assert each["calls"] == sum(span["counted"] for span in detail["spans"])
    looker.check()


def test_calls_of_a_session_without_traces_are_its_turns(house: House, looking: Opener) -> None:
    looker = looking()
    page = drawn(looker, house, "/sessions/conversation%200")
    calls = [one for one in house.running.requests(session="conversation 0") if one["trace_id"] is None]
    assert len(calls) > 1
    turns = page.get_by_role("list", name="turns of the session").locator("> li > section")
    expect(turns).to_have_count(len(calls))
    for turn, call in zip(turns.all(), reversed(calls), strict=True):
        expect(turn.get_by_role("link").first).to_have_attribute(
            "href", re.compile(f"/requests/{call['id']}")
        )
    turns.first.get_by_text("user").first.wait_for()
    looker.shoot("session-of-calls")
    assert looker.violations() == []
    looker.check()


def came_to(part: dict[str, Any], name: str) -> int:
    """What a trace adds to its session, or a call that is part of none."""
    match name:
        case "":
            return int("spans" in part)
        case "in":
            return tokens_in(part["usage"])
        case "out":
            return tokens_out(part["usage"])
        case "errors" if "status" in part and "errors" not in part:
            return int(part["status"] >= 400)
        case "calls" if "calls" not in part:
            return 1
        case _:
            return part[name]


def tokens_in(usage: dict[str, int]) -> int:
    return usage["input"] + usage["cache_read"] + usage["cache_write"]


def tokens_out(usage: dict[str, int]) -> int:
    return usage["output"] + usage["reasoning"]


def check_cost(cell: Locator, of: dict[str, Any]) -> None:
    """The whole amount stands where one points at it."""
    if of["calls"] == 0:
        expect(cell).to_have_text("–")
    elif of["cost_usd"] is None:
        expect(cell).to_have_text("unknown")
    else:
        expect(cell.get_by_title(f"${of['cost_usd']}", exact=True)).to_be_visible()


def test_the_list_is_there_at_once_and_scrolls(house: House, looking: Opener) -> None:
    looker = looking()
    asked: list[str] = []
    looker.page.on("request", lambda request: asked.append(request.url))
    page = drawn(looker, house, "/requests?live=off")
    table = page.get_by_role("table", name="requests")
    table.get_by_role("row").nth(5).wait_for()
    ms = page.evaluate("performance.now()")
    sizes = page.evaluate("performance.getEntriesByType('resource').map((one) => one.transferSize)")
    print(f"first rows after {ms:.0f} ms, {len(asked)} requests, {sum(sizes):,} bytes")
    assert len(asked) < 45, asked
    assert sum(sizes) < 1_500_000
    total = len(house.running.requests())
    last = house.running.requests()[-1]
    for _ in range(WAIT_MS // SCROLLED_MS):
        table.evaluate("each => each.scrollTo(0, each.scrollHeight)")
        if int(table.get_attribute("aria-rowcount") or 0) > total:
            break
        page.wait_for_timeout(SCROLLED_MS)
    assert int(table.get_attribute("aria-rowcount") or 0) == total + 1
    table.evaluate("each => each.scrollTo(0, each.scrollHeight)")
    page.locator(f"a[href*='{last['id']}']").first.wait_for()
    assert table.get_by_role("row").count() < 100, "only those in sight are drawn"
    looker.check()


def test_keys_alone_reach_every_page_and_the_focus_goes_in_order(house: House, looking: Opener) -> None:
    looker = looking()
    page = drawn(looker, house, "/?live=off")
    for key, path in SHORTCUTS.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_function("path => location.pathname === path", arg=path)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    keys.wait_for()
    for key in SHORTCUTS:
        expect(keys).to_contain_text(f"g {key}")
    page.keyboard.press("Escape")
    keys.wait_for(state="hidden")
    page = drawn(looker, house, "/requests?live=off")
    places: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        within = "document.activeElement.closest('nav, header, main, aside')?.tagName ?? ''"
        places.append(str(page.evaluate(within)))
        is_seen = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
        assert page.evaluate(is_seen), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    firsts = list(dict.fromkeys(places))
    assert firsts.index("NAV") < firsts.index("HEADER"), firsts
    looker.check()


def test_an_expired_key_leads_to_signing_in_and_back(house: House, looking: Opener) -> None:
    looker, made = used_until_it_expires(house, looking)
    page = looker.page
    page.get_by_role("link", name="Prompts").click()
    page.get_by_role("heading", name="Sign in to Headgate").wait_for()
    said = f"(brief) expired at {made['expires_at']}"
    expect(page.get_by_role("status")).to_contain_text(said)
    looker.shoot("sign-in-expired")
    assert looker.violations() == []
    # Its text is refused with the same reason; another one leads on to where one wanted to.
    for key in (made["key"], house.running.admin_key):
        page.get_by_placeholder("hg_...").fill(key)
        page.get_by_role("button", name="Sign in", exact=True).click()
        if key == made["key"]:
            expect(page.get_by_text(said)).to_be_visible()
    page.get_by_role("heading", name="Prompts", level=1).wait_for()
    assert page.url == f"{house.running.url}/prompts?range=7d&live=off"
    looker.errors = [error for error in looker.errors if "401" not in error]
    looker.check()


def used_until_it_expires(house: House, looking: Opener) -> tuple[Looker, Any]:
    """A window whose key was good when it was opened, and is over now; a slow machine gets a longer one."""
    api, url = house.running.api, f"{house.running.url}/api/v1"
    for lasts_s in (1.5, 6, 24):
        ends = format_datetime(datetime.now(UTC) + timedelta(seconds=lasts_s))
        answer = api.post("/keys", json={"name": "brief", "role": "admin", "expires_at": ends})
        assert answer.status_code == 201, answer.text
        made: Any = answer.json()
        looker = looking(key="")
        body = {"key": made["key"]}
        looker.context.request.post(f"{url}/sign-in", data=body, headers=OWN)
        looker.page.goto(f"{house.running.url}/traces?range=7d&live=off")
        pages = looker.page.get_by_role("navigation", name="pages", exact=True)
        heading = looker.page.get_by_role("heading", name="Sign in to Headgate")
        pages.or_(heading).first.wait_for()
        if pages.is_visible():
            break
    else:
        raise AssertionError("no key lasted until the console was open")
    until(lambda: looker.context.request.get(f"{url}/whoami", headers=OWN).status == 401)
    return looker, made
