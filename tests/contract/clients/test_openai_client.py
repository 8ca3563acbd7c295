"""The official OpenAI client: chat, streams, tools, structured output, vision, embeddings."""

import json
from collections.abc import AsyncGenerator, Generator
from typing import Literal

import openai
import pytest
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import BaseModel
from tests.contract.clients.conftest import GatewayUnderTest

PIXEL = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

WEATHER: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location", "unit"],
            "additionalProperties": False,
        },
    },
}


@pytest.fixture
def client(gateway: GatewayUnderTest) -> Generator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=20) as made:
        yield made


@pytest.fixture
async def async_client(gateway: GatewayUnderTest) -> AsyncGenerator[openai.AsyncOpenAI]:
    base = f"{gateway.url}/v1"
    async with openai.AsyncOpenAI(base_url=base, api_key=gateway.key, max_retries=0, timeout=20) as made:
        yield made


def asked(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_chat_answers_with_usage_that_adds_up(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.chat.completions.create(model=gateway.model(), messages=asked("Say hello there!"))
    assert answer.choices[0].message.content == "hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens + answer.usage.completion_tokens == answer.usage.total_tokens
    assert answer.usage.completion_tokens == 2


def test_chat_is_the_same_each_time(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    first, second = (
        client.chat.completions.create(model=gateway.model(), messages=asked("About rivers, please."))
        for _ in range(2)
    )
    assert first.choices[0].message.content == second.choices[0].message.content


def test_several_choices(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.chat.completions.create(model=gateway.model(), messages=asked("About rivers"), n=3)
    texts = [choice.message.content for choice in answer.choices]
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len(set(texts)) > 1


def test_output_limit_ends_with_length(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.chat.completions.create(
        model=gateway.model(), messages=asked("About rivers"), max_completion_tokens=5
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5


def test_stop_sequence_is_left_out(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.chat.completions.create(
        model=gateway.model(), messages=asked('Say "one two three"'), stop=["two"]
    )
    assert answer.choices[0].message.content == "one "


def test_reasoning_is_part_of_the_output(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.chat.completions.create(
        model=gateway.model(), messages=asked("Say hi"), reasoning_effort="low"
    )
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    reasoning = answer.usage.completion_tokens_details.reasoning_tokens
    assert reasoning is not None
    assert 0 < reasoning < answer.usage.completion_tokens


def test_logprobs_come_with_each_token(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.chat.completions.create(
        model=gateway.model(), messages=asked("Say hello there!"), logprobs=True, top_logprobs=2
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(entry.token for entry in logprobs.content) == "hello there"
    assert all(len(entry.top_logprobs) == 2 for entry in logprobs.content)


def test_stream_without_usage_never_mentions_it(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    with client.chat.completions.create(
        model=gateway.model(), messages=asked("Say hello there!"), stream=True
    ) as stream:
        chunks = list(stream)
    assert (
        "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "hello there"
    )
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)
    assert all(chunk.choices for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_stream_with_usage_ends_with_it(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    with client.chat.completions.create(
        model=gateway.model(),
        messages=asked("Say hello there!"),
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    assert all("usage" in chunk.model_fields_set for chunk in chunks)
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 2


def test_stream_helper_folds_to_the_whole_answer(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    whole = client.chat.completions.create(model=gateway.model(), messages=asked("About rivers"))
    with client.chat.completions.stream(model=gateway.model(), messages=asked("About rivers")) as stream:
        stream.until_done()
        folded = stream.get_final_completion()
    assert folded.choices[0].message.content == whole.choices[0].message.content


async def test_async_chat_and_stream(async_client: openai.AsyncOpenAI, gateway: GatewayUnderTest) -> None:
    answer = await async_client.chat.completions.create(
        model=gateway.model(), messages=asked("Say hello there!")
    )
    stream = await async_client.chat.completions.create(
        model=gateway.model(), messages=asked("Say hello there!"), stream=True
    )
    async with stream:
        text = "".join([choice.delta.content or "" async for chunk in stream for choice in chunk.choices])
    assert answer.choices[0].message.content == text == "hello there"


def test_tools_over_several_turns(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    messages = asked("What is the weather in Lisbon, in celsius?")
    first = client.chat.completions.create(model=gateway.model(), messages=messages, tools=[WEATHER])
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert message.tool_calls is not None
    [call] = message.tool_calls
    assert call.type == "function"
    assert json.loads(call.function.arguments) == {"location": "Lisbon", "unit": "celsius"}

    called: ChatCompletionMessageParam = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
        ],
    }
    result: ChatCompletionMessageParam = {
        "role": "tool",
        "tool_call_id": call.id,
        "content": "21 degrees and windy",
    }
    messages += [called, result]
    second = client.chat.completions.create(model=gateway.model(), messages=messages, tools=[WEATHER])
    assert second.choices[0].finish_reason == "stop"
    assert "21 degrees and windy" in (second.choices[0].message.content or "")


def test_tools_in_parallel_and_streamed(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    with client.chat.completions.stream(
        model=gateway.model(),
        messages=asked("What is the weather in Lisbon and in Oslo, in celsius?"),
        tools=[WEATHER],
    ) as stream:
        stream.until_done()
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert calls is not None
    places = [json.loads(call.function.arguments)["location"] for call in calls if call.type == "function"]
    assert places == ["Lisbon", "Oslo"]
    assert len({call.id for call in calls}) == 2


@pytest.mark.parametrize("parallel", [True, False])
def test_parallel_calls_can_be_ruled_out(
    client: openai.OpenAI, gateway: GatewayUnderTest, parallel: bool
) -> None:
    answer = client.chat.completions.create(
        model=gateway.model(),
        messages=asked("What is the weather in Lisbon and in Oslo?"),
        tools=[WEATHER],
        parallel_tool_calls=parallel,
    )
    assert len(answer.choices[0].message.tool_calls or []) == (2 if parallel else 1)


@pytest.mark.parametrize(("choice", "calls"), [("none", 0), ("auto", 0), ("required", 1)])
def test_tool_choice_is_obeyed(
    client: openai.OpenAI,
    gateway: GatewayUnderTest,
    choice: Literal["none", "auto", "required"],
    calls: int,
) -> None:
    answer = client.chat.completions.create(
        model=gateway.model(), messages=asked("Good morning!"), tools=[WEATHER], tool_choice=choice
    )
    assert len(answer.choices[0].message.tool_calls or []) == calls


def test_named_tool_is_called(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.chat.completions.create(
        model=gateway.model(),
        messages=asked("Good morning!"),
        tools=[WEATHER],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
    )
    assert len(answer.choices[0].message.tool_calls or []) == 1


class Address(BaseModel):
    city: str
    country: Literal["Portugal", "Norway"]


class Person(BaseModel):
    name: str
    age: int
    address: Address
    nickname: str | None
    scores: list[float]


def test_structured_output_is_parsed(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    text = 'The person "Ines" is 31 years old and lives in Porto in Portugal. Scores: 1.5 and 2.5.'
    answer = client.chat.completions.parse(
        model=gateway.model(), messages=asked(text), response_format=Person
    )
    person = answer.choices[0].message.parsed
    assert person is not None
    assert (person.name, person.age, person.address.country) == ("Ines", 31, "Portugal")


def test_structured_output_is_streamed(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    with client.chat.completions.stream(
        model=gateway.model(), messages=asked("A person of 31 years"), response_format=Person
    ) as stream:
        stream.until_done()
        parsed = stream.get_final_completion().choices[0].message.parsed
    assert parsed is not None
    assert parsed.age == 31


def test_json_mode(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    answer = client.chat.completions.create(
        model=gateway.model(),
        messages=asked("Answer in JSON with the keys 'title' and 'summary'."),
        response_format={"type": "json_object"},
    )
    assert set(json.loads(answer.choices[0].message.content or "")) == {"title", "summary"}


def test_vision_input(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    plain = client.chat.completions.create(model=gateway.model(), messages=asked("What is this?"))
    seen = client.chat.completions.create(
        model=gateway.model(),
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": PIXEL}},
                ],
            }
        ],
    )
    assert "image" in (seen.choices[0].message.content or "")
    assert plain.usage is not None
    assert seen.usage is not None
    assert seen.usage.prompt_tokens > plain.usage.prompt_tokens


def test_completions(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    whole = client.completions.create(model=gateway.model(), prompt="About rivers", max_tokens=20)
    with client.completions.create(
        model=gateway.model(), prompt="About rivers", max_tokens=20, stream=True
    ) as stream:
        text = "".join(choice.text for chunk in stream for choice in chunk.choices)
    assert whole.choices[0].text == text
    assert whole.usage is not None
    assert whole.usage.completion_tokens <= 20


def test_embeddings_in_both_encodings(client: openai.OpenAI, gateway: GatewayUnderTest) -> None:
    texts = ["a river in the north", "a river in the south", "tax law"]
    model = gateway.model("mock-embedding")
    packed = client.embeddings.create(model=model, input=texts, dimensions=64)
    floats = client.embeddings.create(model=model, input=texts, dimensions=64, encoding_format="float")
    assert [entry.embedding for entry in packed.data] == [entry.embedding for entry in floats.data]
    assert [len(entry.embedding) for entry in packed.data] == [64, 64, 64]
    assert packed.usage.prompt_tokens == packed.usage.total_tokens > 0
    north, south, law = ([*entry.embedding] for entry in packed.data)
    assert _cosine(north, south) > _cosine(north, law)


async def test_async_embeddings(async_client: openai.AsyncOpenAI, gateway: GatewayUnderTest) -> None:
    answer = await async_client.embeddings.create(model=gateway.model("mock-embedding"), input="a river")
    assert len(answer.data[0].embedding) == 1536


def _cosine(one: list[float], other: list[float]) -> float:
    return sum(left * right for left, right in zip(one, other, strict=True))
