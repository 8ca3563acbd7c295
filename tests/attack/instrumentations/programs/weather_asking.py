# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""The conversation that every program has, by the official client: a tool, then an answer."""

import json
import os
from typing import Any

from openai import OpenAI

MODEL = "gpt-5-mini"
SYSTEM = "Be brief."
QUESTION = "What is the weather in Paris?"
WEATHER = "18 degrees, sunny"
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def weather_of(city: str) -> str:
    """The weather of a city."""
    return WEATHER if city == "Paris" else "unknown"


def converse(client: OpenAI) -> str:
    """Ask, run the tool, and hear the answer as a stream."""
    messages: list[Any] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": QUESTION}]
    first = client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL], temperature=0.5)
    call: Any = (first.choices[0].message.tool_calls or [None])[0]
    messages.append(first.choices[0].message.model_dump(exclude_none=True))
    result = weather_of(**json.loads(call.function.arguments))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    stream = client.chat.completions.create(
        model=MODEL,
        messages=messages,
        tools=[TOOL],
        temperature=0.5,
        stream=True,
        stream_options={"include_usage": True},
    )
    texts = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    return "".join(texts)


def endpoint() -> str:
    """Where spans go."""
    return os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"
