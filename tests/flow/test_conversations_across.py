"""A conversation with tools and thinking goes from one provider to another and back, for each two dialects.

Turn 1 is answered by A (recorded: thinking with its seal, and a call), turn 2 by B, turn 3 by A again; in
between, the official SDK of the caller's dialect sends back what it was given. What each provider received
keeps its rules; seals go back to the provider that made them, where they were, and nowhere else.
"""

import base64
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from demo.running import Running, headgate
from tests.flow.dialect_clients import Chat, Client, Messages, Responses
from tests.flow.google_client import Gemini
from tests.flow.scripted_provider import Received, Reply, ScriptedProvider, answer, stream
from tests.unit.targets import target
from tests.wire.dialects.across_walk import ASKED, exchanges
from tests.wire.dialects.bedrock_samples import stream_of
from tests.wire.dialects.provider_rules import broken_rules
from tests.wire.dialects.raw_gists import held
from tests.wire.dialects.request_types import type_faults

from headgate.catalog.model import KindName
from headgate.catalog.profiles import profile_of
from headgate.core.call import AnyDialect
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import unfold
from headgate.wire.dialects.registry import CODECS
from headgate.wire.dialects.seals import MARK, MARK_IN_BASE64

CONFIG = """
[providers.chat]
kind = "openai-compatible"
service = "deepseek"
base_url = "http://127.0.0.1:{port}/chat/v1"

[providers.responses]
kind = "openai"
base_url = "http://127.0.0.1:{port}/responses/v1"
api_key = "env:STANDIN_SECRET"

[providers.claude]
kind = "anthropic"
base_url = "http://127.0.0.1:{port}/claude/v1"
api_key = "env:STANDIN_SECRET"

[providers.gemini]
kind = "google"
base_url = "http://127.0.0.1:{port}/gemini/v1beta"
api_key = "env:STANDIN_SECRET"

[providers.bedrock]
kind = "bedrock"
base_url = "http://127.0.0.1:{port}/bedrock"
region = "eu-central-1"
api_key = "env:STANDIN_SECRET"
"""
CLIENTS: tuple[type[Chat] | type[Responses] | type[Messages] | type[Gemini], ...] = (
    Chat, Responses, Messages, Gemini,
)  # fmt: skip


class Side(msgspec.Struct, frozen=True):
    """A provider: its name, kind, dialect, how its models' names begin, and the answer that was recorded."""

    name: str
    kind: KindName
    dialect: AnyDialect
    model: str
    recorded: str


SIDES = (
    Side("chat", "openai-compatible", "openai-chat", "deepseek-chat",
         "test_crusoe/test_crusoe_tool_calling#0"),
    Side("responses", "openai", "openai-responses", "gpt-5-pro",
         "test_openai_responses/test_openai_responses_requires_function_call_status_none#0"),
    Side("claude", "anthropic", "anthropic", "claude-sonnet-4-5",
         "test_anthropic/test_anthropic_tool_with_thinking#0"),
    Side("gemini", "google", "google", "gemini-3-flash", "test_google/test_google_model_retry#0"),
    Side("bedrock", "bedrock", "bedrock", "eu.anthropic.claude-sonnet-4-5",
         "test_bedrock/test_bedrock_anthropic_tool_with_thinking#0"),
)  # fmt: skip
_numbers = itertools.count()


class Place(msgspec.Struct, frozen=True):
    """A running gateway, and the providers behind it."""

    running: Running
    provider: ScriptedProvider
    clients: dict[str, Client]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    exchanges()
    with ScriptedProvider() as provider:
        config = CONFIG.format(port=provider.port)
        with headgate(config, environment={"STANDIN_SECRET": "standin"}) as running:
            clients: list[Client] = [kind(running.url, running.admin_key) for kind in CLIENTS]
            yield Place(running, provider, {one.dialect: one for one in clients})
            for one in clients:
                one.close()


def recorded(side: Side) -> Any:
    """The answer of a provider, with the tool that is offered here."""
    found = next(one.response for one, _ in exchanges() if one.id == f"pydantic-ai/{side.recorded}")
    for name in ("get_user_country", "get_capital", "get_meaning_of_life"):
        found = found.replace(f'"{name}"', '"get_weather"')
    if side.name == "chat":  # as DeepSeek calls it
        found = found.replace('"reasoning":', '"reasoning_content":')
    return json.loads(found)


def reply(side: Side, *, streamed: bool) -> Reply:
    """That answer, whole or as the stream that would have brought it."""
    raw = recorded(side)
    if not streamed:
        return answer(raw)
    if side.dialect == "bedrock":
        return stream(stream_of(raw), kind="application/vnd.amazon.eventstream")
    codec = CODECS[side.dialect]
    out = codec.events_out(ASKED, Changes())
    if side.dialect == "openai-chat":
        raw["object"] = "chat.completion.chunk"
    read = codec.read_answer(json.dumps(raw).encode())
    return stream(b"".join(out.write(event) for event in unfold(read)))


def sealed(side: Side) -> list[Any]:
    """What a provider wants back: its thinking with seals, and its calls, in its own order."""
    raw = recorded(side)
    match side.dialect:
        case "openai-chat":
            return _of_chat(raw["choices"][0]["message"])
        case "openai-responses":
            return _of_items(raw["output"])
        case "google":
            return _of_parts(raw["candidates"][0]["content"]["parts"])
        case "bedrock":
            return _of_blocks(raw["output"]["message"]["content"])
        case _:
            return _of_blocks(raw["content"])


def given_back(side: Side, body: Any) -> list[Any]:
    """The same of the first turn of an assistant in a call."""
    if side.dialect == "openai-responses":
        items = body["input"]
        end = next(place for place, one in enumerate(items) if one.get("type") == "function_call_output")
        return _of_items(items[:end])
    if side.dialect == "google":
        return _of_parts(next(one["parts"] for one in body["contents"] if one["role"] == "model"))
    message = next(one for one in body["messages"] if one["role"] == "assistant")
    if side.dialect == "openai-chat":
        return _of_chat(message)
    return _of_blocks(message["content"])


def _of_chat(message: Any) -> list[Any]:
    calls = [(one["id"], one["function"]["name"], json.loads(one["function"]["arguments"]))
             for one in message["tool_calls"]]  # fmt: skip
    return [message["reasoning_content"], *calls]


def _of_items(items: Any) -> list[Any]:
    kept = ("encrypted_content", "call_id", "name", "arguments")
    return [{name: one.get(name) for name in kept} for one in items
            if one.get("type") in ("reasoning", "function_call")]  # fmt: skip


def _of_parts(parts: Any) -> list[Any]:
    return [
        (part["functionCall"]["name"], part["functionCall"].get("args", {}),
         base64.b64decode(part["thoughtSignature"], altchars=b"-_"))
        for part in parts
        if "functionCall" in part
    ]  # fmt: skip


def _of_blocks(blocks: Any) -> list[Any]:
    found: list[Any] = []
    for block in blocks:
        thought = held(block.get("reasoningContent")).get("reasoningText") or block
        called = block.get("toolUse") or block
        if thought.get("signature"):
            found.append((thought.get("thinking") or thought.get("text"), thought["signature"]))
        elif called.get("name"):
            found.append((called.get("toolUseId") or called.get("id"), called["name"], called["input"]))
    return found


def seals(side: Side) -> list[str]:
    """The opaque texts alone, long enough that none of them is met by chance."""
    raw = json.dumps(recorded(side))
    found = [one.partition('"')[0] for name in ("signature", "thoughtSignature", "encrypted_content")
             for one in raw.split(f'"{name}": "')[1:]]  # fmt: skip
    assert found or side.dialect == "openai-chat"
    return [one[:60] for one in found]


def decoded(text: str) -> str:
    """What base64 hides."""
    whole = text[: len(text) // 4 * 4].translate(str.maketrans("-_", "+/"))
    return base64.b64decode(whole).decode("latin-1")


def check_received(side: Side, received: Received, others: Side) -> Any:
    """What a provider got is valid by its rules, and holds nothing that only others can read."""
    body = json.loads(received.body)
    sent = {name: value for name, value in body.items() if name != "stream_options"}
    for message in sent.get("messages", ()):
        for call in message.get("tool_calls", ()):
            call.pop("index", None)  # what OpenAI's library gathers of a stream, it sends back so
    where = (side.name, received.target)
    assert not type_faults(side.dialect, sent), where
    service = "deepseek" if side.name == "chat" else ""
    quirks = profile_of(target(side.kind, side.model, service=service), side.dialect).quirks
    assert not broken_rules(side.dialect, body, quirks), where
    text = received.body.decode()
    assert MARK not in text and MARK_IN_BASE64 not in text, where
    plain = text + "".join(decoded(one) for one in re.findall(r"[A-Za-z0-9+/_-]{60,}", text))
    assert not [seal for seal in seals(others) if seal in plain], where
    return body


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("caller", [client.dialect for client in CLIENTS])
def test_traps_33_to_37_a_conversation_goes_to_another_provider_and_back(
    place: Place, caller: str, streamed: bool
) -> None:
    for first, second in itertools.permutations(SIDES, 2):
        converse(place, place.clients[caller], first, second, streamed=streamed)


def converse(place: Place, client: Client, first: Side, second: Side, *, streamed: bool) -> None:
    """Three turns: A, B, A."""
    ask = client.stream if streamed else client.ask
    number = next(_numbers)
    models = {side.name: f"{side.model}-{number}" for side in (first, second)}
    history: list[Any] = [client.user("What is the weather in Paris?")]
    for side in (first, second):
        place.provider.on(side.name, models[side.name], reply(side, streamed=streamed))
    for side in (first, second, first):
        called = ask(f"{side.name}/{models[side.name]}", history, tool=True, think=True)
        assert [name for _, name, _ in called.tools] == ["get_weather"], (first, second)
        history += client.result(called, "4 degrees")
    _, last = place.provider.received(first.name, models[first.name])
    (between,) = place.provider.received(second.name, models[second.name])
    check_received(second, between, first)
    body = check_received(first, last, second)
    assert given_back(first, body) == sealed(first), (client.dialect, first.name, second.name)
