"""Judges with marks of people, and a canary whose model changes: what pages of evaluation are about.

All of it is made through the API. Read next: `console_house`, whose calls are marked.
"""

import random
import time
from collections.abc import Callable
from typing import Any

from tests.browser.console_house import House

TOML = """
[providers.moving]
kind = "mock"
seed = 1
output_tokens = 20

[prices."moving/small"]
input = "0.4"
output = "1.6"
max_output = 1000
context_window = 200000

[models.mover]
targets = ["moving/small"]

[[canaries]]
name = "daily"
targets = ["moving/small"]
cases_a_run = 40
reference = 60

[[grounding]]
name = "movers"
share = 1.0
models = ["mover"]
alert_below = 0.9

[[canaries.cases]]
name = "greeting"
prompt = "Describe bicycles for a child."

[[canaries.cases]]
name = "sum"
prompt = "What is 17 + 26? Answer with the number only."
expected = "43"
scorer = "contains"
"""
CHANGED = TOML.replace("seed = 1", "seed = 2").replace("output_tokens = 20", "output_tokens = 60")
CALLS = ("plain", "markdown", "fallback")
JUDGES: list[dict[str, Any]] = [
    {
        "name": "helpful",
        "model": "assistant",
        "scale": "yes_no",
        "rubric": "Does the answer solve what was asked?\n\n- **Yes** where nothing is missing.\n- **No** "
        "where anything is wrong.",
        "review": {"random": 1.0},
    },
    {"name": "clear", "model": "writer", "scale": "one_to_five", "rubric": "How clear is the answer?"},
    {
        "name": "better",
        "model": "assistant",
        "scale": "pairwise",
        "rubric": "Which answer is better?",
        "review": {"random": 1.0},
    },
]


def judged(house: House) -> None:
    """Define judges; one has marked eighty answers and three calls, of which people marked forty."""
    api = house.running.api
    for judge in JUDGES:
        made(api.post("/judges", json=judge), 201)
    source = random.Random(3)
    items: list[dict[str, Any]] = []
    good: dict[str, bool] = {}
    for number in range(80):
        good[f"question {number}"] = source.random() < 0.7
        items.append(
            {
                "case": f"question {number}",
                "content": {"input": f"What is {number} + {number}?", "output": f"It is **{2 * number}**."},
                "marks": [{"value": good[f"question {number}"] ^ (source.random() < 0.12), "sure": 0.9}],
            }
        )
    items += [
        {"request_id": house.ids[name], "marks": [{"value": True, "reason": "it does what was asked"}]}
        for name in CALLS
    ]
    made(api.post("/judges/helpful/marks", json={"items": items}), 201)
    pair = {"input": "Say hello.", "a": "Hello!", "b": "Good day to you, and welcome to all of this."}
    marks = [{"value": "b", "shown": "ab"}, {"value": "b", "shown": "ba"}]
    made(
        api.post(
            "/judges/better/marks", json={"items": [{"case": "hello", "content": pair, "marks": marks}]}
        ),
        201,
    )
    items = [{"case": f"text {number}", "content": {"output": f"Text {number}."}} for number in range(3)]
    made(api.post("/reviews", json={"judge": "clear", "items": items}), 201)
    cases = [
        each for each in house.running.get("/reviews", judge="helpful", limit=500)["items"] if each["case"]
    ]
    for item in cases[:40]:
        mark = {"value": good[item["case"]], "by": "anna"}
        made(api.post(f"/reviews/{item['id']}/marks", json=mark), 201)


def watched(house: House) -> None:
    """Let a canary learn what is usual, change what its target answers, and wait for the alarm."""
    running = house.running
    house.apply(TOML)
    until(lambda: running.get("/drift/canaries/daily")["targets"][0]["phase"] == "watching")
    house.call("moved", "mover", "Are you the same?")
    for _ in range(2):
        running.command("drift", "run", "daily")
    house.apply(CHANGED)
    until(lambda: "HAS CHANGED" in running.command("drift", "run", "daily"))


CHECKS = """
[[checks]]
name = "greetings"
dataset = "greetings"
targets = [{ name = "assistant", model = "assistant" }, { name = "careful", model = "careful" }]
scorers = [
  { name = "right", kind = "contains", text = "a few words" },
  { name = "same", kind = "exact" },
  { name = "polite", kind = "judge", model = "mock/judge", rubric = "Is the answer polite?" },
]
requirements = [{ scorer = "right", at_least = 0.5 }, { scorer = "polite", at_least = 0.5 }]
"""


def checked(house: House) -> None:
    """Keep a dataset, of a file's cases and of calls, and check two models with it."""
    running = house.running
    made(running.api.post("/datasets", json={"name": "greetings"}), 201)
    words = ("Oslo", "Rome", "Lima", "Cairo", "Quito", "Paris", "Delhi", "Tokyo")
    cases: list[dict[str, Any]] = [
        {"id": f"greet-{word.lower()}", "input": f"Greet {word}.", "tags": ["towns"]} for word in words
    ]
    cases[0]["expected"] = "Hello, Oslo."
    made(running.api.post("/datasets/greetings/cases", json={"cases": cases}), 201)
    calls = {"request_ids": [house.ids["plain"], house.ids["tools"]]}
    made(running.api.post("/datasets/greetings/calls", json=calls), 201)
    path = running.folder / "checks.toml"
    path.write_text(CHECKS, encoding="utf-8")
    done = running.headgate("check", str(path), "--all")
    assert done.returncode in (0, 1, 2), done.stderr
    until(lambda: len(running.get("/checks/runs")["items"]) == 2)


def until(answer: Callable[[], object], timeout_s: float = 90.0) -> None:
    """Wait until something is so."""
    ends_s = time.monotonic() + timeout_s
    while not answer():
        assert time.monotonic() < ends_s, "it did not come about in time"
        time.sleep(0.1)


def made(answer: Any, status: int) -> Any:
    """What was answered, which has that status."""
    assert answer.status_code == status, answer.text
    return answer.json()
