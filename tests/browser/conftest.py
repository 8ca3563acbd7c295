"""What the tests in a browser share: a Headgate with traffic, Chromium, and a page that is watched.

Screenshots stand in artefacts/console. Needs Chromium and the built console; where HEADGATE_PRIVILEGED is
`required`, a test without them fails, else it is skipped.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from demo.running import Running
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)
from tests.browser.console_house import House, console_house

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "src" / "headgate" / "console" / "index.html"
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "artefacts" / "console"
# A browser that asks nobody anything of its own accord; a container has no sandbox to give.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
SETTLING, SETTLING_MS = 20, 100
# What is waited for comes, or never does: a slow machine takes its time.
WAIT_MS = 30_000
# The first test of a file makes its house, too.
TEST_S_MAX = 600
BEYOND = """() => [document.documentElement, ...document.querySelectorAll("main, main *")]
    .filter((each) => ["HTML", "MAIN"].includes(each.tagName)
        || each.role === "table" || each.querySelector(":scope > table"))
    .filter((each) => each.scrollWidth > each.clientWidth && getComputedStyle(each).display !== "inline")
    .map((each) => `${each.ariaLabel ?? each.className}: ${each.scrollWidth} of ${each.clientWidth}`)
"""
NARROW = 1024
OWN = {"x-headgate-console": "1"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests in a browser the time that a slow machine takes to make a house."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_S_MAX))


def _needed(found: object, what: str) -> None:
    if found:
        return
    if os.environ.get("HEADGATE_PRIVILEGED") == "required":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="package")
def chromium_path() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    _needed(path, "no Chromium: install Debian's package chromium")
    _needed(BUILT.exists() and AXE.exists(), "the console is not built: `make console`")
    return str(path)


@pytest.fixture(scope="module")
def house(chromium_path: str) -> Iterator[House]:
    del chromium_path  # none is begun where no browser could look at it
    with console_house() as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(chromium_path: str, house: House) -> Iterator[Browser]:
    """A browser for each file: its driver keeps a loop running, in which no other test could run its own."""
    del house  # is made on a loop of its own, and the browser's would be in its way
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as driver:
        # Scrollbars take room, as they do for people.
        shown = ["--hide-scrollbars"]
        opened = driver.chromium.launch(executable_path=chromium_path, args=FLAGS, ignore_default_args=shown)
        yield opened
        opened.close()


class Looker:
    """A browser window on the console, and all that it did which it should not."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        self.page = context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != urlsplit(self.url).netloc:
            self.elsewhere.append(request.url)

    def sign_in(self, key: str) -> None:
        """Take the cookie without walking through the page."""
        body = {"key": key}
        answer = self.context.request.post(f"{self.url}/api/v1/sign-in", data=body, headers=OWN)
        assert answer.ok, answer.text()

    def open(self, path: str) -> Page:
        """Open an address of the console, and wait until it shows its frame."""
        self.page.goto(self.url + path)
        self.page.get_by_role("navigation", name="pages", exact=True).wait_for()
        return self.page

    def settled(self, path: str, expected: str) -> Page:
        """Open an address, and wait until the page says what is expected and waits for nothing more."""
        page = self.open(path)
        page.get_by_role("heading", level=1).first.wait_for()
        page.locator("main").get_by_text(expected).first.wait_for()
        expect(page.locator(".hg-waiting")).to_have_count(0)
        return page

    def shoot(self, name: str) -> None:
        """Keep what it looks like."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def beyond(self) -> list[str]:
        """What has to be scrolled sideways: the page itself, and whatever holds a table.

        Columns give way once the window has another width, a moment later.
        """
        found: list[str] = self.page.evaluate(BEYOND)
        for _ in range(SETTLING):
            if not found:
                break
            self.page.wait_for_timeout(SETTLING_MS)
            found = self.page.evaluate(BEYOND)
        return found

    def violations(self) -> list[str]:
        """What axe finds wrong with the page as it stands, for those who can't see or use a mouse."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("async () => (await axe.run({resultTypes: ['violations']})).violations")
        return [
            f"{each['id']}: {each['help']}: {node['html'][:200]} {node.get('failureSummary', '')[:200]}"
            for each in found
            for node in each["nodes"][:3]
        ]

    def check(self, *, missing: bool = False) -> None:
        """Nothing went wrong, and nothing was asked of any other host.

        Of an address that names what isn't there the browser itself says that the answer was 404.
        """
        assert not [error for error in self.errors if not (missing and "404" in error)]
        assert not self.elsewhere


Opener = Callable[..., Looker]


@pytest.fixture
def looking(browser: Browser, house: House) -> Iterator[Opener]:
    """Open windows, light or dark, signed in as admin unless another key is named ("": as nobody).

    They look at the house of all tests, unless another is named.
    """
    opened: list[BrowserContext] = []

    def look(
        *, dark: bool = False, key: str | None = None, width: int = 1440, at: Running | None = None
    ) -> Looker:
        scheme = "dark" if dark else "light"
        context = browser.new_context(
            viewport={"width": width, "height": 768 if width == NARROW else 900},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        context.set_default_timeout(WAIT_MS)
        opened.append(context)
        running = at or house.running
        looker = Looker(context, running.url)
        if key != "":
            looker.sign_in(key or running.admin_key)
        return looker

    yield look
    for context in opened:
        context.close()


def let_go(page: Page, held: list[Route]) -> None:
    """Let the question be answered that is held back, once it is asked."""
    deadline = time.monotonic() + 20
    while not held:
        assert time.monotonic() < deadline, "nothing was asked"
        page.wait_for_timeout(20)
    held.pop().continue_()
