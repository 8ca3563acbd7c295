"""Every effective parameter of a call stands on its record with its source."""

import json
import time
from typing import Any

import msgspec
from tests.flow.gateway_house import House
from tests.flow.scripted_provider import answer, completion
from tests.flow.test_rules_gateway import detail, rule

from headgate.prompts.model import Hole, Template


def named(shown: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in shown["parameters"]}


def test_what_the_caller_sent_and_what_the_provider_takes_without(house: House) -> None:
    given = house.chat("mock/gpt-4o", temperature=0.5, max_tokens=9, logit_bias={"50256": -100})
    found = named(detail(house, given))
    assert found["temperature"] == {"name": "temperature", "value": 0.5, "source": "caller"}
    assert found["max_output"] == {"name": "max_output", "value": 9, "source": "caller"}
    assert found["logit_bias"]["value"] == {"50256": -100}
    assert found["top_p"] == {"name": "top_p", "value": 1, "source": "default"}
    assert list(found)[:3] == ["temperature", "top_p", "max_output"], "in one order everywhere"


def test_what_a_rule_takes_away_shows(house: House) -> None:
    alias = house.alias("solo")
    with rule(house, "no-temperature", match={"model": alias}, remove=["temperature"]) as made:
        given = house.chat(alias, temperature=0.5)
    assert detail(house, given)["parameters"] == [
        {
            "name": "temperature",
            "value": None,
            "source": f"rule no-temperature@{made['version']}",
            "before": 0.5,
        }
    ]


def test_an_aliass_default_and_a_budgets_clamp_are_sources(house: House) -> None:
    capped = named(detail(house, house.chat("capped")))
    assert capped["max_output"] == {"name": "max_output", "value": 77, "source": "alias capped"}
    clamped = named(detail(house, house.chat("clamps-in-rules", max_tokens=100_000)))
    assert clamped["max_output"]["source"] == "budget"
    assert clamped["max_output"]["before"] == 100_000
    assert 0 < clamped["max_output"]["value"] < 100_000


def test_a_call_without_recorded_bodies_tells_its_parameters_but_no_content(house: House) -> None:
    alias = house.alias("solo")
    headers = {"authorization": f"Bearer {house.make_key(record='metadata')}"}
    body = {
        "model": alias,
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "stop": ["a secret"],
        "user": "anna",
    }
    schema = {"type": "json_schema", "json_schema": {"name": "secret"}}
    with rule(house, "shape", match={"model": alias}, set={"response_format": schema, "seed": 3}) as made:
        given = house.post("/v1/chat/completions", body, headers)
    assert given.status_code == 200
    request_id = given.headers["x-headgate-request-id"]
    house.record(request_id)
    shown = house.running.get(f"/requests/{request_id}")
    source = f"rule shape@{made['version']}"
    assert named(shown)["temperature"] == {"name": "temperature", "value": 0.5, "source": "caller"}
    assert named(shown)["seed"]["source"] == source
    assert "stop" not in named(shown)
    assert "secret" not in str(shown)
    assert {"source": source, "field": "seed", "after": 3} in shown["overrides"]
    assert {"source": source, "field": "response_format", "after": "(not recorded)"} in shown["overrides"]


def push(house: House, source: str, kind: str, path: str, parameter: dict[str, Any], *parts: Any) -> None:
    """A source whose newest state holds one prompt, with one parameter hard-coded beside it."""
    template = Template.of(parts)
    version = {
        "path": path,
        "symbol": "SYSTEM",
        "version": template.version,
        "kind": "constant",
        "line": 3,
        "first": 0,
        "last": 0,
        "is_newest": True,
    }
    beside = {"path": path, "line": 9, "symbol": "ask", "call": "client.create", **parameter}
    said = {
        "source": source,
        "kind": kind,
        "templates": [{"parts": msgspec.to_builtins(template.parts)}],
        "state": {"head": "1.0", "versions": [version], "parameters": [beside], "is_snapshot": True},
    }
    answer = house.running.api.post("/prompts/catalogue", json=said)
    assert answer.status_code == 200, answer.text


def test_a_rule_by_template_changes_what_a_library_hard_codes(house: House) -> None:
    """Found in code, matched on the wire, changed by a rule, and told with its source: all at once."""
    alias = house.alias("solo")
    house.provider.on("b", alias, answer(completion()))
    hole = Hole(name="language")
    ticket = ("Translate each ticket of the harbour office into plain ", hole, ", and keep its number.")
    greeting = ("Greet every captain of the harbour office by name, in ", hole, ", within one line.")
    temperature, top_p = {"name": "temperature", "value": "0.9"}, {"name": "top_p", "value": "0.25"}
    push(house, "harbour", "repository", "harbour/ask.py", temperature, *ticket)
    push(house, "harbourlib", "library", "harbourlib/greet.py", top_p, *greeting)

    def asked(parts: tuple[Any, ...], **fields: Any) -> dict[str, Any]:
        text = "".join(part if isinstance(part, str) else "Dutch" for part in parts)
        messages = [{"role": "system", "content": text}, {"role": "user", "content": "Hi"}]
        body = {"model": alias, "messages": messages, **fields}
        shown = detail(house, house.post("/v1/chat/completions", body))
        for _ in range(150):
            if shown["prompts"]:
                return shown
            time.sleep(0.2)
            shown = house.running.get(f"/requests/{shown['id']}")
        raise AssertionError("the call is matched to no prompt")

    plain = named(asked(ticket, temperature=0.9, top_p=0.25))
    assert plain["temperature"]["source"] == "code harbour/ask.py:9"
    assert plain["top_p"]["source"] == "caller", "it is not written beside this prompt"
    assert named(asked(greeting, top_p=0.25))["top_p"]["source"] == "library harbourlib harbourlib/greet.py:9"

    match = {"template": "harbour/ask.py:SYSTEM"}
    with rule(house, "calm-harbour", match=match, set={"temperature": 0.1}) as made:
        assert made["template_versions"] == 1
        changed = named(asked(ticket, temperature=0.9))["temperature"]
        other = named(asked(greeting, temperature=0.9))["temperature"]
    source = f"rule calm-harbour@{made['version']}"
    assert changed == {"name": "temperature", "value": 0.1, "source": source, "before": 0.9}
    assert other["source"] == "caller"
    sent = [json.loads(each.body)["temperature"] for each in house.provider.received("b", alias)[2:]]
    assert sent == [0.1, 0.9]
