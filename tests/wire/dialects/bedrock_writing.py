"""Calls of other dialects as tests write them for Bedrock."""

import json
from collections.abc import Iterable
from typing import Any

from headgate.core.chat import (
    ChatCall,
    FunctionTool,
    Message,
    Part,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.bedrock.codec import CODEC
from headgate.wire.dialects.changes import Changes

HI = Message(role="user", parts=(Text(text="hi"),))
LOOK = FunctionTool(name="look", parameters={"type": "object", "properties": {"a": {"type": "integer"}}})
WAIT = FunctionTool(name="wait")


def user(*parts: Part) -> Message:
    return Message(role="user", parts=parts)


def assistant(*parts: Part) -> Message:
    return Message(role="assistant", parts=parts)


def call_of(messages: Iterable[Message] = (HI,), **fields: Any) -> ChatCall:
    given: dict[str, Any] = {"dialect": "openai-chat", "model": "m", "messages": tuple(messages)}
    return ChatCall(**{**given, **fields})


def write(call: ChatCall, quirks: Quirks = PLAIN) -> tuple[Any, Changes]:
    """What is written, which keeps Amazon's rules and is read again, and what is told."""
    changes = Changes()
    data = CODEC.write_call(call, quirks, changes)
    body = json.loads(data)
    again = CODEC.read_call(data)
    assert json.loads(CODEC.write_call(again, PLAIN, Changes())) == body
    return body, changes


def told(changes: Changes, weight: str = "meaning") -> list[str]:
    return [one.what for one in changes if one.weight == weight]


USED = (HI, assistant(ToolCall(id="c1", name="look", arguments='{"a":1}')), user(
    ToolResult(call_id="c1", parts=(Text(text="blue"),))))  # fmt: skip
