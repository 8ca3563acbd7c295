"""`POST /rules/test` on real recorded traffic: what a rule would have changed, cost and broken, and that the
same rule then does so."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from demo.running import Running, chat, headgate

CONFIG = """
[providers.mock]
kind = "mock"
output_tokens = 100
regions = ["eu"]

[providers.america]
kind = "mock"
regions = ["us"]

[prices."mock/large"]
input = "3"
output = "15"

[prices."mock/small"]
input = "0.3"
output = "1.5"

[models.assistant]
targets = ["mock/large"]

[models.cheap]
targets = ["mock/small"]

[models.american]
targets = ["america/small"]

[projects.support]
regions = ["eu"]
"""
SYSTEM = "You are a pirate. " * 40


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    with headgate(CONFIG) as running:
        keys = [running.make_key("a"), running.make_key("b", project="support", tags=["red"])]
        for number in range(6):
            key = keys[number % 2]
            model = "assistant" if number < 5 else "cheap"
            messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"Hi {number}"}]
            given = chat(running.url, key, model, temperature=0.1 * number, messages=messages)
            assert given.status_code == 200
        assert len(running.wait_for_requests(6)) == 6
        yield running


def tried(house: Running, **asked: Any) -> dict[str, Any]:
    """The answer, once the bodies of all calls are on record."""
    for _ in range(100):
        answer = house.api.post("/rules/test", json=asked)
        assert answer.status_code == 200, answer.text
        if not answer.json()["unreadable"]:
            return answer.json()
    raise AssertionError("bodies are missing")


def test_fields_are_counted_with_examples(house: Running) -> None:
    rule = {"match": {"model": "assis*"}, "set": {"temperature": 0.2}, "clamp": {"max_output": {"most": 5}}}
    found = tried(house, rule=rule)
    assert (found["calls"], found["matched"], found["changed"]) == (6, 5, 4)
    (field,) = found["fields"]
    assert (field["field"], field["calls"], len(field["examples"])) == ("temperature", 4, 3)
    assert {example["after"] for example in field["examples"]} == {0.2}
    assert len(found["requests"]) == 5
    assert house.get(f"/requests/{found['requests'][0]}")["overrides"] == [], "nothing was sent or changed"


def test_a_limit_of_output_cuts_cost(house: Running) -> None:
    found = tried(house, rule={"match": {"model": "assistant"}, "set": {"max_output": 25}})
    assert (found["output_tokens_before"], found["output_tokens_after"]) == (500, 125)
    assert Decimal(found["difference_usd"]) == Decimal("-0.005625")
    charged = sum(Decimal(each["cost_usd"]) for each in house.requests(model="assistant"))
    assert Decimal(found["cost_before_usd"]) == charged
    assert Decimal(found["cost_after_usd"]) == charged - Decimal("0.005625")


def test_another_model_counts_at_its_prices(house: Running) -> None:
    found = tried(house, rule={"match": {"model": "assistant"}, "model": "cheap"})
    assert found["priced"] == 5
    assert Decimal(found["cost_after_usd"]) * 10 == Decimal(found["cost_before_usd"])


def test_a_shorter_text_costs_less(house: Running) -> None:
    found = tried(
        house, rule={"match": {"model": "assistant"}, "replace": [{"old": SYSTEM, "new": "Be brief."}]}
    )
    saved = found["input_tokens_before"] - found["input_tokens_after"]
    assert saved == pytest.approx(5 * (len(SYSTEM) - len("Be brief.")) / 4, abs=5)
    assert found["fields"][0]["field"] == "messages[0].content"


def test_calls_that_would_be_refused_are_told(house: Running) -> None:
    found = tried(house, rule={"match": {"model": "assistant"}, "model": "american"})
    (refused,) = found["refused"]
    assert refused["calls"] == 2, "those of the project that is bound to the EU"
    assert "residency" in refused["reason"]
    key = house.make_key("c", project="support")
    made = house.api.post(
        "/rules", json={"name": "move", "match": {"model": "assistant"}, "model": "american"}
    )
    assert made.status_code == 201
    try:
        given = chat(house.url, key, "assistant")
    finally:
        house.api.delete("/rules/move")
    assert given.status_code == 403, "and so it is once the rule is in force"
    assert json.loads(given.content)["error"]["code"] == "residency_denied"


def test_what_is_left_alone_is_told_and_tags_narrow(house: Running) -> None:
    found = tried(house, rule={"match": {"tag": "red"}, "set": {"reasoning_budget": 9}})
    assert (found["calls"], found["matched"], found["changed"]) == (3, 3, 0)
    assert found["left_alone"] == [{"reason": "reasoning_budget is no parameter of openai-chat", "calls": 3}]


def test_a_call_that_a_rule_changed_is_tried_as_its_client_sent_it(house: Running) -> None:
    said = {"match": {"model": "mock/other"}, "set": {"temperature": 0.5}, "model": "mock/small"}
    made = house.api.post("/rules", json={"name": "calm", **said})
    assert made.status_code == 201
    try:
        given = chat(house.url, house.make_key("d"), "mock/other", temperature=0.9)
        assert given.headers["x-headgate-target"] == "mock/small"
        house.wait_for_requests(1, model="mock/small")
        found = tried(house, name="calm")
    finally:
        house.api.delete("/rules/calm")
    assert found["changed"] == 1
    assert {each["field"]: each["examples"][0]["before"] for each in found["fields"]} == {
        "temperature": 0.9,
        "model": "mock/other",
    }


def test_only_so_many_calls_are_looked_at(house: Running) -> None:
    found = tried(house, rule={"set": {"seed": 1}}, limit=2)
    assert (found["calls"], found["more"]) == (2, True)
    assert tried(house, rule={"set": {"seed": 1}}, since="2099-01-01T00:00:00Z")["calls"] == 0


def test_a_project_admin_tries_rules_on_its_own_project(house: Running) -> None:
    key = house.make_key("lead", project="support", role="project_admin")
    answer = house.api.post(
        "/rules/test", json={"rule": {"set": {"seed": 1}}}, headers={"authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 200
    ours = house.requests(project="support")
    assert answer.json()["calls"] == len([each for each in ours if each["status"] == 200])
