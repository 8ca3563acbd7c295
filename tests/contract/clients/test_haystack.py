"""Haystack's OpenAI components: generators over both APIs, for text, tools and images, and embedders.

Haystack 3 has no plain `OpenAIGenerator` any more: its chat generator takes a plain text as well.
"""

from contextlib import closing
from typing import Any

import pytest
from haystack import Document
from haystack.components.embedders import OpenAIDocumentEmbedder, OpenAITextEmbedder
from haystack.components.generators import OpenAIImageGenerator
from haystack.components.generators.chat import OpenAIChatGenerator, OpenAIResponsesChatGenerator
from haystack.dataclasses import ChatMessage, StreamingChunk
from haystack.tools.tool import Tool
from haystack.utils import Secret
from tests.contract.clients.conftest import GatewayUnderTest


def weather(location: str) -> str:
    return f"Rain in {location}"


WEATHER = Tool(
    name="weather",
    description="The weather at a place",
    parameters={
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
    },
    function=weather,
)


@pytest.fixture
def options(gateway: GatewayUnderTest) -> dict[str, Any]:
    return {
        "api_base_url": f"{gateway.url}/v1",
        "api_key": Secret.from_token(gateway.key),
        "max_retries": 0,
        "timeout": 20.0,
    }


@pytest.mark.parametrize("made", [OpenAIChatGenerator, OpenAIResponsesChatGenerator])
def test_plain_text_is_answered(
    gateway: GatewayUnderTest,
    options: dict[str, Any],
    made: Any,
) -> None:
    with closing(made(model=gateway.model(), **options)) as generator:
        [reply] = generator.run("Say hello there!")["replies"]
    assert reply.text == "hello there"
    assert reply.meta["usage"]["total_tokens"] > 2


@pytest.mark.parametrize("made", [OpenAIChatGenerator, OpenAIResponsesChatGenerator])
def test_answer_is_streamed(
    gateway: GatewayUnderTest,
    options: dict[str, Any],
    made: Any,
) -> None:
    seen: list[str] = []

    def note(chunk: StreamingChunk) -> None:
        seen.append(chunk.content)

    with closing(made(model=gateway.model(), streaming_callback=note, **options)) as generator:
        [reply] = generator.run([ChatMessage.from_user("Tell me about rivers")])["replies"]
    assert "".join(seen) == reply.text
    assert len([part for part in seen if part]) > 3


async def test_answer_comes_in_async_code(gateway: GatewayUnderTest, options: dict[str, Any]) -> None:
    generator = OpenAIChatGenerator(model=gateway.model(), **options)
    try:
        answer = await generator.run_async([ChatMessage.from_user("Say hello there!")])
    finally:
        await generator.close_async()
    assert answer["replies"][0].text == "hello there"


@pytest.mark.parametrize("made", [OpenAIChatGenerator, OpenAIResponsesChatGenerator])
def test_tool_is_called_and_its_result_read(
    gateway: GatewayUnderTest,
    options: dict[str, Any],
    made: Any,
) -> None:
    messages = [ChatMessage.from_user("What is the weather in Lisbon?")]
    with closing(made(model=gateway.model(), tools=[WEATHER], **options)) as generator:
        [asked] = generator.run(messages)["replies"]
        assert asked.tool_call is not None
        assert (asked.tool_call.tool_name, asked.tool_call.arguments) == ("weather", {"location": "Lisbon"})
        result = ChatMessage.from_tool(tool_result=weather("Lisbon"), origin=asked.tool_call)
        [reply] = generator.run([*messages, asked, result])["replies"]
    assert "Rain in Lisbon" in (reply.text or "")


def test_image_is_generated(gateway: GatewayUnderTest, options: dict[str, Any]) -> None:
    with closing(OpenAIImageGenerator(model=gateway.model("mock-image"), **options)) as generator:
        [image] = generator.run("a river")["images"]
    assert image is not None


def test_texts_and_documents_are_embedded_alike(gateway: GatewayUnderTest, options: dict[str, Any]) -> None:
    model = gateway.model("mock-embedding")
    with (
        closing(OpenAITextEmbedder(model=model, dimensions=32, **options)) as texts,
        closing(
            OpenAIDocumentEmbedder(model=model, dimensions=32, progress_bar=False, **options)
        ) as documents,
    ):
        one = texts.run("a river")["embedding"]
        [document] = documents.run([Document(content="a river")])["documents"]
    assert len(one) == 32
    assert document.embedding == one
