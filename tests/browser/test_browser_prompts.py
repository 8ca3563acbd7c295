"""A prompt's page in the console: how its versions do, beside each other, and where it is used."""

import random
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser.conftest import Opener
from tests.browser.console_house import House, id_at
from tests.browser.house_spend import write
from tests.browser.house_traces import DOCUMENTS, Tracer
from tests.contract.made_entries import make_end

from headgate.core.call import Usage
from headgate.core.entries import End, PromptUsed

DAY_MS = 86_400_000
CODE = "shop/prompts.py:HELLO"
MANAGED = "/prompts/greeting?of=default&live=off&range=30d"


def _past() -> Iterator[End]:
    """Three weeks of calls of two versions, the newer one dearer and quicker."""
    source = random.Random(5)
    now_ms = int(time.time() * 1000)
    for number in range(900):
        age = source.random() * 21
        version = 2 if source.random() > age / 21 else 1
        started = now_ms - int(age * DAY_MS) - 60_000
        failed = source.random() < (0.02 if version == 2 else 0.06)
        yield make_end(
            id_at(started, source),
            started_ms=started,
            duration_ms=int((900 if version == 1 else 600) * source.lognormvariate(0, 0.4)),
            first_token_ms=None if failed else source.randint(80, 300),
            status=502 if failed else 200,
            code="provider_error" if failed else "",
            user=f"u{number % 9}",
            session="",
            tags=(),
            model="assistant",
            target="mock/small",
            cost_pico_usd=version * 40_000_000 + source.randint(0, 9_000_000),
            usage=Usage(input=source.randint(200, 900), output=source.randint(20, 300)),
            prompts=(PromptUsed("greeting", version),),
            environment="production" if version == 2 else "",
            trace_id="",
            release="",
        )


@pytest.fixture(scope="module")
def used(house: House) -> House:
    """The house, with calls of prompts and what was said of them."""
    write(house.running, list(_past()))
    source = random.Random(11)
    for version in ("1", "2"):
        calls = house.running.get("/requests", prompt="greeting", prompt_version=version, limit=60)["items"]
        for call in calls:
            liked = source.random() < (0.55 if version == "1" else 0.8)
            said: list[dict[str, Any]] = [{"name": "helpful", "value": liked}]
            said.append({"name": "stars", "value": source.randint(1, 5)})
            for each in said:
                answer = house.running.api.post("/feedback", json={**each, "request_id": call["id"]})
                assert answer.status_code == 202, answer.text
    house.call("hello", "assistant", "Say hello to Ada.", user="anna")
    deadline = time.monotonic() + 60
    while not (_answers(house) >= 240 and _outcomes(house, CODE)["versions"]):
        assert time.monotonic() < deadline, "feedback and calls are not counted"
        time.sleep(0.2)
    return house


def _outcomes(house: House, name: str) -> Any:
    return house.running.get("/prompts/outcomes", name=name, project="default")


def _answers(house: House) -> int:
    versions = _outcomes(house, "greeting")["versions"]
    return sum(said["answers"] for version in versions for said in version["feedback"])


def _counted_by(house: House, address: str) -> int:
    """How many calls the list behind an address of the console holds."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items() if name != "live"}
    return len(house.running.requests(**asked))


def _row(page: Page, title: str) -> list[str]:
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=title, exact=True))
    return row.get_by_role("cell").all_inner_texts()


@pytest.mark.parametrize(("dark", "width"), [(False, 1440), (True, 1440), (False, 1024)])
def test_versions_say_how_they_do(used: House, looking: Opener, *, dark: bool, width: int) -> None:
    looker = looking(dark=dark, width=width)
    page = looker.settled(MANAGED, "How it does, by version")
    table = page.get_by_role("region", name="how its versions do")
    table.wait_for()
    found = _outcomes(used, "greeting")["versions"]
    assert [int(text.split("\n")[0].replace(",", "")) for text in _row(page, "Calls")] == [
        each["calls"] for each in found
    ]
    shown = [text.split() for text in _row(page, "Errors")]
    assert [int(words[0]) for words in shown] == [each["failed"] for each in found]
    helpful = [said for each in found for said in each["feedback"] if said["name"] == "helpful"]
    for text, said in zip(_row(page, "helpful"), helpful, strict=True):
        assert text.startswith(f"{100 * said['estimate']['value']:.0f} %"), (text, said)
        assert f"of {said['answers']} answers" in text
    assert table.locator(".hg-spark").count() == 4 * len(found)
    assert looker.violations() == []
    looker.shoot(f"prompt-outcomes-{'dark' if dark else 'light'}-{width}")
    page.get_by_role("region", name="where it's used").scroll_into_view_if_needed()
    looker.shoot(f"prompt-where-{'dark' if dark else 'light'}-{width}")
    looker.check()


def test_each_number_leads_to_the_calls_that_it_counts(used: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled(MANAGED, "How it does, by version")
    page.get_by_role("region", name="how its versions do").wait_for()
    for title in ("Calls", "Errors"):
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=title, exact=True))
        for link in row.get_by_role("link").all():
            wanted = int(link.inner_text().split()[0].replace(",", ""))
            assert _counted_by(used, str(link.get_attribute("href"))) == wanted
    for link in page.get_by_role("region", name="by calls").get_by_role("link").all():
        wanted = int(link.inner_text().split()[0].replace(",", ""))
        assert _counted_by(used, str(link.get_attribute("href"))) == wanted
    looker.check()


def test_two_versions_stand_beside_each_other(used: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled(f"{MANAGED}&against=1", "How version 1 and version 2 do")
    page.get_by_role("region", name="difference of version 1 and version 2").wait_for()
    by_version = {each["version"]: each for each in _outcomes(used, "greeting")["versions"]}
    assert [int(text.split("\n")[0]) for text in _row(page, "Calls")] == [
        by_version[version]["calls"] for version in ("1", "2")
    ]
    assert looker.violations() == []
    looker.shoot("prompt-two-versions")
    looker.check()


def test_a_prompt_in_code_says_where_it_stands(used: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled(
        f"/prompts/{CODE.replace('/', '%2F')}?of=default&source=shop&live=off&range=30d", "In code"
    )
    code = page.get_by_role("region", name="in code")
    expect(code).to_contain_text("shop/prompts.py:1 of shop")
    calls = _outcomes(used, CODE)["versions"][0]["calls"]
    assert [int(text.split("\n")[0]) for text in _row(page, "Calls")] == [calls]
    assert looker.violations() == []
    looker.shoot("prompt-code")
    looker.check()


def test_retrieved_documents_are_tinted_in_a_call(used: House, looking: Opener) -> None:
    trace = Tracer("ask the manual through the gateway", begin_ms=int(time.time() * 1000))
    root = trace.step(trace.name, 0, 900, {"gen_ai.operation.name": "invoke_agent"})
    retrieved: dict[str, Any] = {"openinference.span.kind": "RETRIEVER"}
    for place, (name, text) in enumerate(DOCUMENTS):
        retrieved[f"retrieval.documents.{place}.document.id"] = name
        retrieved[f"retrieval.documents.{place}.document.content"] = text
    trace.step("search", 10, 50, retrieved, above=root)
    trace.send(used.running.url, used.key)
    asked = "\n\n".join([*(text for _, text in DOCUMENTS), "How long does a lease last?"])
    used.call("retrieved", "assistant", asked, headers={"traceparent": f"00-{trace.id}-{root}-01"})
    identity = used.ids["retrieved"]
    deadline = time.monotonic() + 30
    while "document" not in [each["origin"] for each in _shares(used, identity)]:
        assert time.monotonic() < deadline, "the documents are not found"
        time.sleep(0.2)
    looker = looking()
    page = looker.settled(f"/requests/{identity}", "retrieved")
    tinted = page.locator(".hg-painted .hg-origin-document")
    expect(tinted.first).to_be_visible()
    titles = {each.get_attribute("title") for each in tinted.all()}
    assert titles == {f"retrieved: {name}" for name, _ in DOCUMENTS}
    expect(tinted.first).to_have_attribute("title", f"retrieved: {DOCUMENTS[0][0]}")
    share = next(each for each in _shares(used, identity) if each["origin"] == "document")
    legend = page.get_by_role("figure").filter(has_text="retrieved").get_by_role("listitem")
    expect(legend.filter(has_text="retrieved")).to_contain_text(
        re.compile(f"{100 * share['share']:.0f} %.*≈ {share['tokens_estimated']} tokens")
    )
    assert looker.violations() == []
    looker.shoot("call-retrieved")
    looker.check()


def _shares(house: House, identity: str) -> list[dict[str, Any]]:
    answer = house.running.api.get(f"/requests/{identity}/provenance")
    return answer.json()["shares"] if answer.status_code == 200 else []


def test_the_calls_of_an_unknown_prompt_are_those_that_are_counted(used: House, looking: Opener) -> None:
    for name in ("ships", "trains", "planes", "bicycles"):
        text = f"Is what they say of {name} in this letter a question, a complaint, or praise?"
        used.call(f"unknown {name}", "assistant", [{"role": "system", "content": text}])
    deadline = time.monotonic() + 30
    while not (
        found := [each for each in _unknown(used) if "praise" in each["template"] and each["calls"] == 4]
    ):
        assert time.monotonic() < deadline, "the calls are not counted"
        time.sleep(0.2)
    looker = looking()
    page = looker.settled("/prompts?show=unknown&live=off&range=7d", "a complaint, or praise")
    row = page.get_by_role("table").get_by_role("row").filter(has_text="a complaint, or praise")
    link = row.get_by_role("link", name="4", exact=True)
    assert f"unknown={found[0]['id']}" in str(link.get_attribute("href"))
    assert _counted_by(used, str(link.get_attribute("href"))) == 4
    link.click()
    table = page.get_by_role("table", name="requests")
    expect(table.get_by_role("row")).to_have_count(5)
    looker.shoot("prompts-unknown-calls")
    looker.check()


def _unknown(house: House) -> list[dict[str, Any]]:
    return house.running.get("/prompts/unknown")["items"]


def test_without_calls_and_without_an_answer_the_page_says_so(used: House, looking: Opener) -> None:
    made = used.running.api.post(
        "/prompts/unused/versions", json={"messages": [{"role": "system", "content": "Nobody asks."}]}
    )
    assert made.status_code == 201, made.text
    looker = looking()
    page = looker.settled("/prompts/unused?of=default&live=off", "No call of this time was made of it")
    assert looker.violations() == []
    looker.shoot("prompt-outcomes-empty")
    looker.check()

    def refuse(route: Route) -> None:
        route.fulfill(status=503, json={"error": {"code": "unavailable", "message": "it is away"}})

    page.route("**/api/v1/prompts/outcomes**", refuse)
    page.goto(f"{used.running.url}{MANAGED}")
    page.get_by_role("alert").filter(has_text="it is away").first.wait_for()
    looker.shoot("prompt-outcomes-failed")


def test_the_playground_is_a_click_from_prompts(used: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled("/prompts?range=30d", "greeting")
    looker.shoot("prompts-list")
    page.get_by_role("link", name="Playground", exact=True).click()
    page.get_by_role("heading", name="Playground", level=1).wait_for()
    looker.check()


LISTED = "/prompts?live=off&range=30d"


def _listed(house: House, **asked: str) -> dict[str, dict[str, Any]]:
    page = house.running.get("/prompts", sort="calls", limit=200, days=30, **asked)
    return {each["name"]: {**each, "uses": page["uses"]} for each in page["items"]}


# Headers, and when something was seen last.
CUT = """
() => [...document.querySelectorAll("[role=columnheader], [role=cell] :has(> time)")]
    .filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)
"""


@pytest.mark.parametrize(
    ("dark", "width"), [(False, 1440), (True, 1440), (False, 1280), (True, 1024), (False, 1024)]
)
def test_the_list_says_where_a_prompt_is_used_and_what_was_said_of_it(
    used: House, looking: Opener, *, dark: bool, width: int
) -> None:
    looker = looking(dark=dark, width=width)
    page = looker.settled(LISTED, "greeting")
    row = page.get_by_role("table", name="prompts").get_by_role("row").filter(has_text="greeting").first
    found = _listed(used)["greeting"]
    expect(row).to_contain_text(f"{100 * found['traffic']['calls'] / found['uses']:.0f} %")
    said = found["feedback"][0]
    low, high = said["estimate"]["low"], said["estimate"]["high"]
    expect(row).to_contain_text(said["name"])
    if said["of"] == "share":
        expect(row).to_contain_text(f"({100 * low:.0f} to {100 * high:.0f} %)")
    for version in found["by_version"]:
        lines = row.get_by_role("img", name=re.compile(f"^version {version['version']}, calls by day: "))
        expect(lines).to_have_count(1)
        own = page.get_by_role("img", name=re.compile(f"^version {version['version']}, calls by day: "))
        total = row.get_by_role("listitem").filter(has=own).get_by_role("link")
        assert _counted_by(used, str(total.get_attribute("href"))) == version["calls"]
        points = ", ".join(map(str, version["points"]))
        expect(lines).to_have_attribute("aria-label", re.compile(f"calls by day: {points};"))
    for use in found["used"]:
        for each in use["names"]:
            if use["kind"] in ("model", "environment"):
                link = row.get_by_role("link", name=each["name"], exact=True).first
                assert _counted_by(used, str(link.get_attribute("href"))) == each["calls"]
    assert page.evaluate(CUT) == []
    assert looker.beyond() == []
    assert looker.violations() == []
    looker.shoot(f"prompts-list-{'dark' if dark else 'light'}-{width}")
    looker.check()


def test_lines_of_versions_have_their_numbers_as_a_table(used: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled(LISTED, "greeting")
    found = _listed(used)["greeting"]["by_version"]
    page.get_by_role("button", name="Calls of greeting by version, as a table").click()
    rows = page.get_by_role("table", name="Calls of greeting by version").get_by_role("row")
    expect(rows).to_have_count(1 + len(found[0]["points"]) + 1)
    for place, version in enumerate(found):
        expect(rows.first.get_by_role("columnheader").nth(place + 1)).to_have_text(
            f"version {version['version']}"
        )
        shown = [rows.nth(step + 1).get_by_role("cell").nth(place) for step in range(len(version["points"]))]
        assert [int(cell.inner_text().replace(",", "")) for cell in shown] == version["points"]
        expect(rows.last.get_by_role("cell").nth(place)).to_have_text(f"{version['calls']:,}")
    assert looker.violations() == []
    looker.shoot("prompts-list-table")
    # What is opened from within a row opens nothing else.
    rows.nth(1).get_by_role("cell").first.click()
    page.get_by_role("button", name="close").click()
    page.get_by_role("heading", name="Prompts", level=1).wait_for()
    looker.settled(MANAGED, "How it does")
    page.get_by_role("button", name="Cost a call by day, as a table").click()
    page.get_by_role("table", name="Cost a call by day").wait_for()
    looker.shoot("prompt-outcomes-table")
    assert looker.violations() == []
    looker.check()


def test_the_list_and_the_page_honour_the_frame(used: House, looking: Opener) -> None:
    looker = looking()
    page = looker.settled(f"{LISTED}&environment=production", "greeting")
    row = page.get_by_role("table", name="prompts").get_by_role("row").filter(has_text="greeting").first
    calls = _listed(used, environment="production")["greeting"]["traffic"]["calls"]
    assert 0 < calls < _listed(used)["greeting"]["traffic"]["calls"]
    link = row.get_by_role("link", name=f"{calls} calls", exact=True)
    assert _counted_by(used, str(link.get_attribute("href"))) == calls
    expect(page.locator("main")).to_contain_text("in production")
    row.get_by_role("link", name="greeting").click()
    expect(page.get_by_role("region", name="how it does")).to_contain_text("in production")
    assert "environment=production" in page.url
    assert [int(text.split("\n")[0]) for text in _row(page, "Calls")] == [calls]
    unknown = "/prompts?show=unknown&live=off&range=7d&environment="
    for environment, said in (("production", "in production"), ("-", "in no environment")):
        looker.settled(f"{unknown}{environment}", "What was said")
        expect(page.locator("main")).to_contain_text(said)
        groups = used.running.get("/prompts/unknown", environment=environment)["items"]
        rows = page.get_by_role("table", name="unknown prompts").get_by_role("row")
        expect(rows).to_have_count(1 + len(groups) if groups else 0)
        for place, group in enumerate(groups[:3]):
            link = rows.nth(place + 1).get_by_role("link").first
            expect(link).to_have_text(f"{group['calls']:,}")
            assert _counted_by(used, str(link.get_attribute("href"))) == group["calls"]
    looker.check()


def test_a_prompt_in_code_and_its_managed_twin_lead_to_each_other(used: House, looking: Opener) -> None:
    body = {"messages": [{"role": "system", "content": "Say something else than hello."}]}
    assert used.running.api.post("/prompts/shop/hello/versions", json=body).status_code == 201
    looker = looking()
    page = looker.settled(
        f"/prompts/{CODE.replace('/', '%2F')}?of=default&source=shop&live=off", "Its managed twin"
    )
    assert looker.violations() == []
    looker.shoot("prompt-twin-here")
    page.get_by_role("region", name="the managed twin").get_by_role("link", name="shop/hello").click()
    twin = page.get_by_role("region", name="the twin in code")
    expect(twin).to_contain_text("goes by the same name")
    twin.get_by_role("link", name=CODE).click()
    page.get_by_role("region", name="the managed twin").wait_for()
    looker.check()
