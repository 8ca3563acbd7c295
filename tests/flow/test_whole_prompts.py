"""The whole system: a program with prompts in a git repository, pushed; its calls tell which were sent."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo.repository import git
from demo.running import Running, headgate

CONFIG = """
[providers.mock]
kind = "mock"
output_tokens = 5

[models.assistant]
targets = ["mock/small"]
"""

PROGRAM = '''
RULES = """You are the clerk of {shop}, a shop for old maps.
Answer in {language}, and %s."""

ASK = "A customer writes this letter to the shop:\\n{letter}\\nWrite the answer."

def answer(client, shop, letter):
    return client.chat.completions.create(
        model="assistant",
        temperature=0.2,
        messages=[
            {"role": "system", "content": RULES.format(shop=shop, language="Dutch")},
            {"role": "user", "content": ASK.format(letter=letter)},
        ],
    )
'''
ENDINGS = ("never promise a date of delivery", "always name the price of the postage")
RULES, ASK = "maps/clerk.py:RULES", "maps/clerk.py:ASK"


class Repository:
    """A git repository with the program in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        git(self.folder, "init", "-q", "-b", "main")

    def commit(self, ending: str, note: str = "") -> str:
        """Commit the program with that ending of its rules; return the commit."""
        (self.folder / "maps").mkdir(exist_ok=True)
        (self.folder / "maps" / "clerk.py").write_text(PROGRAM % ending)
        (self.folder / "NOTES").write_text(note)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "-m", f"The clerk's rules: {ending} {note}")
        return git(self.folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    with headgate(CONFIG) as running:
        yield running


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder = tmp_path / "old-maps"
    folder.mkdir()
    return Repository(folder)


def push(house: Running, repository: Repository) -> dict[str, Any]:
    cache = str(repository.folder.parent / "cache")
    return json.loads(house.command("prompts", "push", str(repository.folder), "--cache", cache, "--json"))[0]


def ask(house: Running, key: str, ending: str, letter: str, **headers: str) -> str:
    """Send what the program would send; return the request's id."""
    system = f"You are the clerk of Mercator, a shop for old maps.\nAnswer in Dutch, and {ending}."
    user = f"A customer writes this letter to the shop:\n{letter}\nWrite the answer."
    body = {
        "model": "assistant",
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
    }
    answer = httpx.post(
        f"{house.url}/v1/chat/completions",
        json=body,
        headers={"authorization": f"Bearer {key}", **headers},
        timeout=30,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    return answer.headers["x-headgate-request-id"]


def prompts_of(house: Running, request: str, count: int = 2) -> list[dict[str, Any]]:
    """Wait for the prompts on a record."""

    def found() -> list[dict[str, Any]] | None:
        answer = house.api.get(f"/requests/{request}")
        prompts: list[dict[str, Any]] = answer.json()["prompts"] if answer.status_code == 200 else []
        return prompts if len(prompts) >= count else None

    return wait_for(found)


def wait_for(look: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


@pytest.mark.timeout(120)
def test_the_record_says_which_prompt_of_which_commit_was_sent(
    house: Running, repository: Repository
) -> None:
    first = repository.commit(ENDINGS[0])
    second = repository.commit(ENDINGS[0], "the prompts stay as they are")
    pushed = push(house, repository)
    assert (pushed["source"], pushed["changed"], pushed["commits"], pushed["prompts"]) == (
        *("old-maps", True),
        *(2, 2),
    )
    key = house.make_key("maps", may_assert=True)
    request = ask(house, key, ENDINGS[0], "Where is my atlas?", **{"x-headgate-release": second[:10]})
    rules, letter = prompts_of(house, request)
    assert (rules["name"], rules["kind"], rules["source"]) == (RULES, "code", "old-maps")
    assert (rules["first_commit"], rules["last_commit"], rules["commit"]) == (first, second, second)
    assert (rules["values"], rules["coverage"]) == ({"shop": "Mercator", "language": "Dutch"}, 1.0)
    assert (letter["name"], letter["values"]) == (ASK, {"letter": "Where is my atlas?"})
    third = repository.commit(ENDINGS[1])
    assert push(house, repository)["versions"] == 3
    assert push(house, repository)["changed"] is False
    changed, _ = prompts_of(house, ask(house, key, ENDINGS[1], "And my globe?"))
    assert changed["version"] != rules["version"]
    assert (changed["first_commit"], changed["last_commit"]) == (third, third)
    _shown(house, request, rules["version"], changed["version"])


def _shown(house: Running, request: str, old: str, new: str) -> None:
    """The list tells that production runs another version than the code, and the sums are kept by prompt."""

    def differs() -> Any:
        items = {each["name"]: each for each in house.get("/prompts")["items"]}
        return items if items[RULES]["traffic"]["calls"] == 2 else None

    rules = wait_for(differs)[RULES]
    assert (rules["state"], rules["version"], set(rules["seen"])) == ("differs", new, {old, new})
    sums = {row["prompt"]: row["requests"] for row in house.get("/costs", group_by="prompt")["items"]}
    assert sums[RULES] == 2
    assert request in {each["id"] for each in house.requests(prompt=RULES)}
    listed = house.command("prompts", "list")
    assert RULES in listed
    assert "DIFFERS" in listed
    shown = house.command("prompts", "show", RULES)
    assert "never promise a date" not in shown.partition("You are")[2]
    assert old in shown
    assert RULES in house.command("requests", "show", request)


@pytest.mark.timeout(120)
def test_what_no_prompt_explains_is_shown_with_its_share(house: Running, repository: Repository) -> None:
    repository.commit(ENDINGS[0])
    push(house, repository)
    key = house.make_key("unknown")
    for name in ("Anna", "Ben", "Carla"):
        text = f"You sort the letters of {name} into those that need an answer, and those that need none."
        body = {"model": "assistant", "messages": [{"role": "system", "content": text}]}
        answer = httpx.post(
            f"{house.url}/v1/chat/completions",
            json=body,
            headers={"authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
    found = wait_for(lambda: [each for each in house.get("/prompts/unknown")["items"] if each["calls"] == 3])
    assert "letters of <*> into" in found[0]["template"]
    assert 0 < found[0]["share"] <= 1
    assert "letters of <*> into" in house.command("prompts", "unknown")
