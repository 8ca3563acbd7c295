"""What the pages of releases, access, routing and settings are about, made in a Headgate that runs.

Two releases that differ in each part, moved through two environments, with calls of both; rules; keys of each
role; a project with regions; a webhook. Read next: `console_house`, whose traffic it adds to.
"""

import random
import time
from typing import Any

import msgspec
from tests.browser.console_house import House, id_at
from tests.browser.written_calls import write_calls
from tests.contract.made_entries import make_end

from headgate.core.call import Usage
from headgate.core.entries import End
from headgate.core.money import parse_usd
from headgate.records.sink import RecordSink

COMMITS = ("3f2a9c1d" * 5, "b81e4407" * 5)
TEXTS = (
    "You answer questions about {topic}.\nBe short.\nNever guess.\nAnswer in the language of the question.",
    "You answer questions about {topic}.\nBe thorough, and name your sources.\nNever guess.\n"
    "Answer in the language of the question.\nEnd with a summary.",
)


class Administered(msgspec.Struct, frozen=True, kw_only=True):
    """What was made: releases by age, and keys by role with their texts."""

    releases: tuple[str, str]
    keys: dict[str, str]


def administer(house: House) -> Administered:
    """Make all of it."""
    running = house.running
    releases = (_release(house, 0), _release(house, 1))
    for name, moves in (("staging", (0, 1)), ("production", (0, 1, 0))):
        for place in moves:
            body = {"release": releases[place], "why": f"the tests of {name} passed"}
            _made(running.api.post(f"/environments/{name}", json=body), 200)
    calls = [*_calls(releases[0], 0), *_calls(releases[1], 1)]
    write_calls(running, calls, RecordSink())
    _rules(house)
    keys = {role: _key(house, role) for role in ("project_admin", "member", "viewer")}
    _made(running.api.post("/webhooks", json={"url": "http://127.0.0.1:9/alerts", "kinds": ["budget"]}), 201)
    return Administered(releases=releases, keys=keys)


def _release(house: House, place: int) -> str:
    name = "app/answers.py"
    body: dict[str, Any] = {
        "commit": COMMITS[place],
        "name": ("steady", "thorough")[place],
        "note": ("what has run for long", "answers name their sources")[place],
        "prompts": [{"path": name, "symbol": "ANSWER", "version": f"{place}" * 12, "text": TEXTS[place]}],
        "parameters": [
            {"path": name, "symbol": "ANSWER", "name": "temperature", "value": ("0.7", "0.2")[place]},
            {"path": name, "symbol": "ANSWER", "name": "max_tokens", "value": ("400", "900")[place]},
        ],
        "models": ["assistant"],
        "tools": [{"path": "app/tools.py", "name": "search", "version": f"{place}" * 12}],
        "dependencies": {"httpx": ("0.27.2", "0.28.1")[place], "openai": "1.50.0"},
        "pins": {"assistant": ("mock/small", "mock/large")[place]},
    }
    return str(_made(house.running.api.post("/releases", json=body), 201)["id"])


def _calls(release: str, place: int) -> list[End]:
    source = random.Random(place)
    now_ms = int(time.time() * 1000)
    calls: list[End] = []
    for _ in range(400):
        started = now_ms - 2 * 3_600_000 - source.randrange(18 * 3_600_000)
        call = msgspec.structs.replace(
            make_end(id_at(started, source)),
            started_ms=started,
            duration_ms=int((700, 1100)[place] * source.lognormvariate(0, 0.3)),
            status=200 if source.random() > (0.03, 0.02)[place] else 502,
            project="default",
            release=release,
            usage=Usage(input=400, output=source.randint(100, (220, 500)[place])),
            cost_pico_usd=parse_usd(("0.0005", "0.0011")[place]),
        )
        calls.append(call)
    return calls


def _rules(house: House) -> None:
    colder = {
        "name": "colder",
        "match": {"project": "default", "model": "assistant"},
        "set": {"temperature": 0.1},
        "clamp": {"max_output": {"most": 300}},
        "replace": [{"old": "Say hello.", "new": "Say good day."}],
        "share": 0.5,
        "note": "answers wander",
    }
    _made(house.running.api.post("/rules", json=colder), 201)
    _made(house.running.api.patch("/rules/colder", json={"set": {"temperature": 0.2}}), 200)
    elsewhere = {
        "name": "elsewhere",
        "match": {"model": "abroad"},
        "model": "mock/small",
        "note": "an outage",
    }
    _made(house.running.api.post("/rules", json=elsewhere), 201)


def _key(house: House, role: str) -> str:
    body = {"name": f"a {role.replace('_', ' ')}", "role": role}
    return str(_made(house.running.api.post("/keys", json=body), 201)["key"])


def _made(answer: Any, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()
