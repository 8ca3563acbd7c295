"""Managed prompts through a gateway: what the provider gets in each dialect, and what is on record."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from tests.flow.gateway_house import House

SYSTEM, USER = "You help the customers of {{company}}.", "Greet {{name}} {{&raw}}"
VARIABLES = {"company": "Acme & Co", "name": "Ada", "raw": '{{company}} "q" \\ \n<b>'}
TEXTS = ("You help the customers of Acme & Co.", 'Greet Ada {{company}} "q" \\ \n<b>')
SAID: dict[str, Any] = {
    "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}],
    "model": "mock/managed",
    "parameters": {"temperature": 0.25, "max_output": 50},
}

CALLS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "openai-chat": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "And again."}]},
        {
            "messages": [
                {"role": "system", "content": TEXTS[0]},
                {"role": "user", "content": TEXTS[1]},
                {"role": "user", "content": "And again."},
            ],
            "model": "mock/managed",
            "temperature": 0.25,
            "max_completion_tokens": 50,
        },
    ),
    "openai-responses": (
        "/v1/responses",
        {"input": "And again.", "temperature": 1},
        {
            "input": [{"role": "user", "content": TEXTS[1]}, {"role": "user", "content": "And again."}],
            "instructions": TEXTS[0],
            "model": "mock/managed",
            "temperature": 1,
            "max_output_tokens": 50,
        },
    ),
    "anthropic": (
        "/v1/messages",
        {"system": "Be brief.", "max_tokens": 7},
        {
            "messages": [{"role": "user", "content": TEXTS[1]}],
            "system": TEXTS[0] + "\n\nBe brief.",
            "model": "mock/managed",
            "temperature": 0.25,
            "max_tokens": 7,
        },
    ),
    "google": (
        "/v1beta/models/-:generateContent",
        {"generationConfig": {"topP": 0.5}},
        {
            "contents": [{"role": "user", "parts": [{"text": TEXTS[1]}]}],
            "systemInstruction": {"parts": [{"text": TEXTS[0]}]},
            "generationConfig": {"topP": 0.5, "temperature": 0.25, "maxOutputTokens": 50},
        },
    ),
}


@contextmanager
def prompt(house: House, name: str, **said: Any) -> Generator[None]:
    """A prompt that is in force within the block."""
    made = house.running.api.post(f"/prompts/{name}/versions", json={**SAID, **said})
    assert made.status_code == 201, made.text
    assert made.json()["not_acknowledged"] == []
    try:
        yield
    finally:
        assert house.running.api.delete(f"/prompts/{name}").status_code == 200


def detail(house: House, given: httpx.Response) -> dict[str, Any]:
    """The record of a call, as soon as it is there with its bodies."""
    request_id = given.headers["x-headgate-request-id"]
    house.find("select id from request_bodies where id = %s", request_id)
    house.record(request_id)
    return house.running.get(f"/requests/{request_id}")


@pytest.mark.parametrize("dialect", CALLS)
def test_a_prompt_is_rendered_in_every_dialect_and_on_record(house: House, dialect: str) -> None:
    path, own, sent = CALLS[dialect]
    with prompt(house, "greeting"):
        given = house.post(path, {"prompt": {"name": "greeting", "variables": VARIABLES}, **own})
    assert given.status_code == 200, given.text
    assert given.headers["x-headgate-target"] == "mock/managed"
    shown = detail(house, given)
    assert shown["request"] == sent, "what is recorded is what the provider got"
    used = [each for each in shown["prompts"] if each["kind"] == "managed"]
    assert [(each["name"], each["version"], each["values"]) for each in used] == [
        ("greeting", "1", VARIABLES)
    ]
    overrides = {each["field"]: each for each in shown["overrides"]}
    assert {each["source"] for each in shown["overrides"]} == {"prompt greeting@1"}
    assert overrides["prompt"]["before"] == {"name": "greeting"}
    assert overrides["messages"]["after"] == 2
    sources = {each["name"]: each["source"] for each in shown["parameters"]}
    caller = {"openai-responses": "temperature", "anthropic": "max_output", "google": "top_p"}.get(dialect)
    filled = {"temperature", "max_output"} - {caller}
    assert {name for name, source in sources.items() if source == "prompt greeting@1"} == filled
    assert caller is None or sources[caller] == "caller"


def test_bodies_that_ask_for_no_managed_prompt_are_left_alone(house: House) -> None:
    with prompt(house, "greeting"):
        plain = house.post("/v1/completions", {"model": "mock/small", "prompt": 'Say "prompt".'})
        own = house.post(
            "/v1/responses",
            {"model": "mock/small", "input": "x", "prompt": {"id": "pmpt_1", "version": "2"}},
        )
        said = [{"role": "user", "content": 'what is a "prompt"?'}]
        talk = house.post("/v1/chat/completions", {"model": "mock/small", "messages": said})
    assert plain.status_code == talk.status_code == 200
    assert detail(house, plain)["request"]["prompt"] == 'Say "prompt".'
    assert detail(house, talk)["request"]["messages"] == said
    assert own.status_code in (200, 403), "what its stored prompt costs has no bound"
    assert detail(house, own)["prompts"] == []


def test_calls_name_a_version_or_a_label_and_a_moved_label_holds_within_a_second(house: House) -> None:
    api = house.running.api

    def asks(version: int | str | None) -> str:
        wanted: dict[str, Any] = {"name": "tone", "variables": {}}
        if version is not None:
            wanted["version"] = version
        given = house.post("/v1/chat/completions", {"prompt": wanted})
        assert given.status_code == 200, given.text
        return detail(house, given)["request"]["messages"][0]["content"]

    with prompt(house, "tone", messages=[{"role": "user", "content": "first"}], labels=["production"]):
        second = {**SAID, "messages": [{"role": "user", "content": "second"}]}
        assert api.post("/prompts/tone/versions", json=second).status_code == 201
        assert [asks(each) for each in (1, 2, "production", "latest", None)] == [
            "first", "second", "first", "second", "first"
        ]  # fmt: skip
        began_s = time.monotonic()
        assert api.put("/prompts/tone/labels/production", json={"version": 2}).status_code == 200
        assert asks("production") == "second"
        assert time.monotonic() - began_s < 1
        for version, said in ((9, "version 9"), ("canary", "no label 'canary'; it has latest, production")):
            given = house.post("/v1/chat/completions", {"prompt": {"name": "tone", "version": version}})
            assert given.status_code == 404 and said in given.text


def test_an_environment_means_the_label_of_its_name(house: House) -> None:
    headers = {"authorization": f"Bearer {house.make_key(environment='staging')}"}
    with prompt(house, "tone", messages=[{"role": "user", "content": "first"}], labels=["production"]):
        second = {**SAID, "messages": [{"role": "user", "content": "second"}], "labels": ["staging"]}
        assert house.running.api.post("/prompts/tone/versions", json=second).status_code == 201
        asked = {"prompt": {"name": "tone"}}
        staged = house.post("/v1/chat/completions", asked, headers)
        live = house.post("/v1/chat/completions", asked)
    assert detail(house, staged)["request"]["messages"][0]["content"] == "second"
    assert detail(house, live)["request"]["messages"][0]["content"] == "first"


@pytest.mark.parametrize(
    ("wanted", "status", "said"),
    [
        ({"name": "greeting"}, 400, "prompt greeting@1: the variable 'company' is missing"),
        ({"name": "greeting", "variables": {**VARIABLES, "nmae": 1}, "strict": True}, 400, "'nmae'"),
        ({"name": "greeting", "variables": [1]}, 400, "prompt.variables is no object"),
        ({"name": "greeting", "variabels": {}}, 400, "unknown field `variabels`"),
        ({"name": "greetin"}, 404, "the nearest names are greeting"),
        ({"name": 7}, 400, "Expected `str`"),
    ],
)
def test_what_cannot_be_rendered_is_refused_and_says_why(
    house: House, wanted: dict[str, Any], status: int, said: str
) -> None:
    with prompt(house, "greeting"):
        given = house.post("/v1/chat/completions", {"model": "mock/small", "prompt": wanted})
        archived = house.running.api.post("/prompts/greeting/archive", json={})
        assert archived.json()["not_acknowledged"] == []
        gone = house.post("/v1/chat/completions", {"model": "mock/small", "prompt": {"name": "greeting"}})
    assert given.status_code == status, given.text
    assert said in given.json()["error"]["message"]
    assert gone.status_code == 404 and "is archived" in gone.text


def test_other_projects_prompts_are_none(house: House) -> None:
    headers = {"authorization": f"Bearer {house.make_key(project='elsewhere')}"}
    with prompt(house, "greeting"):
        asked = {"prompt": {"name": "greeting", "variables": VARIABLES}}
        given = house.post("/v1/chat/completions", asked, headers)
    assert given.status_code == 404 and "no managed prompt 'greeting' in this project" in given.text


def test_a_record_without_content_names_the_prompt_and_no_variable(house: House) -> None:
    headers = {"authorization": f"Bearer {house.make_key(record='metadata')}"}
    with prompt(house, "greeting"):
        asked = {"prompt": {"name": "greeting", "variables": VARIABLES}}
        given = house.post("/v1/chat/completions", asked, headers)
    house.record(given.headers["x-headgate-request-id"])
    shown = house.running.get(f"/requests/{given.headers['x-headgate-request-id']}")
    assert [(each["name"], each["version"]) for each in shown["prompts"]] == [("greeting", "1")]
    assert "Ada" not in str(shown)


def test_a_template_that_grows_stalls_no_other_call(house: House) -> None:
    loops = "{% for i in xs %}" * 3 + "{{ big|upper }}" + "{% endfor %}" * 3
    said = [{"role": "user", "content": loops}]
    variables = {"xs": list(range(1000)), "big": "x" * 1000}
    with prompt(house, "hostile", messages=said, engine="jinja"):
        began_s = time.monotonic()
        given = house.post("/v1/chat/completions", {"prompt": {"name": "hostile", "variables": variables}})
        took_s = time.monotonic() - began_s
    assert given.status_code == 400 and "rendering" in given.json()["error"]["message"]
    assert took_s < 1
