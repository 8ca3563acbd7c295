"""Which tools a stand-in calls, and with which arguments. Pure; knows no dialect.

Forced choices are obeyed. Left to itself it calls a tool when the last user message shares words with the
tool's name or description, and answers in text once the tool has answered.
"""

import re
from random import Random
from typing import Any

import msgspec

from headgate.standins.answers_hints import Hints
from headgate.standins.answers_schema import Filler
from headgate.standins.answers_text import words_of
from headgate.standins.conversation import Conversation, Tool, ToolCall

CALLS_MAX = 4


def calls_for(conversation: Conversation, random: Random) -> tuple[ToolCall, ...]:
    """Return the calls that answer a conversation; empty when text does."""
    tools = _chosen(conversation)
    if not tools:
        return ()
    if not conversation.parallel:
        tools = tools[:1]
    texts = [conversation.last_user_text]
    if len(tools) == 1 and conversation.parallel and conversation.tool_choice == "auto":
        texts = _split_by_name(tools[0], texts[0])
    calls: list[ToolCall] = []
    for tool in tools:
        for text in texts:
            value = arguments_for(tool, conversation, text, random)
            calls.append(
                ToolCall(
                    id=f"{random.getrandbits(96):024x}",
                    name=tool.name,
                    arguments=msgspec.json.encode(value).decode(),
                    value=value,
                )
            )
    return tuple(calls[:CALLS_MAX])


def arguments_for(tool: Tool, conversation: Conversation, text: str, random: Random) -> dict[str, Any]:
    """Fill a tool's arguments from a text; an object that is valid by the tool's schema."""
    if conversation.is_unfit:
        return {"unfit": True}
    schema = {"type": "object", **tool.parameters}
    return Filler(schema, Hints(text, text), random).fill_object(schema)


def _chosen(conversation: Conversation) -> list[Tool]:
    tools = list(conversation.tools)
    match conversation.tool_choice:
        case "none":
            return []
        case "named":
            return [tool for tool in tools if tool.name in conversation.forced][:1]
        case "required":
            ranked = _ranked(tools, conversation.last_user_text)
            return [*[tool for score, tool in ranked if score > 0], *tools][:1]
        case "auto":
            last = conversation.turns[-1]
            if last.role == "assistant" or last.results:
                return []
            ranked = [(score, tool) for score, tool in _ranked(tools, last.text) if score > 0]
            best = ranked[0][0] if ranked else 0
            return [tool for score, tool in ranked if score == best or _is_named(tool, tools, last.text)]


def _ranked(tools: list[Tool], text: str) -> list[tuple[int, Tool]]:
    """Rank tools by the words that they share with a text, the best first, ties in their order."""
    spoken = set(words_of(text))
    numbers = len(Hints(text).numbers)
    scored: list[tuple[int, Tool]] = []
    for tool in tools:
        named = sum(1 for word in words_of(tool.name) if word in spoken)
        described = sum(1 for word in words_of(tool.description) if word in spoken)
        score = 3 * named + described
        if score == 0 and 0 < _numbers_wanted(tool) <= numbers:
            score = 1
        scored.append((score, tool))
    return sorted(scored, key=lambda pair: -pair[0])


def _is_named(tool: Tool, tools: list[Tool], text: str) -> bool:
    """Say whether a text holds a word of this tool's name that no other tool's name has."""
    others = {word for other in tools if other is not tool for word in words_of(other.name)}
    spoken = set(words_of(text))
    return any(word in spoken and word not in others for word in words_of(tool.name))


def _numbers_wanted(tool: Tool) -> int:
    """Count the required numbers of a tool that needs nothing else, else 0."""
    properties: dict[str, Any] = tool.parameters.get("properties") or {}
    required: list[str] = tool.parameters.get("required") or list(properties)
    rules: list[dict[str, Any]] = [properties.get(name) or {} for name in required]
    kinds = [str(rule.get("type", "")).lower() for rule in rules]
    return len(kinds) if kinds and all(kind in ("integer", "number") for kind in kinds) else 0


def _split_by_name(tool: Tool, text: str) -> list[str]:
    """Cut `the weather in Paris and in Rome` into one text a name, for a tool that takes one name."""
    properties: dict[str, Any] = tool.parameters.get("properties") or {}
    required: list[str] = tool.parameters.get("required") or []
    free = [name for name in required if _is_free_text(properties.get(name) or {})]
    names = Hints(text).names
    if len(free) != 1 or len(names) < 2 or not re.search(r"\band\b", text):
        return [text]
    rest = re.sub("|".join(map(re.escape, names)), "", text)
    return [f'{rest.strip()} "{name}"' for name in names]


def _is_free_text(rule: dict[str, Any]) -> bool:
    return str(rule.get("type", "")).lower() == "string" and not {"enum", "format", "pattern"} & set(rule)
