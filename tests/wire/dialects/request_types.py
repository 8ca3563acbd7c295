"""The official types of a call: OpenAI's, Anthropic's, Google's, and Amazon's description of Converse."""

import base64
import functools
from collections.abc import Callable
from typing import Any, cast

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming as Messages
from botocore.validate import ParamValidator
from google.genai import types
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as Chat
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming as Responses
from pydantic import TypeAdapter, ValidationError
from tests.wire.dialects.bedrock_rules import check_call, operation

from headgate.core.call import AnyDialect

_OF_OTHERS = {
    "openai-chat": {"top_k", "reasoning", "reasoning_content", "reasoning_details"},
    "anthropic": {"temperature", "top_p", "top_k"},
}
"""What services of the dialect take beside OpenAI, and what the types of the newest models have no more."""


def type_faults(dialect: AnyDialect, body: Any) -> str:
    """What is not of the SDK's types: empty where all is."""
    try:
        _TYPES[dialect](body)
    except (ValidationError, AssertionError, ValueError) as fault:
        return str(fault)[:600]
    return ""


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _known(kind: Any, body: Any, dialect: str) -> None:
    """Every member is one that the type knows: what it does not know it leaves out."""
    told = _without(
        {name: value for name, value in body.items() if name != "stream"}, _OF_OTHERS.get(dialect, ())
    )
    found = _forced(_adapter(kind).validate_python(told))
    assert found == told, _unlike(told, found)


def _without(fields: Any, names: Any) -> Any:
    found: dict[str, Any] = {name: value for name, value in fields.items() if name not in names}
    if "messages" in found:
        found["messages"] = [
            {name: value for name, value in message.items() if name not in names}
            for message in found["messages"]
        ]
    return found


def _forced(value: Any) -> Any:
    """What validating is lazy about, all of it."""
    if hasattr(value, "items"):
        return {name: _forced(inner) for name, inner in value.items()}
    if hasattr(value, "__next__") or hasattr(value, "sort"):
        return [_forced(inner) for inner in value]
    return value


def _unlike(said: Any, found: Any, where: str = "") -> str:
    """The first place where two values differ."""
    if isinstance(said, dict) and isinstance(found, dict):
        first, second = cast("dict[str, Any]", said), cast("dict[str, Any]", found)
        for name in first:
            if name not in second or first[name] != second[name]:
                return _unlike(first[name], second.get(name, "(unknown)"), f"{where}.{name}")
    if isinstance(said, list) and isinstance(found, list):
        pairs = zip(cast("list[Any]", said), cast("list[Any]", found), strict=True)
        for place, (one, other) in enumerate(pairs):
            if one != other:
                return _unlike(one, other, f"{where}[{place}]")
    return f"{where}: {_shown(cast('Any', said))} is {_shown(cast('Any', found))}"


def _shown(value: Any) -> str:
    return str(value)[:200]


def _chat(body: Any) -> None:
    _known(Chat, body, "openai-chat")


def _responses(body: Any) -> None:
    _known(Responses, body, "openai-responses")


def _anthropic(body: Any) -> None:
    _known(Messages, body, "anthropic")


def _google(body: Any) -> None:
    left = dict(body)
    for content in left.pop("contents"):
        types.Content.model_validate(content)
    if "systemInstruction" in left:
        types.Content.model_validate(left.pop("systemInstruction"))
    for tool in left.pop("tools", ()):
        types.Tool.model_validate(tool)
    types.ToolConfig.model_validate(left.pop("toolConfig", {}))
    types.GenerationConfig.model_validate(left.pop("generationConfig", {}))
    types.GenerateContentConfig.model_validate({"serviceTier": left.pop("serviceTier", None)})
    left.pop("labels", None)
    assert not left, sorted(left)


def _bedrock(body: Any) -> None:
    check_call(body)
    params = {"modelId": "m", **_with_bytes(body)}
    report = ParamValidator().validate(params, operation().input_shape)
    assert not report.has_errors(), report.generate_report()


def _with_bytes(value: Any) -> Any:
    """As the SDK takes it: media as bytes."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {
            name: base64.b64decode(inner) if name in ("bytes", "redactedContent") and isinstance(inner, str)
            else _with_bytes(inner)
            for name, inner in fields.items()
        }  # fmt: skip
    return [_with_bytes(one) for one in cast("list[Any]", value)] if isinstance(value, list) else value


_TYPES: dict[AnyDialect, Callable[[Any], None]] = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic": _anthropic,
    "google": _google,
    "bedrock": _bedrock,
}
