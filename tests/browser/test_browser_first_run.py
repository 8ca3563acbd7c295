"""With nothing on record the console says what to paste, and turns into the overview at the first call."""

import re
import time

import httpx
import pytest
from demo.running import headgate
from playwright.sync_api import expect
from tests.browser.conftest import Opener
from tests.browser.console_house import House

CONFIG = """
[providers.mock]
kind = "mock"

[models.assistant]
targets = ["mock/small"]
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_first_call_turns_what_to_paste_into_the_overview(looking: Opener, dark: bool) -> None:
    with headgate(CONFIG) as running:
        looker = looking(dark=dark, at=running)
        page = looker.open("/")
        page.get_by_role("heading", name="Make the first call").wait_for()
        looker.shoot(f"first-run-{'dark' if dark else 'light'}")
        assert looker.violations() == []
        page.get_by_role("button", name="Make a key", exact=True).click()
        key = page.get_by_label("the key", exact=True).inner_text()
        assert re.fullmatch(r"hg_[a-z0-9_]+", key, re.IGNORECASE)
        for sdk, place in (("OpenAI for Python", "/v1"), ("Anthropic for Python", ""), ("curl", "/v1/chat")):
            page.get_by_role("button", name=sdk, exact=True).click()
            text = page.get_by_label(f"what to paste for {sdk}").inner_text()
            assert running.url + place in text
            assert key in text
            assert "assistant" in text
        looker.shoot(f"first-run-key-{'dark' if dark else 'light'}")
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert key not in kept
        answer = httpx.post(
            f"{running.url}/v1/chat/completions",
            json={"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]},
            headers={"authorization": f"Bearer {key}"},
            trust_env=False,
        )
        assert answer.status_code == 200
        page.get_by_text("The first call is here").wait_for()
        calls = page.get_by_role("region", name="Calls")
        expect(calls.get_by_role("link").first).to_have_text("1")
        looker.shoot(f"first-call-{'dark' if dark else 'light'}")
        page.get_by_role("status").get_by_role("link", name="assistant").click()
        page.wait_for_url(f"**/requests/{answer.headers['x-headgate-request-id']}**")
        looker.check()


def test_who_makes_no_keys_is_told_to_take_its_own(house: House, looking: Opener) -> None:
    made = house.running.api.post("/keys", json={"name": "no calls yet", "role": "member"}).json()
    looker = looking(key=made["key"])
    page = looker.open("/")
    page.get_by_text("Take the key that you have signed in with").wait_for()
    assert page.get_by_role("button", name="Make a key").count() == 0
    looker.check()


def test_an_application_that_sends_traces_alone_is_led_to_them(looking: Opener) -> None:
    with headgate(CONFIG) as running:
        looker = looking(at=running)
        page = looker.open("/")
        page.get_by_role("heading", name="Make the first call").wait_for()
        for name, holds in (("OpenTelemetry", "OTEL_EXPORTER_OTLP_ENDPOINT"), ("Headgate's SDK", "observe")):
            page.get_by_role("button", name=name, exact=True).click()
            text = page.get_by_label(f"what to paste for {name}").inner_text()
            assert running.url in text and holds in text
        assert page.get_by_text("Traces have come").count() == 0
        now = time.time_ns()
        span = {
            "traceId": "0af7651916cd43dd8448eb211c80319c",
            "spanId": "00f067aa0ba902b7",
            "name": "shop",
            "startTimeUnixNano": str(now - 10**9),
            "endTimeUnixNano": str(now),
        }
        answer = httpx.post(
            f"{running.url}/v1/traces",
            json={"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]},
            headers={"authorization": f"Bearer {running.admin_key}"},
            trust_env=False,
        )
        assert answer.status_code == 200
        page.get_by_text("Traces have come").wait_for()
        looker.shoot("first-run-traces")
        assert looker.violations() == []
        page.get_by_role("status").get_by_role("link", name="Traces").click()
        page.locator("main").get_by_text("shop", exact=True).first.wait_for()
        looker.check()
