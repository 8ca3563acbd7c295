"""Every effective parameter of a call stands on its record with its source."""

from typing import Any

from tests.flow.gateway_house import House
from tests.flow.test_rules_gateway import detail, rule


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
    clamped = named(detail(house, house.chat("clamps", max_tokens=100_000)))
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
