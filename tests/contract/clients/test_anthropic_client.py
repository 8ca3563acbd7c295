"""The official Anthropic client: messages, streams, tools, vision, thinking, counting, errors."""

from collections.abc import AsyncGenerator, Generator

import anthropic
import pytest
from anthropic.types import MessageParam, ToolParam
from tests.contract.clients.conftest import GatewayUnderTest

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

WEATHER: ToolParam = {
    "name": "get_weather",
    "description": "The weather at a place",
    "input_schema": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
    },
}
TIME: ToolParam = {"name": "get_time", "description": "What time it is", "input_schema": {"type": "object"}}


@pytest.fixture
def client(gateway: GatewayUnderTest) -> Generator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
async def async_client(gateway: GatewayUnderTest) -> AsyncGenerator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        base_url=gateway.url, api_key=gateway.key, max_retries=0, timeout=20
    ) as made:
        yield made


def asked(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_message_answers(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    message = client.messages.create(
        model=gateway.model(), max_tokens=100, system="Be brief.", messages=asked("Say hello there!")
    )
    assert text_of(message) == "hello there"
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 2
    assert message.usage.input_tokens > 0


def test_message_ends_at_its_limit(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    message = client.messages.create(model=gateway.model(), max_tokens=4, messages=asked("About rivers"))
    assert message.stop_reason == "max_tokens"
    assert message.usage.output_tokens == 4


def test_message_ends_at_a_stop_sequence(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    message = client.messages.create(
        model=gateway.model(), max_tokens=50, messages=asked('Say "one two three"'), stop_sequences=["two"]
    )
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", "two")
    assert text_of(message) == "one "


def test_stream_helper_folds_to_the_whole_answer(
    client: anthropic.Anthropic, gateway: GatewayUnderTest
) -> None:
    whole = client.messages.create(model=gateway.model(), max_tokens=200, messages=asked("About rivers"))
    with client.messages.stream(
        model=gateway.model(), max_tokens=200, messages=asked("About rivers")
    ) as stream:
        text = "".join(stream.text_stream)
        folded = stream.get_final_message()
    assert text == text_of(whole) == text_of(folded)
    assert folded.usage.output_tokens == whole.usage.output_tokens
    assert folded.usage.input_tokens == whole.usage.input_tokens


def test_stream_has_its_life_cycle(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    with client.messages.create(
        model=gateway.model(), max_tokens=100, messages=asked("Say hello there!"), stream=True
    ) as stream:
        kinds = [event.type for event in stream]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1


async def test_async_message_and_stream(
    async_client: anthropic.AsyncAnthropic, gateway: GatewayUnderTest
) -> None:
    message = await async_client.messages.create(
        model=gateway.model(), max_tokens=100, messages=asked("Say hello there!")
    )
    async with async_client.messages.stream(
        model=gateway.model(), max_tokens=100, messages=asked("Say hello there!")
    ) as stream:
        text = "".join([part async for part in stream.text_stream])
    assert text_of(message) == text == "hello there"


def test_tools_over_several_turns(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    messages = asked("What is the weather in Lisbon?")
    first = client.messages.create(
        model=gateway.model(), max_tokens=200, messages=messages, tools=[WEATHER, TIME]
    )
    assert first.stop_reason == "tool_use"
    [call] = [block for block in first.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("get_weather", {"location": "Lisbon"})
    called: MessageParam = {"role": "assistant", "content": first.content}
    result: MessageParam = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees and windy"}],
    }
    messages += [called, result]
    second = client.messages.create(
        model=gateway.model(), max_tokens=200, messages=messages, tools=[WEATHER, TIME]
    )
    assert "21 degrees and windy" in text_of(second)


def test_tool_without_arguments_is_streamed(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    with client.messages.stream(
        model=gateway.model(),
        max_tokens=200,
        messages=asked("Good morning!"),
        tools=[WEATHER, TIME],
        tool_choice={"type": "tool", "name": "get_time"},
    ) as stream:
        message = stream.get_final_message()
    assert [(block.name, block.input) for block in message.content if block.type == "tool_use"] == [
        ("get_time", {})
    ]


def test_any_tool_is_called_when_one_must_be(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    message = client.messages.create(
        model=gateway.model(),
        max_tokens=200,
        messages=asked("Good morning!"),
        tools=[WEATHER],
        tool_choice={"type": "any"},
    )
    assert message.stop_reason == "tool_use"


def test_vision_input(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    message = client.messages.create(
        model=gateway.model(),
        max_tokens=100,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                    {"type": "text", "text": "What is this?"},
                ],
            }
        ],
    )
    assert "image" in text_of(message)


def test_thinking_comes_first_and_signed(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    with client.messages.stream(
        model=gateway.model(),
        max_tokens=3000,
        messages=asked("Say hello there!"),
        thinking={"type": "enabled", "budget_tokens": 1024},
    ) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.content[0].type == "thinking"
    assert message.content[0].thinking
    assert message.content[0].signature
    assert message.usage.output_tokens > 2


def test_prompt_cache_is_written_then_read(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    catalogue = "A long catalogue of lamps, bells and tyres. " * 200
    usages = [
        client.messages.create(
            model=gateway.model(),
            max_tokens=50,
            system=[{"type": "text", "text": catalogue, "cache_control": {"type": "ephemeral"}}],
            messages=asked(f"Say {word}"),
        ).usage
        for word in ("first", "second")
    ]
    assert usages[0].cache_creation_input_tokens == usages[1].cache_read_input_tokens
    assert (usages[0].cache_creation_input_tokens or 0) > 1024
    assert usages[0].cache_read_input_tokens == usages[1].cache_creation_input_tokens == 0
    assert usages[0].input_tokens < 100


def test_tokens_are_counted(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    counted = client.messages.count_tokens(model=gateway.model(), messages=asked("About rivers"))
    used = client.messages.create(model=gateway.model(), max_tokens=10, messages=asked("About rivers"))
    assert counted.input_tokens == used.usage.input_tokens


def test_wrong_key_is_an_authentication_error(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    stranger = client.with_options(api_key="sk-of-nobody")
    with pytest.raises(anthropic.AuthenticationError):
        stranger.messages.create(model=gateway.model(), max_tokens=10, messages=asked("Hi"))


def test_unknown_model_is_a_not_found_error(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(model="no-such-model", max_tokens=10, messages=asked("Hi"))


def test_empty_messages_are_a_bad_request(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    with pytest.raises(anthropic.BadRequestError, match="messages"):
        client.messages.create(model=gateway.model(), max_tokens=10, messages=[])


def test_unanswered_tool_call_is_a_bad_request(
    client: anthropic.Anthropic, gateway: GatewayUnderTest
) -> None:
    calls: MessageParam = {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_time", "input": {}}],
    }
    with pytest.raises(anthropic.BadRequestError, match="tool_result"):
        client.messages.create(
            model=gateway.model(),
            max_tokens=10,
            messages=[*asked("Hi"), calls, *asked("Hi again")],
            tools=[TIME],
        )


def test_429_is_a_rate_limit_error(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(model=gateway.model("error-429"), max_tokens=10, messages=asked("Hi"))


def test_500_is_an_internal_server_error(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    with pytest.raises(anthropic.InternalServerError):
        client.messages.create(model=gateway.model("error-500"), max_tokens=10, messages=asked("Hi"))


def test_slow_answer_is_a_timeout(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    with pytest.raises(anthropic.APITimeoutError):
        client.with_options(timeout=0.3).messages.create(
            model=gateway.model("slow-5000ms"), max_tokens=10, messages=asked("Hi")
        )


def test_error_within_a_stream_is_raised(client: anthropic.Anthropic, gateway: GatewayUnderTest) -> None:
    with (
        pytest.raises(anthropic.APIStatusError),
        client.messages.stream(
            model=gateway.model("error-in-stream"), max_tokens=200, messages=asked("About rivers")
        ) as stream,
    ):
        stream.until_done()
