"""Putting a managed prompt into a call: which version, which place in each dialect, and who wins."""

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Dialect
from headgate.core.faults import InvalidRequest, NotFound
from headgate.prompts.managed.checking import NewVersion, check_label, check_name, checked
from headgate.prompts.managed.model import ManagedMessage, ManagedPrompt, ManagedVersion, Role
from headgate.prompts.managed.rendering import NO_PINS, Pins, Rendered, choose, render_call

DIALECTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "google")
SCHEMA = {"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "number"}}}


def version(number: int = 1, *messages: tuple[Role, str], **said: Any) -> ManagedVersion:
    given = messages or (("system", "Be {{tone}}."), ("user", "Hi {{name}}"))
    listed = tuple(ManagedMessage(role=role, content=content) for role, content in given)
    return msgspec.structs.replace(checked(NewVersion(messages=listed, **said)), number=number)


def prompts(*versions: ManagedVersion, **labels: int) -> dict[str, ManagedPrompt]:
    return {"p": ManagedPrompt(project="default", name="p", labels=labels, versions=versions)}


def put(dialect: Dialect, made: ManagedVersion, **body: Any) -> tuple[dict[str, Any], Rendered]:
    wanted = {"name": "p", "variables": {"tone": "kind", "name": "Ada"}}
    rendered = render_call(dialect, json.dumps({**body, "prompt": wanted}).encode(), prompts(made))
    assert rendered is not None
    return json.loads(rendered.body), rendered


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"model":"m","messages":[{"role":"user","content":"no \\"prompt\\" here"}]}',
        b'{"prompt":"a text"}',
        b'{"prompt":["texts"]}',
        b'{"prompt":null}',
        b'{"prompt":{"id":"pmpt_1","version":"2","variables":{}}}',
    ],
)
def test_what_asks_for_no_managed_prompt_is_none(body: bytes) -> None:
    assert render_call("openai-responses", body, prompts(version())) is None


def test_other_operations_are_left_alone() -> None:
    body = b'{"prompt":{"name":"p"}}'
    assert render_call("openai", body, prompts(version()), operation="completions") is None
    assert render_call("google", body, prompts(version()), operation="embeddings") is None


def test_the_callers_messages_follow_in_every_shape() -> None:
    turn = {"role": "user", "content": "x"}
    chat, _ = put("openai-chat", version(), messages=[turn])
    assert [each["content"] for each in chat["messages"]] == ["Be kind.", "Hi Ada", "x"]
    nothing: list[dict[str, Any]] = [{}, {"messages": []}, {"messages": None}]
    for empty in nothing:
        chat, _ = put("openai-chat", version(), **empty)
        assert len(chat["messages"]) == 2
    answers, _ = put("openai-responses", version(), input=[turn], instructions="also")
    assert answers["instructions"] == "Be kind.\n\nalso"
    assert answers["input"] == [{"role": "user", "content": "Hi Ada"}, turn]
    claude, _ = put("anthropic", version(), system=[{"type": "text", "text": "also"}], messages=[turn])
    assert [each["text"] for each in claude["system"]] == ["Be kind.", "also"]
    own = {"system_instruction": {"role": "user", "parts": [{"text": "also"}]}}
    gemini, _ = put("google", version(), contents=[{"parts": [{"text": "x"}]}], **own)
    assert gemini["system_instruction"] == {"role": "user", "parts": [{"text": "Be kind."}, {"text": "also"}]}
    assert [each["parts"][0]["text"] for each in gemini["contents"]] == ["Hi Ada", "x"]


def test_examples_keep_their_roles_and_order() -> None:
    made = version(1, ("user", "1"), ("assistant", "2"), ("system", "s"), ("user", "3"))
    chat, _ = put("openai-chat", made)
    assert [each["role"] for each in chat["messages"]] == ["user", "assistant", "system", "user"]
    claude, _ = put("anthropic", made)
    assert [each["role"] for each in claude["messages"]] == ["user", "assistant", "user"]
    gemini, _ = put("google", made)
    assert [each["role"] for each in gemini["contents"]] == ["user", "model", "user"]


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("openai-chat", {"messages": "x"}),
        ("openai-responses", {"input": 7}),
        ("openai-responses", {"instructions": ["x"]}),
        ("anthropic", {"system": {"text": "x"}}),
        ("google", {"contents": {}, "systemInstruction": []}),
        ("google", {"generationConfig": 7}),
    ],
)
def test_a_body_of_another_shape_is_refused(dialect: Dialect, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        put(dialect, version(parameters={"temperature": 1}), **body)


def test_parameters_go_where_each_dialect_has_them() -> None:
    said: dict[str, Any] = {
        "temperature": 0.5, "max_output": 9, "stop": "END", "reasoning_budget": 5, "reasoning_effort": "low"
    }  # fmt: skip
    made = version(parameters=said)
    chat, rendered = put("openai-chat", made)
    assert {
        "temperature": 0.5,
        "max_completion_tokens": 9,
        "stop": "END",
        "reasoning_effort": "low",
    }.items() <= chat.items()
    assert rendered.changes == ("prompt p@1: reasoning_budget has no place in openai-chat",)
    claude, _ = put("anthropic", made)
    assert claude["stop_sequences"] == ["END"] and claude["max_tokens"] == 9
    assert claude["thinking"] == {"budget_tokens": 5, "type": "enabled"}
    assert claude["output_config"] == {"effort": "low"}
    answers, _ = put("openai-responses", made, reasoning={"summary": "auto"})
    assert answers["reasoning"] == {"summary": "auto", "effort": "low"}
    gemini, _ = put("google", made)
    assert gemini["generationConfig"] == {
        "temperature": 0.5,
        "maxOutputTokens": 9,
        "stopSequences": ["END"],
        "thinkingConfig": {"thinkingBudget": 5, "thinkingLevel": "low"},
    }


def test_what_the_caller_says_wins() -> None:
    made = version(
        model="m/prompt", parameters={"max_output": 9}, tools=({"name": "f"},), response_schema=SCHEMA
    )
    own: dict[str, Any] = {
        "model": "m/own",
        "max_tokens": 3,
        "tools": [],
        "response_format": {"type": "text"},
    }
    chat, rendered = put("openai-chat", made, **own)
    assert {name: chat[name] for name in own} == own and "max_completion_tokens" not in chat
    assert [each.field for each in rendered.overrides] == ["prompt", "messages"]
    assert rendered.model is None
    gemini, _ = put("google", made, generation_config={"max_output_tokens": 3, "response_json_schema": {}})
    assert gemini["generation_config"] == {"max_output_tokens": 3, "response_json_schema": {}}
    chat, rendered = put("openai-chat", made, model=None, max_tokens=None)
    assert (chat["model"], chat["max_completion_tokens"], rendered.model) == ("m/prompt", 9, "m/prompt")
    assert "max_tokens" not in chat


def test_schemas_and_tools_go_where_each_dialect_has_them() -> None:
    tool = {"name": "f", "description": "d", "parameters": SCHEMA}
    made = version(tools=(tool,), response_schema=SCHEMA)
    chat, _ = put("openai-chat", made)
    assert chat["tools"] == [{"type": "function", "function": tool}]
    assert chat["response_format"] == {"type": "json_schema", "json_schema": {"name": "p", "schema": SCHEMA}}
    answers, _ = put("openai-responses", made, text={"verbosity": "low"})
    assert answers["tools"] == [{"type": "function", **tool}]
    assert answers["text"] == {
        "verbosity": "low",
        "format": {"type": "json_schema", "name": "p", "schema": SCHEMA},
    }
    claude, _ = put("anthropic", made)
    assert claude["tools"] == [{"name": "f", "description": "d", "input_schema": SCHEMA}]
    assert claude["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    gemini, _ = put("google", made)
    assert gemini["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == SCHEMA
    config = gemini["generationConfig"]
    assert config == {"responseJsonSchema": SCHEMA, "responseMimeType": "application/json"}
    for body in (chat, answers, claude, gemini):
        assert '"z"' in json.dumps(body).split('"a"')[0], "members of a schema keep their order"


def test_tokens_are_counted_without_what_only_an_answer_needs() -> None:
    made = version(model="m/x", parameters={"max_output": 9}, tools=({"name": "f"},), response_schema=SCHEMA)
    body = b'{"prompt":{"name":"p","variables":{"tone":"a","name":"b"}}}'
    rendered = render_call("anthropic", body, prompts(made), operation="count_tokens")
    assert rendered is not None and set(json.loads(rendered.body)) == {"messages", "system", "model", "tools"}
    with pytest.raises(InvalidRequest, match="countTokens"):
        render_call("google", body, prompts(made), operation="count_tokens")


@pytest.mark.parametrize(
    ("wanted", "pins", "number"),
    [
        (None, NO_PINS, 2),
        (None, Pins(environment="staging"), 3),
        (None, Pins(environment="elsewhere"), 2),
        (None, Pins(environment="staging", versions={"p": 1}), 1),
        (1, Pins(environment="staging", versions={"p": 3}), 1),
        ("3", NO_PINS, 3),
        ("production", NO_PINS, 2),
        ("latest", Pins(versions={"p": 1}), 4),
        ("staging", Pins(environment="staging", versions={"p": 1}), 1),
        ("production", Pins(environment="staging", versions={"p": 1}), 2),
    ],
)
def test_which_version_a_call_means(wanted: int | str | None, pins: Pins, number: int) -> None:
    known = prompts(*(version(each, ("user", f"{each}")) for each in (1, 2, 3, 4)), production=2, staging=3)
    assert choose(known, "p", wanted, pins).number == number


def test_without_labels_the_newest_is_meant() -> None:
    assert choose(prompts(version(1), version(5)), "p", None).number == 5


@pytest.mark.parametrize("wanted", [0, 9, -1, "9", "canary", "", "9" * 400])
def test_a_version_that_is_none_is_refused(wanted: int | str) -> None:
    with pytest.raises(NotFound):
        choose(prompts(version(1), production=1), "p", wanted)


@pytest.mark.parametrize("name", ["a", "a/b.c-d_e", "0", "x" * 100])
def test_names_and_labels(name: str) -> None:
    assert check_name(name) == name
    assert check_label("eu-west.1") == "eu-west.1"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "a/../b",
        "a/./b",
        "a//b",
        "/a",
        "a/",
        "-a",
        ".a",
        "a b",
        "a:b",
        "a\n",
        "a/diff",
        "unknown",
        "x" * 101,
    ],
)
def test_names_that_no_path_and_no_address_could_hold_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_name(name)


TEXT = st.text(max_size=20)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(DIALECTS), st.dictionaries(TEXT, JSON, max_size=4), TEXT, TEXT)
def test_every_other_member_stays_as_it_is(
    dialect: Dialect, body: dict[str, Any], tone: str, name: str
) -> None:
    watched = {"prompt", "model", "messages", "input", "instructions", "system", "contents", "tools"}
    folded = {
        each.casefold() for each in watched | {"systeminstruction", "system_instruction", "generationconfig"}
    }
    own = {key: value for key, value in body.items() if key.casefold() not in folded}
    asked = {**own, "prompt": {"name": "p", "variables": {"tone": tone, "name": name}}}
    rendered = render_call(dialect, json.dumps(asked).encode(), prompts(version()))
    assert rendered is not None
    made = json.loads(rendered.body)
    assert {key: made[key] for key in own} == own
    texts = json.dumps(made, ensure_ascii=False)
    assert json.dumps(f"Be {tone}.", ensure_ascii=False)[1:-1] in texts
    assert json.dumps(f"Hi {name}", ensure_ascii=False)[1:-1] in texts


def test_long_variables_are_recorded_by_their_size() -> None:
    values = {"tone": "kind", "name": "x" * 100_000}
    body = json.dumps({"prompt": {"name": "p", "variables": values}}).encode()
    rendered = render_call("openai-chat", body, prompts(version()))
    assert rendered is not None
    assert json.loads(rendered.used.variables) == {"tone": "kind", "name": "(100002 bytes)"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"prompt":{"name":"p","name":"q"}}', "is missing|no managed prompt"),
        (b'{"prompt":{"name":"p"},"prompt":{"name":"q"}}', "given twice"),
        (b'{"prompt":{"name":"p"},"Model":"x"}', "differs from 'model' only in case"),
        (b'{"prompt":{"name":"p","variables":[]}}', "no object"),
        (b'{"prompt":{"name":"p","version":1.5}}', "Expected"),
        (b'{"prompt":{"name":"p","variables":{"a":' + b"[" * 5000 + b"]" * 5000 + b"}}}", "deep|nested"),
    ],
)
def test_a_reference_that_is_none_is_refused(body: bytes, said: str) -> None:
    with pytest.raises((InvalidRequest, NotFound), match=said):
        render_call("openai-chat", body, prompts(version()))


def test_a_body_without_a_prompt_costs_nothing_to_speak_of() -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 4000}]}).encode()
    known = prompts(version())
    began_s = time.process_time()
    for _ in range(2000):
        assert render_call("openai-chat", body, known) is None
    assert (time.process_time() - began_s) / 2000 < 50e-6, "about 1 µs on a quiet machine"


def test_a_variable_that_is_not_read_is_refused_if_strict() -> None:
    values = {"tone": "kind", "name": "Ada", "nmae": "x"}
    for strict in (False, True):
        wanted = {"name": "p", "variables": values, "strict": strict}
        body = json.dumps({"prompt": wanted}).encode()
        if not strict:
            assert render_call("openai-chat", body, prompts(version())) is not None
            continue
        with pytest.raises(InvalidRequest, match="no variable 'nmae'"):
            render_call("openai-chat", body, prompts(version()))


def test_schemas_are_nested_as_deep_as_files_can_be_written() -> None:
    deep: Any = {}
    for _ in range(62):
        deep = {"properties": deep}
    assert version(response_schema={"type": "object", "properties": deep})
    refused: list[dict[str, Any]] = [
        {"response_schema": {"a": {"b": deep}}},
        {"tools": ({"name": "f", "parameters": deep},)},
    ]
    for more in refused:
        with pytest.raises(InvalidRequest, match="64 deep"):
            version(**more)


def test_what_depends_on_no_value_is_known_not_to_fit_when_it_is_made() -> None:
    endless = "{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}"
    with pytest.raises(InvalidRequest, match=r"messages\[1\].content is refused: rendering takes more than"):
        version(1, ("user", "Hi"), ("user", endless), engine="jinja")
