"""`headgate optimise` as a whole: a real server, recorded providers, and the prompt that it saves."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from demo.running import Running, headgate

CASES = 24
GOOD = "Name the state of the order."
HOLES = "Name the state of {{order}}."
KIND = "Be kind."

CONFIG = """
[providers.shop]
kind = "replay"
file = "shop.jsonl"

[prices."shop/small"]
input = "1"
output = "4"
max_output = 100

[prices."shop/teacher"]
input = "10"
output = "40"
max_output = 100
"""

CHECK = """
[[checks]]
name = "{name}"
dataset = "cases.jsonl"
model = "shop/small"
system = "{system}"
budget = "{budget} USD"
scorers = [{{ name = "right", kind = "contains" }}]
"""


def exchange(model: str, messages: list[dict[str, str]], text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    answer = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
    }
    return {
        "id": f"{model} {messages}",
        "provider": "shop",
        "dialect": "openai-chat",
        "path": "/v1/chat/completions",
        "request": {"model": model, "messages": messages},
        "status": 200,
        "content_type": "application/json",
        "response": json.dumps(answer),
    }


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def write_shop(folder: Path) -> None:
    """A model that names states where it is told to, and models that propose texts, one each."""
    cases: list[dict[str, Any]] = []
    recorded: list[dict[str, Any]] = []
    for number in range(CASES):
        asked, state = f"Where is order {number}?", f"state {number}"
        cases.append({"id": f"c{number}", "input": asked, "expected": state})
        for system in (KIND, GOOD, HOLES):
            said = "Thank you for asking!" if system == KIND else f"It is in {state}."
            messages = [{"role": "system", "content": system}, {"role": "user", "content": asked}]
            recorded.append(exchange("small", messages, said))
    for model, text in (("teacher", GOOD), ("careless", HOLES), ("vague", KIND)):
        recorded.append(exchange(model, [{"role": "user", "content": "?"}], f"```\n{text}\n```"))
    (folder / "cases.jsonl").write_text(lines(cases))
    (folder / "shop.jsonl").write_text(lines(recorded))
    checks = [
        CHECK.format(name=name, system=system, budget=budget)
        for name, system, budget in (("kind", KIND, "1"), ("good", GOOD, "1"), ("poor", KIND, "0.0001"))
    ]
    (folder / "checks.toml").write_text("".join(checks))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("optimise")
    write_shop(folder)
    with headgate(CONFIG, folder=folder) as running:
        yield running


def optimised(house: Running, name: str, *more: str, by: str = "shop/teacher", status: int = 0) -> str:
    file = str(house.folder / "checks.toml")
    return house.command("optimise", name, "--file", file, "--by", by, "--calls", "40", *more, status=status)


def test_a_better_text_is_found_paid_and_saved_as_a_version_without_a_label(house: Running) -> None:
    found = json.loads(optimised(house, "kind", "--save", "shop/states", "--json"))
    assert (found["text"], found["is_another"], found["saved"]) == (GOOD, True, 1)
    assert (found["held_out"], found["before"], found["after"]) == (CASES // 2, 0, 1)
    assert 0.5 < found["low"] < found["high"] <= 1
    tagged = house.wait_for_requests(found["calls"], tag="optimise:kind")
    assert len(tagged) == found["calls"]
    paid = sum((Decimal(each["cost_usd"]) for each in tagged), Decimal(0))
    assert paid * 10**12 == found["cost_pico_usd"] > 0
    assert {each["target"] for each in tagged} == {"shop/small", "shop/teacher"}

    shown = house.get("/prompts/shop/states/versions/1")
    assert [each["content"] for each in shown["messages"]] == [GOOD, "{{input}}"]
    assert set(shown["labels"]) <= {"latest"}
    assert shown["note"].startswith("headgate optimise: The new text is better by 100.0 points")

    again = optimised(house, "kind", "--save", "shop/states")
    assert again.splitlines()[0] == GOOD
    assert house.get("/prompts/shop/states")["newest"]["version"] == 1, "the same text makes no other version"


def test_what_is_not_better_is_not_saved(house: Running) -> None:
    for name, by in (("good", "shop/teacher"), ("kind", "shop/vague")):
        said = optimised(house, name, "--save", "shop/nothing", by=by)
        assert said.startswith("No text was found that does better than the present one")
    assert house.api.get("/prompts/shop/nothing").status_code == 404


def test_a_text_that_can_not_be_saved_is_shown_all_the_same(house: Running) -> None:
    file = str(house.folder / "checks.toml")
    arguments = ["optimise", "kind", "--file", file, "--by", "shop/careless", "--calls", "40"]
    done = house.headgate(*arguments, "--save", "shop/holes")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == HOLES
    assert "the text holds {{" in done.stderr
    assert house.api.get("/prompts/shop/holes").status_code == 404


@pytest.mark.parametrize(
    ("name", "by", "said"),
    [
        ("poor", "shop/teacher", "budget does not last for a text that is held against cases it never saw"),
        ("kind", "nobody/teacher", "the gateway refuses the calls"),
        ("kind", "shop/unheard", "shop/unheard proposed no text (502)"),
        ("other", "shop/teacher", "there is no such check in the file"),
    ],
)
def test_what_can_not_be_done_is_said_with_what_to_do(house: Running, name: str, by: str, said: str) -> None:
    errors = optimised(house, name, by=by, status=1)
    assert said in errors
    assert "hint: " in errors
