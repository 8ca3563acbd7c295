"""What a call of another dialect becomes for Cohere, and what its answers and streams become elsewhere."""

import json
from typing import Any

import pytest
from tests.recorded_exchanges import every_exchange
from tests.wire.dialects.returning import ASKED, is_streamed
from tests.wire.dialects.small_samples import COHERE_ANSWERS, COHERE_STREAM, events

from headgate.catalog.kinds import kinds
from headgate.core.call import Dialect
from headgate.core.chat import ChatAnswer, Reasoning, Text, ToolCall
from headgate.core.events import Broke, Ended
from headgate.core.faults import UpstreamError
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.cohere.codec import CODEC
from headgate.wire.dialects.folding import fold, unfold
from headgate.wire.dialects.registry import CODECS
from headgate.wire.routes import CHAT_PATHS

USER = {"role": "user", "content": "hi"}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("a", "b")
]


def sent(fields: dict[str, Any], quirks: Quirks = PLAIN) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A chat call of OpenAI's dialect as Cohere is sent it, and what that changed."""
    changes = Changes()
    body = json.dumps({"model": "m", "messages": [USER], **fields}).encode()
    written = CODEC.write_call(CODECS["openai-chat"].read_call(body), quirks, changes)
    return json.loads(written), [(one.what, one.weight) for one in changes]


def test_settings_go_by_cohere_s_names():
    body, told = sent(
        {"temperature": 0.5, "top_p": 0.9, "seed": 1, "stop": "x", "max_tokens": 9, "frequency_penalty": 0.5}
    )
    del body["messages"]
    assert body == {
        "model": "m", "temperature": 0.5, "p": 0.9, "seed": 1, "stop_sequences": ["x"], "max_tokens": 9,
        "frequency_penalty": 0.5,
    }  # fmt: skip
    assert told == []


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"n": 2}, "choices"),
        ({"logit_bias": {"1": 5}}, "logit_bias"),
        ({"top_logprobs": 3, "logprobs": True}, "top_logprobs"),
        ({"tools": TOOLS, "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"verbosity": "low"}, "verbosity"),
        (
            {"messages": [{**USER, "content": [{"type": "file", "file": {"file_data": "QQ=="}}]}]},
            "messages[0]",
        ),
    ],
)
def test_trap_43_what_cohere_can_t_say_changes_the_meaning(fields: dict[str, Any], what: str):
    _, told = sent(fields)
    assert (what, "meaning") in told


def test_trap_48_what_no_answer_depends_on_is_lost():
    body, told = sent({"user": "u", "service_tier": "flex", "metadata": {"a": "b"}})
    assert set(body) == {"model", "messages"}
    assert {weight for _, weight in told} == {"loss"}


def test_trap_28_one_tool_is_forced_by_offering_no_other():
    forced = {"type": "function", "function": {"name": "b"}}
    body, told = sent({"tools": TOOLS, "tool_choice": forced})
    assert [tool["function"]["name"] for tool in body["tools"]] == ["b"]
    assert body["tool_choice"] == "REQUIRED"
    assert told == [("tool_choice", "note")]
    assert sent({"tools": TOOLS, "tool_choice": "none"})[0]["tool_choice"] == "NONE"
    assert "tool_choice" not in sent({"tools": TOOLS, "tool_choice": "auto"})[0]
    assert "tool_choice" not in sent({"tool_choice": "auto"})[0]


def test_trap_44_schemas_stand_in_the_form_of_the_answer():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": True}}
    assert sent({"response_format": form})[0]["response_format"] == {
        "type": "json_object",
        "json_schema": schema,
    }
    assert sent({"response_format": {"type": "json_object"}})[0]["response_format"] == {"type": "json_object"}
    strict = [{"type": "function", "function": {"name": "a", "strict": True, "parameters": schema}}]
    assert sent({"tools": strict})[0]["strict_tools"] is True
    body, told = sent({"tools": [*strict, TOOLS[1]]})
    assert "strict_tools" not in body and ("tools", "loss") in told


@pytest.mark.parametrize(
    ("effort", "thinking"),
    [("none", {"type": "disabled"}), ("low", {"type": "enabled", "token_budget": 2048})],
)
def test_trap_38_an_effort_is_a_budget(effort: str, thinking: dict[str, Any]):
    assert sent({"reasoning_effort": effort})[0]["thinking"] == thinking
    body, told = sent({"reasoning_effort": effort}, Quirks(thinking="none"))
    assert "thinking" not in body
    assert bool(told) is (effort != "none")


def test_trap_25_results_stand_each_in_a_message_of_its_own():
    """Anthropic's are in one message, with what the user says after them."""
    calls: list[Any] = [{"type": "tool_use", "id": f"t{one}", "name": "a", "input": {}} for one in (1, 2)]
    results: list[Any] = [
        {"type": "tool_result", "tool_use_id": "t1", "content": "one"},
        {
            "type": "tool_result",
            "tool_use_id": "t2",
            "is_error": True,
            "content": [{"type": "text", "text": "two"}],
        },
        {"type": "text", "text": "and now?"},
    ]
    body: dict[str, Any] = {
        "model": "m",
        "max_tokens": 9,
        "system": "s",
        "tools": [{"name": "a", "input_schema": {"type": "object"}}],
        "messages": [USER, {"role": "assistant", "content": calls}, {"role": "user", "content": results}],
    }
    changes = Changes()
    written = CODEC.write_call(CODECS["anthropic"].read_call(json.dumps(body).encode()), PLAIN, changes)
    messages = json.loads(written)["messages"]
    assert [message["role"] for message in messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
        "user",
    ]
    assert [message["tool_call_id"] for message in messages[3:5]] == ["t1", "t2"]
    assert messages[4]["content"] == "two" and messages[5]["content"] == "and now?"
    assert [one.weight for one in changes] == ["loss"], "that a tool failed"


def test_trap_37_reasoning_of_others_is_not_said_again():
    thought = {"role": "assistant", "content": "so", "reasoning_content": "hm"}
    body, told = sent({"messages": [USER, thought, USER]})
    assert body["messages"][1] == {"role": "assistant", "content": "so"}
    assert [weight for _, weight in told] == ["loss"]


CLIENTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "google")


def texts(answer: ChatAnswer) -> tuple[str, str, list[Any]]:
    parts = answer.candidates[0].parts
    return (
        "".join(part.text for part in parts if isinstance(part, Text)),
        "".join(part.text for part in parts if isinstance(part, Reasoning)),
        [(part.name, json.loads(part.arguments)) for part in parts if isinstance(part, ToolCall)],
    )


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("raw", COHERE_ANSWERS)
def test_every_client_hears_the_same(client: Dialect, raw: dict[str, Any]):
    answer = CODEC.read_answer(json.dumps(raw).encode())
    assert answer.usage is not None
    codec = CODECS[client]
    heard = codec.read_answer(codec.write_answer(answer, ASKED, Changes()))
    assert texts(heard) == texts(answer)
    assert heard.candidates[0].finish is not None and answer.candidates[0].finish is not None
    assert heard.candidates[0].finish.reason == answer.candidates[0].finish.reason
    assert heard.usage is not None
    assert (heard.usage.total_input, heard.usage.total_output) == (answer.usage.input, answer.usage.output)


@pytest.mark.parametrize("client", CLIENTS)
def test_what_another_provider_answers_can_be_said_in_cohere_s_words(client: Dialect):
    """The way back, so that the codec holds what all hold; nobody calls in this dialect."""
    answer = CODEC.read_answer(json.dumps(COHERE_ANSWERS[1]).encode())
    codec = CODECS[client]
    foreign = codec.read_answer(codec.write_answer(answer, ASKED, Changes()))
    back = CODEC.read_answer(CODEC.write_answer(foreign, ASKED, Changes()))
    assert texts(back) == texts(answer)
    writer = CODEC.events_out(ASKED, Changes())
    reader = CODEC.events_in()
    said = reader.feed(b"".join(writer.write(event) for event in unfold(foreign))) + reader.end()
    assert texts(fold(said)) == texts(answer)
    assert isinstance(said[-1], Ended)


def test_a_stream_says_what_its_bytes_say():
    reader = CODEC.events_in()
    answer = fold(reader.feed(events(COHERE_STREAM, is_named=True)) + reader.end())
    assert texts(answer) == ("abcdé", "hmp", [("look", {"at": 1})])
    (cited,) = [part for part in answer.candidates[0].parts if isinstance(part, Text)]
    assert [(one.url, one.title, one.start, one.end) for one in cited.citations] == [
        ("https://sky.example", "Sky", 0, 3)
    ]


def test_every_recorded_answer_says_what_its_bytes_say():
    found = 0
    for one in every_exchange():
        if one.dialect != "cohere-chat" or not one.path.startswith("/v2/") or is_streamed(one):
            continue
        raw = json.loads(one.response)
        answer = CODEC.read_answer(one.response.encode())
        message = raw["message"]
        said = "".join(part.get("text", "") for part in message.get("content", ()))
        thought = "".join(part.get("thinking", "") for part in message.get("content", ()))
        calls = [call["function"] for call in message.get("tool_calls", ())]
        wanted = [(call["name"], json.loads(call["arguments"])) for call in calls]
        assert texts(answer) == (said, message.get("tool_plan", "") + thought, wanted), one.id
        billed = raw["usage"]["billed_units"]
        assert answer.usage is not None
        assert (answer.usage.input, answer.usage.output) == (billed["input_tokens"], billed["output_tokens"])
        found += 1
    assert found == 12


def test_trap_17_an_error_in_a_stream_ends_it():
    last = {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "the model broke"}}
    for chunk in (last, {"message": "the model broke"}):
        reader = CODEC.events_in()
        found = reader.feed(events([COHERE_STREAM[0], chunk], is_named=True))
        assert found[-1] == Broke(message="the model broke", kind="ERROR")


def test_an_error_is_no_answer():
    with pytest.raises(UpstreamError, match="model 'x' was removed"):
        CODEC.read_answer(b'{"id":"1","message":"model \'x\' was removed"}')


def test_where_calls_go():
    (endpoint,) = kinds()["cohere"].endpoints
    assert endpoint.dialect == "cohere"
    assert {path.removeprefix(endpoint.path_from) for path in CHAT_PATHS["cohere"]} == {"chat"}
