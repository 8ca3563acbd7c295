"""Cases from model calls in traces that others sent: what they asked, where they came from, and erasure."""

import json
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from tests.contract.traces_by_hand import new_trace, put_calls, put_spans, put_trace
from tests.flow.control_app import Api, control, make_key
from tests.flow.test_api_erasures import erased

from headgate.datasets.span_cases import Told, case_of_span
from headgate.store.database import Database


def messages(*said: tuple[str, str]) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in said])


def model_call(asked: str, **more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "kind": "llm",
        "model": "gpt-5-mini",
        "request_model": "gpt-5-mini",
        "response_id": "",
        "user": "",
        "flags": [],
        "input": messages(("user", asked)) if asked else "",
        "output": messages(("assistant", f"{asked} Yes.")) if asked else "",
        "system": "",
        "details": Jsonb({}),
    }
    return {**plain, **more}


async def taken(api: Api, **asked: Any) -> Any:
    return await api.post("/datasets/told/traces", asked)


async def test_model_calls_of_traces_become_cases_and_go_with_their_user(database: Database) -> None:
    tool = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    async with control(database) as api:
        annas, bens = new_trace(), new_trace()
        await put_trace(database, annas, user="anna", session="s1", facets=["key:k1", "model:gpt-5-mini"])
        await put_trace(database, bens, user="ben", facets=["key:k1", "model:gpt-5-mini"])
        spans = await put_spans(
            database,
            annas,
            model_call("Where?", system='"Be short."', details=Jsonb({"tools": [tool]})),
            model_call("Where?", system='"Be short."', details=Jsonb({"tools": [tool]})),
            model_call(""),
            model_call("Long?", flags=["input_cut"]),
            model_call("Here?", response_id="r1"),
            model_call("Step", kind="tool"),
        )
        await put_calls(database, annas, {"response_id": "r1"})
        await put_spans(database, bens, model_call("Who?", model="other", request_model="other"))
        await api.post("/datasets", {"name": "told"})
        told = await taken(api, filters={"user": "anna", "from": "2026-11-01T00:00:00Z"}, expected=True)
        assert (told["traces"], told["spans"], told["added"]["cases"]) == (1, 5, 1)
        counts = [told[name] for name in ("recorded", "repeated", "without_content", "cut", "untold")]
        assert counts == [1, 1, 1, 1, 0]
        (case,) = (await api.get("/datasets/told/cases"))["items"]
        assert case["body"]["messages"] == [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "Where?"},
        ]
        assert case["body"]["tools"][0]["function"]["name"] == "look"
        assert (case["expected"], case["origin"], case["cluster"]) == ("Where? Yes.", "trace", "s1")
        (source,) = (await api.get("/datasets/told/sources"))["items"]
        assert (source["trace_id"], source["span_id"], source["request_id"]) == (annas, spans[0], None)
        named = await taken(api, trace_ids=[bens], filters={"model": "gpt-5-mini"})
        assert named["spans"] == 0, "a model's name narrows the calls, too"
        assert (await taken(api, trace_ids=[bens]))["added"]["cases"] == 2
        one = await taken(api, trace_ids=[annas], span_ids=[spans[0]])
        assert (one["spans"], one["added"]["added"], one["added"]["changed"]) == (1, 0, 1), "without expected"
        await erased(api, database, user="anna")
        left = (await api.get("/datasets/told/cases"))["items"]
        assert [each["body"]["messages"][-1]["content"] for each in left] == ["Who?"]


async def test_what_names_no_trace_is_refused_and_projects_keep_to_themselves(database: Database) -> None:
    async with control(database) as api:
        _, key = await make_key(database, "project_admin", "blue")
        await api.post("/datasets", {"name": "told"})
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})  # keys are read anew
        trace = await put_trace(database, new_trace(), user="anna")
        await put_spans(database, trace, model_call("Where?"))
        for wrong, reason in (
            ({}, "name traces"),
            ({"filters": {"colour": "red"}}, "no filter of traces"),
            ({"filters": {"project": "blue"}}, "goes into the address"),
            ({"filters": {"min_tokens": "many"}}, "min_tokens"),
            ({"filters": {"user": "anna"}, "span_ids": ["0" * 16]}, "steps of one trace"),
        ):
            refused = await api.post("/datasets/told/traces", wrong, 400)
            assert reason in refused["error"]["message"]
        blue = api.as_key(key)
        await blue.post("/datasets", {"name": "told"})
        assert (await blue.post("/datasets/told/traces", {"trace_ids": [trace]}))["spans"] == 0


NO_WORDS = '[{"role": "user", "parts": [{"type": "file", "file_id": "f1"}]}]'
CALLED = [
    {"role": "user", "parts": [{"type": "text", "content": "Look."}]},
    {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "hm"},
            {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": "it"}},
        ],
    },
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"seen": 1}}]},
    {"role": "user", "parts": [{"type": "uri", "modality": "image", "uri": "https://x/y.png"}]},
]


@pytest.mark.parametrize(
    ("parts", "lack"),
    [
        ({"input": ""}, "content"),
        ({"flags": ["tools_cut"]}, "cut"),
        ({"input": NO_WORDS}, "words"),
        ({"tools": "search"}, "words"),
        ({"tools": '[{"type": "web_search"}]'}, "words"),
        ({"input": "[]"}, "words"),
    ],
)
def test_a_span_that_can_not_be_asked_again_is_no_case(parts: dict[str, Any], lack: str) -> None:
    plain = Told(input='"Hello?"', output="", system="", tools="", flags=(), session="")
    told = Told(**{name: parts.get(name, getattr(plain, name)) for name in plain.__struct_fields__})
    assert case_of_span(told, (), with_expected=False) == lack


def test_tools_answers_and_pictures_are_asked_in_the_words_of_the_chat_route() -> None:
    told = Told(input=json.dumps(CALLED), output="", system="", tools="", flags=(), session="")
    case = case_of_span(told, ("one",), with_expected=True)
    assert not isinstance(case, str) and case.expected is None and case.tags == ("one",)
    assert case.body is not None
    assert case.body["messages"] == [
        {"role": "user", "content": "Look."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":"it"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"seen":1}'},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]},
    ]
