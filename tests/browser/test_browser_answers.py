"""A call's page shows each of several answers, what a broken stream had said, and pictures in results."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from demo.running import headgate
from playwright.sync_api import Page, expect
from tests.browser.conftest import Looker, Opener
from tests.browser.console_house import HOSTILE, PIXEL, House
from tests.flow.scripted_provider import ScriptedProvider, answer, completion, stream

CONFIG = """
[providers.scripted]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/scripted/v1"

[models.any]
targets = ["scripted/any"]
"""
PICTURE = f"data:image/png;base64,{PIXEL}"
SEARCH = {"type": "web_search_call", "id": "ws", "status": "completed", "action": {"query": HOSTILE}}
DRAWN = {"type": "image_generation_call", "id": "ig", "status": "completed", "result": PIXEL}
CREATED: dict[str, Any] = {
    "type": "response.created",
    "response": {"id": "r", "status": "in_progress", "output": []},
}
PIECES: list[dict[str, Any]] = [
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": each}
    for each in ("It is ", "warm")
]
MAP = {
    "type": "function_call_output",
    "call_id": "c1",
    "output": [{"type": "input_text", "text": "a map"}, {"type": "input_image", "image_url": PICTURE}],
}


@pytest.fixture(scope="module")
def house(chromium_path: str) -> Iterator[House]:
    del chromium_path
    with ScriptedProvider() as provider, headgate(CONFIG.format(port=provider.port)) as running:
        yield House(running, provider)


def shown(house: House, looker: Looker, path: str, **body: Any) -> Page:
    """Make a call, and open its page."""
    before = len(house.running.requests())
    headers = {"authorization": f"Bearer {house.key}"}
    url = f"{house.running.url}/v1/{path}"
    given = httpx.post(url, json={"model": "any", **body}, headers=headers, timeout=60, trust_env=False)
    assert given.status_code == 200, given.text
    house.running.wait_for_requests(before + 1)
    return looker.settled(f"/requests/{given.headers['x-headgate-request-id']}", "Answer")


def checked(looker: Looker, name: str) -> None:
    looker.shoot(name)
    assert looker.page.evaluate("window.hacked") is None
    assert looker.violations() == []
    looker.check()


def test_several_answers_stand_each_by_itself(house: House, looking: Opener) -> None:
    one, other = (completion(text)["choices"][0] for text in ("Yes.", "No."))
    house.provider.on("scripted", "any", answer(completion() | {"choices": [one, other | {"index": 1}]}))
    looker = looking()
    page = shown(house, looker, "chat/completions", n=2, messages=[{"role": "user", "content": "Is it?"}])
    for which, text in (("answer 1 of 2", "Yes."), ("answer 2 of 2", "No.")):
        message = page.get_by_role("article", name=f"message of assistant, {which}")
        expect(message.locator(".hg-message-parts")).to_have_text(text)
    checked(looker, "answers-several")


def test_a_stream_that_broke_shows_what_it_had_said(house: House, looking: Opener) -> None:
    events = [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in (CREATED, *PIECES)]
    house.provider.on("scripted", "any", stream(*events, 0.05, "cut", end=False))
    looker = looking()
    page = shown(house, looker, "responses", input="How is it?", stream=True)
    expect(page.get_by_role("article", name="message of assistant")).to_contain_text("It is warm")
    page.get_by_text("The stream broke off before its end.").wait_for()
    checked(looker, "answers-broken")


def test_tools_of_providers_and_pictures_are_shown(house: House, looking: Opener) -> None:
    output = [SEARCH, DRAWN]
    house.provider.on("scripted", "any", answer({"id": "r", "status": "completed", "output": output}))
    looker = looking(dark=True)
    called = {"type": "function_call", "call_id": "c1", "name": "draw", "arguments": "{}"}
    page = shown(house, looker, "responses", input=[{"role": "user", "content": "A map"}, called, MAP])
    result = page.get_by_role("article", name="message of tool")
    expect(result).to_contain_text("a map")
    expect(result.get_by_role("img")).to_have_attribute("src", PICTURE)
    answered = page.get_by_role("article", name="message of assistant").last
    expect(answered).to_contain_text("web_search")
    expect(answered.get_by_role("img")).to_have_attribute("src", PICTURE)
    checked(looker, "answers-tools")
