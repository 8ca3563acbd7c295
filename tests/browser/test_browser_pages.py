"""Each page of the console as a person opens it: nothing fails, nothing leaves, axe finds nothing."""

import pytest
from playwright.sync_api import Request, expect
from tests.browser.conftest import NARROW, Opener
from tests.browser.console_house import House
from tests.browser.shown_numbers import unlinked

PAGES = {
    "overview": ("/", "What stands out"),
    "overview-hour": ("/?range=1h", "What stands out"),
    "overview-by-user": ("/?by=user&range=7d", "counted by whole days"),
    "requests": ("/requests", "follows"),
    "requests-filtered": ("/requests?status=5xx&model=careful", "502"),
    "requests-none": ("/requests?user=nobody", "No call matches"),
    "call-markdown": ("/requests/{markdown}", "4 changes on the way"),
    "call-fallback": ("/requests/{fallback}", "answered 503"),
    "call-origin": ("/requests/{greeting}", "Never be rude"),
    "call-tools": ("/requests/{tools}", "weather"),
    "call-picture": ("/requests/{picture}", "What is this?"),
    "call-refused": ("/requests/{refused}", "budget_exhausted"),
    "call-parameters": ("/requests/{markdown}?tab=parameters", "logit_bias"),
    "call-body": ("/requests/{tools}?tab=request", "as it was sent"),
    "call-missing": ("/requests/01a20191-0a1e-70d2-8127-f02417091ac8", "there is no request"),
    "spend": ("/spend", "openai-prepaid"),
    "spend-budget": ("/spend?budget=everything&by=key", "half and 8 of 10"),
    "spend-by-session": ("/spend?by=session", "kept by day"),
    "spend-unpriced": ("/spend?by=target&unpriced=only", "mock/embed"),
    "prompts": ("/prompts", "shop/prompts.py:HELLO"),
    "prompts-unknown": ("/prompts?show=unknown", "What was said"),
    "prompt-managed": ("/prompts/greeting?version=2&against=1", "version 1"),
    "prompt-code": ("/prompts/shop%2Fprompts.py%3AHELLO?source=shop", "Say hello to"),
    "parts": ("/parts", "the database does not answer"),
    "playground": ("/playground?call={tools}", "The answer comes here"),
    "nothing-there": ("/no/such/page", "There is no such page"),
}
MISSING = ("call-missing",)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_it_is_for(house: House, looking: Opener, name: str, dark: bool) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=dark)
    page = looker.open(path.format(**house.ids))
    page.get_by_text(expected).first.wait_for()
    if name != "parts":
        expect(page.locator(".hg-waiting")).to_have_count(0)
    looker.shoot(f"{name}-{'dark' if dark else 'light'}")
    assert looker.violations() == []
    assert name == "parts" or unlinked(page) == []
    if name in MISSING:
        # The browser itself says that an answer was 404.
        looker.errors = [error for error in looker.errors if "404" not in error]
    looker.check()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_small_screen(house: House, looking: Opener, name: str) -> None:
    path, expected = PAGES[name]
    looker = looking(width=NARROW)
    page = looker.open(path.format(**house.ids))
    page.get_by_text(expected).first.wait_for()
    if name != "parts":
        expect(page.locator(".hg-waiting")).to_have_count(0)
    looker.shoot(f"{name}-small")
    assert looker.beyond() == []
    looker.check(missing=name.endswith("-missing"))


def test_the_shell_is_small(looking: Opener) -> None:
    looker = looking()
    sizes: dict[str, int] = {}

    def loaded(request: Request) -> None:
        sizes[request.url] = request.sizes()["responseBodySize"]

    looker.page.on("requestfinished", loaded)
    page = looker.open("/")
    page.get_by_text("What stands out").wait_for()
    files = {url: size for url, size in sizes.items() if "/api/" not in url}
    assert len(files) >= 3
    assert sum(files.values()) < 300_000, files
