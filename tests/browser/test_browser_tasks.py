"""Ten things that people come for, each walked from the front page as they would: three clicks at most.

Counted are clicks, and Ctrl-K for one, as a click on the search would be; what was typed is said beside.
What was counted stands in docs/guides/console.md (HEADGATE_UPDATE_SNAPSHOTS=1 writes it again); seconds in
artefacts/console/tasks.md.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import SCREENSHOTS, Looker, Opener
from tests.browser.console_house import GREETING, House
from tests.browser.house_traces import DOCUMENTS
from tests.browser.shown_numbers import duration

CLICKS_MAX = 3
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "console.md"
BEGIN = "| You ask | Clicks | By keys | Where |\n|---|---|---|---|\n"
LEAKED = "leaked"


class Walk:
    """Walks a page and counts what a hand does."""

    def __init__(self, house: House, looker: Looker) -> None:
        self.house = house
        self.page: Page = looker.page
        self.clicks = 0
        self.keys: list[str] = []

    @property
    def steps(self) -> int:
        """Clicks, and keys that take the place of one."""
        return self.clicks + self.keys.count("Ctrl-K")

    def click(self, what: Locator) -> None:
        """Click it, once it is there."""
        what.click()
        self.clicks += 1

    def search(self, text: str, kind: str, *, last: bool = False) -> None:
        """Open the search by its key, type, and click on what is found of a kind: the first, or the last."""
        self.page.keyboard.press("Control+k")
        self.keys.append("Ctrl-K")
        self.page.get_by_role("combobox", name="search").fill(text)
        self.keys.append("what is looked for")
        found = self.page.get_by_role("option").filter(has_text=kind)
        self.click(found.last if last else found.first)

    def rail(self, name: str) -> None:
        """Go to a page of the rail."""
        pages = self.page.get_by_role("navigation", name="pages", exact=True)
        self.click(pages.get_by_role("link", name=name))

    def table(self, name: str) -> Locator:
        return self.page.get_by_role("table", name=name)

    def shows(self, text: str, within: Locator | None = None) -> None:
        """Wait for the answer."""
        expect((within or self.page.locator("main")).get_by_text(text).first).to_be_visible()


def why_slow(walk: Walk) -> None:
    latency = walk.page.get_by_role("region", name="Latency")
    walk.click(latency.get_by_role("listitem").filter(has_text="p99").get_by_role("link"))
    walk.click(walk.table("requests").get_by_role("row").nth(1))
    path = walk.page.get_by_role("complementary", name="the path of the call")
    path.wait_for()
    record: Any = walk.house.running.get(f"/requests/{_last_part(walk.page)}")
    assert record["duration_ms"] > 1000
    walk.shows(duration(record["duration_ms"]), path)
    walk.shows(record["target"], path)


def which_prompt(walk: Walk) -> None:
    walk.search(walk.house.ids["greeting"], "request to")
    walk.click(walk.page.get_by_role("complementary", name="facts").get_by_role("link", name="greeting"))
    for line in GREETING.splitlines():
        if line:
            walk.shows(line)


def what_did_a_user_cost(walk: Walk) -> None:
    walk.rail("Spend")
    walk.click(walk.page.get_by_role("button", name="User", exact=True))
    table = walk.table("cost by user")
    row = table.get_by_role("row").filter(has_text="anna")
    expect(row).to_contain_text("$")


def when_does_the_budget_run_out(walk: Walk) -> None:
    walk.rail("Spend")
    course = walk.page.get_by_role("region", name="the course of openai-prepaid (provider=mock)")
    forecast: Any = walk.house.running.get("/forecasts", budget="openai-prepaid")["items"][0]
    walk.shows(f"runs out on {forecast['runs_out']['at'][:10]}", course)


def why_do_calls_fail(walk: Walk) -> None:
    errors = walk.page.get_by_role("region", name="Errors")
    walk.click(errors.get_by_role("listitem").filter(has_text="provider_error").get_by_role("link"))
    walk.click(walk.table("requests").get_by_role("row").nth(1))
    path = walk.page.get_by_role("complementary", name="the path of the call")
    walk.shows("502, provider_error", path)
    walk.shows("provider_error: it was refused")


def what_changed(walk: Walk) -> None:
    changed = walk.page.get_by_role("region", name="what changed")
    walk.click(changed.get_by_role("link", name="production: promote").first)
    walk.shows("app.py:HELLO")


def who_said_that(walk: Walk) -> None:
    walk.search("Is it there?", "hold this text")
    walk.click(walk.table("requests").get_by_role("row").nth(1))
    walk.shows("A few words on this.")


def where_does_an_answer_come_from(walk: Walk) -> None:
    # The last is the oldest: those after it had the answer in what was said before.
    walk.search("Afterwards the journal gives back", "chat gpt-4o", last=True)
    walk.click(walk.page.get_by_role("tab", name="Sources"))
    _, text = DOCUMENTS[0]
    back = walk.page.get_by_role("region", name="goes back to").get_by_role("listitem")
    walk.shows(text, back.filter(has=walk.page.get_by_role("button", name="search the manual")))
    walk.shows("retrieve", walk.page.get_by_role("region", name="the way back"))


def what_differs_between_versions(walk: Walk) -> None:
    walk.rail("Prompts")
    walk.click(walk.table("prompts").get_by_role("link", name="greeting"))
    walk.page.get_by_label("Compare with").select_option("1")
    walk.clicks += 1
    walk.shows("Be long.")
    walk.shows("Be short.")


def end_a_key(walk: Walk) -> None:
    walk.rail("Access")
    walk.click(walk.page.get_by_role("button", name=f"revoke {LEAKED}"))
    walk.click(walk.page.get_by_role("button", name="Revoke the key"))
    expect(walk.page.get_by_role("button", name=f"revoke {LEAKED}")).to_have_count(0)


class Task(msgspec.Struct, frozen=True):
    """What somebody asks, where it is answered, and how one gets there."""

    asks: str
    where: str
    walk: Callable[[Walk], None]


TASKS = (
    Task("Why was this call slow?", "Overview, its p99, the call: its path", why_slow),
    Task("Which prompt was that?", "Search for the call's id, its prompt", which_prompt),
    Task("What did this user cost?", "Spend, by user", what_did_a_user_cost),
    Task("When does the budget run out?", "Spend", when_does_the_budget_run_out),
    Task("Why do calls fail?", "Overview, the error, a call: its attempts", why_do_calls_fail),
    Task("What changed since yesterday?", "Overview, what changed", what_changed),
    Task("Who said that, and what was the answer?", "Search for the words, the call", who_said_that),
    Task(
        "Which document does this answer come from?",
        "Search for its words, the step, its sources",
        where_does_an_answer_come_from,
    ),
    Task(
        "What is different in the new version of a prompt?",
        "Prompts, the prompt, compare",
        what_differs_between_versions,
    ),
    Task("A key has leaked: end it", "Access, revoke", end_a_key),
)


@pytest.fixture(scope="module")
def walked(house: House) -> dict[str, tuple[int, str, float]]:
    """Clicks and seconds of the tasks that were walked."""
    made = house.running.api.post("/keys", json={"name": LEAKED, "role": "member"})
    assert made.status_code == 201, made.text
    return {}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.walk.__name__)
def test_a_task_takes_three_clicks(
    house: House, looking: Opener, walked: dict[str, tuple[int, str, float]], task: Task
) -> None:
    looker = looking()
    looker.open("/?live=off").get_by_text("What stands out").wait_for()
    walk = Walk(house, looker)
    began = time.monotonic()
    task.walk(walk)
    walked[task.asks] = (walk.clicks, ", ".join(walk.keys), time.monotonic() - began)
    looker.shoot(f"task-{task.walk.__name__}")
    assert walk.steps <= CLICKS_MAX
    looker.check()


def test_the_guide_says_how_many_clicks(walked: dict[str, tuple[int, str, float]]) -> None:
    if len(walked) < len(TASKS):
        pytest.skip("not every task was walked")
    kept = "| You ask | Clicks | By keys | Seconds |\n|---|---|---|---|\n" + "".join(
        f"| {asks} | {clicks} | {keys} | {seconds:.1f} |\n"
        for asks, (clicks, keys, seconds) in walked.items()
    )
    (SCREENSHOTS / "tasks.md").write_text(kept, encoding="utf-8")
    print(f"\n{kept}")
    rows = "".join(
        f"| {task.asks} | {walked[task.asks][0]} | {walked[task.asks][1]} | {task.where} |\n"
        for task in TASKS
    )
    guide = GUIDE.read_text(encoding="utf-8")
    before, begin, rest = guide.partition(BEGIN)
    assert begin, "the guide has lost its table of tasks"
    following = rest[rest.index("\n\n") + 1 :]
    wanted = before + begin + rows + following
    if os.environ.get("HEADGATE_UPDATE_SNAPSHOTS") == "1":
        GUIDE.write_text(wanted, encoding="utf-8")
    assert GUIDE.read_text(encoding="utf-8") == wanted


def _last_part(page: Page) -> str:
    return page.url.rpartition("/")[2].partition("?")[0]
