"""Counts of tokens: questions and answers of every dialect that has them, and guesses where none has."""

import statistics

import msgspec
import pytest
from anthropic.types import MessageTokensCount
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import InputTokenCountResponse
from tests.recorded_exchanges import every_exchange, recorded

from headgate.core.call import AnyDialect
from headgate.core.chat import (
    ChatCall,
    Fields,
    FunctionTool,
    Media,
    Message,
    OutputFormat,
    Reasoning,
    Sampling,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import PLAIN
from headgate.wire.answers import read_answer
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.counting import ANSWERING, ASKING
from headgate.wire.dialects.registry import codec_of
from headgate.wire.estimating import SAMPLE_LENGTH, SAMPLES, estimated_tokens
from headgate.wire.model import CallFacts
from headgate.wire.routes import COUNT_PATHS, match
from headgate.wire.translating_counts import CountTranslation, estimate

MEMBERS: dict[AnyDialect, str] = {
    "anthropic": "input_tokens",
    "google": "totalTokens",
    "openai-responses": "input_tokens",
    "bedrock": "inputTokens",
}
SCHEMA: Fields = {"type": "object", "properties": {"city": {"type": "string"}}}
CALL = ChatCall(
    dialect="openai-chat",
    model="m",
    messages=(
        Message(role="system", parts=(Text(text="Be brief."),)),
        Message(role="user", parts=(Text(text="Hi"),)),
        Message(role="assistant", parts=(ToolCall(id="call_1", name="f", arguments='{"city":"Oslo"}'),)),
        Message(role="tool", parts=(ToolResult(call_id="call_1", parts=(Text(text="4 degrees"),)),)),
    ),
    tools=(FunctionTool(name="f", parameters=SCHEMA),),
    sampling=Sampling(temperature=0.5, stop=("x",)),
    max_output=7,
    user="u",
)


def test_every_recorded_question_is_written_back():
    asking, answering = ASKING["anthropic"], ANSWERING["anthropic"]
    questions = [one for one in every_exchange() if one.dialect == "anthropic-count-tokens"]
    assert len(questions) == 4
    for one in questions:
        changes = Changes()
        call = asking.read_call(one.body)
        assert msgspec.json.decode(answering.write_call(call, PLAIN, changes)) == one.request, one.id
        assert not list(changes)
        tokens = answering.read_count(one.response.encode())
        assert msgspec.json.decode(asking.write_count(tokens)) == msgspec.json.decode(one.response)


@pytest.mark.parametrize("dialect", ANSWERING)
def test_a_question_holds_what_is_counted_and_nothing_else(dialect: AnyDialect):
    body = ANSWERING[dialect].write_call(CALL, PLAIN, Changes())
    fields = msgspec.json.decode(body)
    match dialect:
        case "anthropic":
            assert fields.keys() == {"model", "messages", "system", "tools"}
        case "google":
            assert fields.keys() == {"generateContentRequest"}
        case "openai-responses":
            assert fields.keys() == {"model", "instructions", "input", "tools"}
        case _:
            assert fields["input"]["converse"].keys() == {"messages", "system", "toolConfig"}
    for said in (b"Be brief.", b"Hi", b"Oslo", b"4 degrees", b'"city"'):
        assert said in body


@pytest.mark.parametrize("dialect", ANSWERING)
def test_a_count_is_one_member(dialect: AnyDialect):
    read, member = ANSWERING[dialect].read_count, MEMBERS[dialect]
    assert read(msgspec.json.encode({member: 31, "more": {}})) == 31
    for body in (b"", b"[]", b"31", b"{", b"\xff", b"[" * 9000):
        with pytest.raises(UpstreamError):
            read(body)
    for value in ("31", -1, 1.5, True, None, 1 << 50):
        with pytest.raises(UpstreamError):
            read(msgspec.json.encode({member: value}))


def test_official_types_take_what_is_written():
    assert MessageTokensCount.model_validate_json(ASKING["anthropic"].write_count(3)).input_tokens == 3
    counted = InputTokenCountResponse.model_validate_json(ASKING["openai-responses"].write_count(3))
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", 3)


def test_every_dialect_that_counts_has_its_path():
    assert ANSWERING.keys() == COUNT_PATHS.keys() == MEMBERS.keys()
    for dialect in ASKING:
        route = match("POST", COUNT_PATHS[dialect][0].replace("{model}", "m"))
        assert route is not None and (route.dialect, route.operation) == (dialect, "count_tokens")


def test_what_can_t_be_said_is_a_loss_of_a_count_and_no_change_of_its_meaning():
    route = match("POST", "/v1/messages/count_tokens")
    assert route is not None
    body = msgspec.json.encode(
        {"model": "m", "messages": [{"role": "user", "content": "a"}], "unknown": {"x": 1}}
    )
    translation = CountTranslation.between("anthropic", "google", PLAIN)
    assert translation is not None
    call = translation.read(CallFacts(route=route, model="m", body=body))
    _, changes = translation.call(call, model="m", max_output=None)
    assert [(change.what, change.weight) for change in changes] == [("unknown", "loss")]
    assert CountTranslation.between("anthropic", "openai-chat", PLAIN) is None
    assert CountTranslation.between("openai-chat", "anthropic", PLAIN) is None


def texts(*said: str) -> ChatCall:
    parts = tuple(Text(text=one) for one in said)
    return ChatCall(dialect="openai-chat", model="m", messages=(Message(role="user", parts=parts),))


def test_estimates_are_near_what_openai_has_counted():
    """Of calls that are long enough for templates not to matter, and that hold text alone."""
    found: list[float] = []
    for one, route in recorded():
        is_text = not any(word in one.body for word in (b"image", b"audio", b"file", b"previous_response"))
        if (
            route.dialect not in ("openai-chat", "openai-responses")
            or one.provider != "openai"
            or not is_text
        ):
            continue
        usage = read_answer(route.dialect, "chat", one.response.encode()).usage
        codec = codec_of(route.dialect)
        if one.stream or one.status != 200 or usage is None or usage.total_input <= 300 or codec is None:
            continue
        call = codec.read_call(one.body)
        if all(isinstance(tool, FunctionTool) for tool in call.tools):
            found.append(estimated_tokens(call) / usage.total_input)
    assert len(found) >= 20
    assert 0.9 < statistics.median(found) < 1.1
    assert sum(0.75 < ratio < 1.25 for ratio in found) >= 0.75 * len(found)


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("The quick brown fox jumps over the lazy dog.", 9, 12),
        ("antidisestablishmentarianism", 3, 6),
        ("1234567890", 4, 4),
        ("東京の天気はどうですか", 9, 12),
        ("Какая погода в Москве?", 9, 14),
        ("def f(x):\n    return x + 1\n", 8, 16),
        ("      \n\n\n   ", 1, 3),
    ],
)
def test_texts_of_many_kinds_are_estimated(text: str, least: int, most: int):
    assert least <= estimated_tokens(texts(text)) - estimated_tokens(texts("")) <= most


def test_all_that_a_call_says_is_estimated():
    def tokens(call: ChatCall) -> int:
        return estimated_tokens(call)

    plain = texts("hello")
    message = plain.messages[0]
    beyond: list[ChatCall] = [
        msgspec.structs.replace(plain, tools=(FunctionTool(name="f", parameters=SCHEMA),)),
        msgspec.structs.replace(plain, output=OutputFormat(kind="schema", schema=SCHEMA)),
    ]
    parts = (
        ToolCall(id="1", name="f", arguments='{"a": 1}'),
        ToolResult(call_id="1", parts=(Text(text="a result of words"),)),
        Reasoning(text="a thought of words"),
        Media(kind="image", url="https://x.example/a.png"),
    )
    for part in parts:
        said = msgspec.structs.replace(message, parts=(*message.parts, part))
        beyond.append(msgspec.structs.replace(plain, messages=(said,)))
    assert all(tokens(call) > tokens(plain) for call in beyond)


def test_a_long_text_is_estimated_by_samples():
    text = "The quick brown fox jumps over 12 lazy dogs. " * 40_000
    short = text[: SAMPLES * SAMPLE_LENGTH]
    expected = estimated_tokens(texts(short)) * len(text) / len(short)
    assert estimated_tokens(texts(text)) == pytest.approx(expected, rel=0.02)


@settings(max_examples=50, deadline=None)
@given(said=st.lists(st.text(max_size=60), max_size=4), more=st.text(max_size=60))
def test_more_text_is_never_less(said: list[str], more: str):
    assert estimated_tokens(texts(*said, more)) >= estimated_tokens(texts(*said))
    assert estimated_tokens(texts(more)) <= 10 + len(more.encode("utf-8", "replace"))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"messages": 7, "model": "m"}', b"[" * 9000])
def test_a_question_that_is_none_is_not_guessed_at(body: bytes):
    route = match("POST", "/v1/messages/count_tokens")
    assert route is not None
    with pytest.raises(InvalidRequest):
        estimate("anthropic", CallFacts(route=route, model="m", body=body))
    assert estimate("openai-chat", CallFacts(route=route, model="m", body=body)) is None
