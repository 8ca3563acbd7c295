"""What pieces of contexts did over many calls, and requirements by judges that err, in the console."""

import random
from typing import Any

import msgspec
import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Opener
from tests.browser.console_house import House
from tests.browser.shown_numbers import unlinked
from tests.unit.checks_by_hand import cases_of, check_of, report_of
from tests.unit.test_checks_judged import lenient, people_of, required_of

from headgate.grounding.studied import StudiedCall, StudiedPiece

PAGES = {
    "contexts": ("/drift?live=off", "Which pieces of contexts helped"),
    "context-study": ("/drift/contexts/{study}", "By position"),
    "check-judged": ("/checks/{run}", "without its judge"),
}
SOURCES = {"handbook": 0.35, "old-prices": -0.3, "weather": 0.0}


def call_of(house: House, number: int, rng: random.Random) -> StudiedCall:
    """A call whose handbook helps, whose old prices harm, and whose weather is of no use."""
    names = list(SOURCES)
    rng.shuffle(names)
    pieces = [
        StudiedPiece(
            piece=f"p{place}",
            kind="tool_result" if name == "weather" else "document",
            name=name,
            document=f"{names.index(name):016x}" if number % 2 else f"{number + 10:016x}",
            place=place,
            of=len(names),
            did="helped" if SOURCES[name] > 0 and rng.random() < 0.5 else "nothing shows",
            difference=max(-1.0, min(1.0, rng.gauss(SOURCES[name], 0.15))),
            change=max(-1.0, min(1.0, rng.gauss(abs(SOURCES[name]), 0.1))),
        )
        for place, name in enumerate(names, 1)
    ]
    return StudiedCall(
        subject=f"case {number}", request_id=house.ids["plain"], pieces=pieces, cost_pico_usd=3 * 10**9
    )


@pytest.fixture(scope="module")
def made(house: House) -> House:
    api = house.running.api
    definition = {"since": "1d", "model": "assistant", "judge": "mock/judge", "repeats": 3}
    begun: Any = api.post("/grounding/studies", json={"definition": definition}).json()
    rng = random.Random(3)
    calls = [call_of(house, number, rng) for number in range(30)]
    calls.append(StudiedCall(subject="bare", problem="the call had no context"))
    told = {"calls": msgspec.to_builtins(calls), "ended": "the budget lasts for 0.09 USD of 0.09"}
    house.ids["study"] = begun["study"]["id"]
    assert api.post(f"/grounding/studies/{house.ids['study']}/replays", json=told).status_code == 202
    house.ids["run"] = judged_run(api)
    return house


def judged_run(api: Any) -> str:
    """Keep a run of a check whose requirements are by a judge, as the client writes it."""
    fields = required_of(0.7)
    fields["requirements"] = [{"at_least": 0.7}, {"at_least": 0.93}, {"at_least": 0.7, "judged": "as said"}]
    report = report_of(check_of(**fields), cases_of(600), lenient(0.9), judged={"polite": people_of(400)})
    told = msgspec.to_builtins(report) | {"failed": [], "wrong": [], "missing": []}
    new: dict[str, Any] = {
        "name": "polite",
        "target": "careful",
        "dataset": "letters",
        "dataset_digest": "",
        "definition": {},
    }
    run: str = api.post("/checks/runs", json=new).json()["id"]
    ended = api.patch(f"/checks/runs/{run}", json={"verdict": report.verdict, "report": told})
    assert ended.status_code == 200
    return run


@pytest.mark.parametrize("look", ["light", "dark", "small"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_it_is_for(made: House, looking: Opener, name: str, look: str) -> None:
    path, expected = PAGES[name]
    looker = looking(dark=look == "dark", width=1024 if look == "small" else 1440)
    page = looker.settled(path.format(**made.ids), expected)
    looker.shoot(f"{name}-{look}")
    assert looker.violations() == []
    assert unlinked(page) == []
    if name != "contexts":
        assert looker.beyond() == []
    looker.check()


def test_a_study_says_what_each_source_did_with_the_numbers_of_the_api(made: House, looking: Opener) -> None:
    found: Any = made.running.get(f"/grounding/studies/{made.ids['study']}")["findings"]
    did = {each["name"]: each["did"] for each in found["groups"] if each["by"] == "source"}
    assert did == {
        "document handbook": "helped",
        "document old-prices": "harmed",
        "tool result weather": "nothing shows",
    }
    looker = looking()
    page = looker.settled(f"/drift/contexts/{made.ids['study']}", "By source")
    expect(page.get_by_text(found["sentence"])).to_be_visible()
    rows = page.get_by_role("table", name="By source")
    for name, what in did.items():
        expect(rows.get_by_role("row", name=name).get_by_text(what, exact=True).first).to_be_visible()
    rows.get_by_role("link", name="document handbook").click()
    page.wait_for_url("**/requests/**")
    looker.check()
