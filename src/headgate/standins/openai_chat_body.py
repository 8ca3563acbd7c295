"""The body of an OpenAI Chat Completions request, as far as an answer depends on it. Pure.

Source: OpenAI API reference, "Create chat completion". Read next: `standins.answers_openai_chat`.
"""

from typing import Any

import msgspec


class ImageAddress(msgspec.Struct, frozen=True):
    """Where an image is: an address or a `data:` URI."""

    url: str


class Part(msgspec.Struct, frozen=True):
    """One part of a message's content; which field counts is said by `type`."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageAddress | None = None
    input_audio: dict[str, Any] | None = None
    file: dict[str, Any] | None = None


class CalledFunction(msgspec.Struct, frozen=True):
    """The function of a tool call, its arguments as JSON text."""

    name: str
    arguments: str = "{}"


class CalledTool(msgspec.Struct, frozen=True):
    """A tool call of an earlier answer."""

    id: str
    function: CalledFunction | None = None
    type: str = "function"


class Message(msgspec.Struct, frozen=True):
    """One message of the conversation."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[CalledTool] | None = None
    tool_call_id: str | None = None


class FunctionTool(msgspec.Struct, frozen=True):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolEntry(msgspec.Struct, frozen=True):
    """One entry of `tools`."""

    type: str
    function: FunctionTool | None = None


class NamedFunction(msgspec.Struct, frozen=True):
    """The name in a forced `tool_choice`."""

    name: str


class ToolChoice(msgspec.Struct, frozen=True):
    """A forced `tool_choice`."""

    type: str
    function: NamedFunction | None = None


class SchemaFormat(msgspec.Struct, frozen=True):
    """The schema of a structured output."""

    name: str
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """`response_format`: text, json_object or json_schema."""

    type: str
    json_schema: SchemaFormat | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """`stream_options`."""

    include_usage: bool | None = None


class ChatBody(msgspec.Struct, frozen=True, kw_only=True):
    """The whole request."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    tools: list[ToolEntry] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
