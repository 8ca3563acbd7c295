"""What the replayed providers answer: real exchanges of each dialect, and written ones where none is at hand.

A scenario is one thing that a client asks, of one outbound dialect, whole or as a stream. What its answers
say is read from their raw JSON, by nothing that is tested. Read next: `replayed_providers`.
"""

import functools
import gzip
import json
import re
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from tests.attack.clients.spoken import Called, Turn
from tests.attack.clients.voices import ChatVoice, MessagesVoice, ResponsesVoice
from tests.attack.clients.voices_cloud import ConverseVoice, GenerateVoice
from tests.recorded_exchanges import Exchange, recorded_file
from tests.wire.dialects.bedrock_samples import stream_of
from tests.wire.dialects.raw_gists import Gist, datas_of, of_answer, of_stream, whole_of

from headgate.core.call import AnyDialect

Name = Literal["text", "loop", "thinking", "structured", "vision"]
NAMES: tuple[Name, ...] = ("text", "loop", "thinking", "structured", "vision")
OUTBOUND: tuple[AnyDialect, ...] = ("openai-chat", "openai-responses", "anthropic", "google", "bedrock")
"""The dialects of providers that clients are held against."""

QUESTION = "What is the weather in Paris?"
OUTPUT = "Sunny, 22C in Paris"
"""What the tools give."""
_VOICES = {
    "openai-chat": ChatVoice(),
    "openai-responses": ResponsesVoice(),
    "anthropic": MessagesVoice(),
    "google": GenerateVoice(),
    "bedrock": ConverseVoice(),
}
_SSE = "text/event-stream"
_THOUGHTS = re.compile(rb'"reasoningContent": ?\{"text": ?("(?:[^"\\]|\\.)*")')
_FRAMES = "application/vnd.amazon.eventstream"
_PICKS = Path(__file__).parents[2] / "fixtures" / "clients" / "recorded.toml"


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that clients offer, as the recorded call has offered it."""

    name: str
    description: str
    parameters: dict[str, Any]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a provider: its bytes, and what they say."""

    body: bytes
    kind: str
    gist: Gist
    reasoning: str

    @property
    def tokens(self) -> tuple[int, int]:
        """All that went in, and all that came out."""
        assert self.gist.tokens is not None
        return self.gist.tokens[0], self.gist.tokens[2]


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a provider, in its dialect, and what it answers turn by turn."""

    dialect: AnyDialect
    name: Name
    streamed: bool
    model: str
    service: str
    """Whose it is, as recordings name it; `written` where that makes no difference."""
    answers: tuple[Answer, ...]
    tools: tuple[Tool, ...] = ()
    schema: dict[str, Any] | None = None

    @property
    def alias(self) -> str:
        """The model that clients ask Headgate for."""
        return f"{self.dialect}-{self.name}{'-stream' if self.streamed else ''}"


def scenario_of(dialect: AnyDialect, name: Name, *, streamed: bool) -> Scenario:
    """A scenario from what was recorded, else from what is written."""
    picked = _picks().get(f"{dialect}-{name}-{'stream' if streamed else 'whole'}", ())
    exchanges = _exchanges()
    found = [exchanges[one] for one in picked if one in exchanges]
    return _recorded(dialect, name, streamed, found) if found else written(dialect, name, streamed=streamed)


@functools.cache
def scenarios() -> tuple[Scenario, ...]:
    """All of them."""
    return tuple(
        scenario_of(dialect, name, streamed=streamed)
        for dialect in OUTBOUND
        for name in NAMES
        for streamed in (False, True)
        # Schemas go to Converse as a forced tool, which no recorded call has named as Headgate does.
        if (dialect, name) != ("bedrock", "structured")
    )


@functools.cache
def _picks() -> dict[str, list[str]]:
    return msgspec.toml.decode(_PICKS.read_bytes(), type=dict[str, list[str]])


@functools.cache
def _exchanges() -> dict[str, Exchange]:
    try:
        file = recorded_file()
    except pytest.skip.Exception:
        return {}
    wanted = {one for picked in _picks().values() for one in picked}
    with gzip.open(file) as lines:
        found = [msgspec.json.decode(line, type=Exchange) for line in lines]
    return {one.id: one for one in found if one.id in wanted}


def _recorded(dialect: AnyDialect, name: Name, streamed: bool, found: list[Exchange]) -> Scenario:
    first = found[0]
    return Scenario(
        dialect=dialect,
        name=name,
        streamed=streamed,
        model=_model_of(first),
        service=first.provider,
        answers=tuple(_answer_of(dialect, streamed, one) for one in found),
        tools=tuple(_tools_of(dialect, first.request)) if name == "loop" else (),
        schema=_schema_of(dialect, first.request),
    )


def _model_of(one: Exchange) -> str:
    if one.dialect == "google-generate":
        return one.path.partition("/models/")[2].partition(":")[0]
    if one.dialect == "bedrock-converse":
        return one.path.partition("/model/")[2].partition("/")[0].replace("%3A", ":")
    return str(one.request["model"])


def _answer_of(dialect: AnyDialect, streamed: bool, one: Exchange) -> Answer:
    if dialect == "bedrock" and streamed:
        return _streamed(dialect, stream_of(json.loads(one.response)))
    body = one.response.encode()
    return _streamed(dialect, body) if streamed else _whole(dialect, body)


def _streamed(dialect: AnyDialect, body: bytes) -> Answer:
    kind = _FRAMES if dialect == "bedrock" else _SSE
    reasoning = _streamed_reasoning(dialect, body)
    return Answer(body=body, kind=kind, gist=of_stream(dialect, body), reasoning=reasoning)


def _whole(dialect: AnyDialect, body: bytes) -> Answer:
    raw = json.loads(body)
    reasoning = _reasoning(dialect, raw)
    return Answer(body=body, kind="application/json", gist=of_answer(dialect, raw), reasoning=reasoning)


def _tools_of(dialect: AnyDialect, request: Any) -> list[Tool]:
    if dialect == "bedrock":
        rows = [row["toolSpec"] for row in request.get("toolConfig", {}).get("tools", ())]
    elif dialect == "google":
        rows = [row for tool in request.get("tools", ()) for row in tool["functionDeclarations"]]
    else:
        rows = [tool.get("function", tool) for tool in request.get("tools", ())]
    return [_tool(row) for row in rows]


def _tool(row: Any) -> Tool:
    schema = next(
        row[name]
        for name in ("parameters", "input_schema", "parameters_json_schema", "inputSchema")
        if name in row
    )
    # What is no more than a name helps no model, and some clients take no tool without.
    return Tool(
        name=row["name"],
        description=row.get("description") or "Tells what was asked",
        parameters=schema.get("json", schema),
    )


def _schema_of(dialect: AnyDialect, request: Any) -> dict[str, Any] | None:
    if dialect == "bedrock":
        told = request.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema")
        return json.loads(told["schema"]) if told else None
    settings = request.get("generationConfig", {})
    found = [
        request.get("response_format", {}).get("json_schema", {}),
        request.get("text", {}).get("format", {}),
        request.get("output_config", {}).get("format", {}),
        {"schema": settings.get("responseJsonSchema") or settings.get("response_json_schema")},
    ]
    return next((one["schema"] for one in found if one.get("schema")), None)


def _reasoning(dialect: AnyDialect, raw: Any) -> str:
    if dialect == "openai-chat":
        return raw["choices"][0]["message"].get("reasoning_content") or ""
    if dialect == "openai-responses":
        items = [item for item in raw["output"] if item["type"] == "reasoning"]
        return "".join(part["text"] for item in items for part in item["summary"])
    if dialect == "anthropic":
        return "".join(block.get("thinking", "") for block in raw["content"])
    if dialect == "google":
        parts = raw["candidates"][0]["content"]["parts"]
        return "".join(part["text"] for part in parts if part.get("thought"))
    blocks = [block.get("reasoningContent", {}) for block in raw["output"]["message"]["content"]]
    return "".join(block.get("reasoningText", {}).get("text", "") for block in blocks)


def _streamed_reasoning(dialect: AnyDialect, body: bytes) -> str:
    if dialect == "bedrock":
        return "".join(json.loads(text) for text in _THOUGHTS.findall(body))
    if dialect in ("openai-responses", "google"):
        return _reasoning(dialect, whole_of(dialect, body))
    events = datas_of(body)
    if dialect == "anthropic":
        return "".join(event.get("delta", {}).get("thinking", "") for event in events)
    deltas = [choice["delta"] for event in events for choice in event.get("choices", ())]
    return "".join(delta.get("reasoning_content") or "" for delta in deltas)


_CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_WEATHER = Tool(name="get_weather", description="The weather in a city", parameters=_CITY)
_MODELS = {
    "openai-chat": ("gpt-4o", "deepseek-reasoner"),
    "openai-responses": ("gpt-4o", "gpt-5-mini"),
    "anthropic": ("claude-sonnet-4-5", "claude-sonnet-4-5"),
    "google": ("gemini-2.5-flash", "gemini-2.5-flash"),
    "bedrock": (
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ),
}


def written(dialect: AnyDialect, name: Name, *, streamed: bool) -> Scenario:
    """A scenario that was never recorded, in the dialect's own format."""
    id_ = _WRITTEN_IDS.get(dialect, "call_written1")
    called = Called(id=id_, name="get_weather", arguments={"city": "Paris"})
    turns = {
        "text": (Turn(text="It is sunny in Paris — 22 °C."),),
        "loop": (Turn(text="I will look.", calls=(called,)), Turn(text="Sunny, and 22 °C in Paris. ☀")),
        "thinking": (Turn(text="Four.", thought="Two and two are four."),),
        "structured": (Turn(text='{"city": "Paris"}'),),
        "vision": (Turn(text="One red pixel."),),
    }[name]
    voice = _VOICES[dialect]
    make = _streamed if streamed else _whole
    bodies = [
        b"".join(voice.pieces(turn)) if streamed else json.dumps(voice.whole(turn)).encode() for turn in turns
    ]
    return Scenario(
        dialect=dialect,
        name=name,
        streamed=streamed,
        model=_MODELS[dialect][name == "thinking"],
        service="deepseek" if dialect == "openai-chat" and name == "thinking" else "written",
        answers=tuple(make(dialect, body) for body in bodies),
        tools=(_WEATHER,) if name == "loop" else (),
        schema=_CITY if name == "structured" else None,
    )


_WRITTEN_IDS = {"anthropic": "toolu_written1", "bedrock": "tooluse_written1"}
