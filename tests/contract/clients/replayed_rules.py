"""What each provider would refuse: calls are held to the official SDK's types, and to the rules beyond them.

Read next: `replayed_providers`, which refuses such calls as the provider would.
"""

import functools
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from anthropic._constants import ANTHROPIC_API_VERSION
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from google.genai import types
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic import TypeAdapter
from tests.wire.dialects.bedrock_rules import check_call

from headgate.core.call import AnyDialect

_WORD = re.compile(r"[a-zA-Z0-9_-]+")
_REASONING_MODEL = re.compile(r"(o\d|gpt-5)(?!.*chat)")
_REFUSED_BY_REASONING_MODELS = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs")


class AgainstRulesError(Exception):
    """The provider would refuse the call."""


def check(dialect: AnyDialect, target: str, headers: Mapping[str, str], body: Any) -> None:
    """Raise where a call breaks a rule of the dialect's provider."""
    name, form = _CREDENTIALS[dialect]
    _hold(re.fullmatch(form, headers.get(name, "")), f"{name} is {headers.get(name)!r}")
    try:
        _RULES[dialect](target, headers, body)
    except (AssertionError, KeyError, ValueError, TypeError) as error:
        raise AgainstRulesError(f"{type(error).__name__}: {error}") from error


_CREDENTIALS = {
    "openai-chat": ("authorization", "Bearer sk-.+"),
    "openai-responses": ("authorization", "Bearer sk-.+"),
    "anthropic": ("x-api-key", "sk-.+"),
    "google": ("x-goog-api-key", "sk-.+"),
    "bedrock": ("authorization", "(AWS4-HMAC-SHA256|Bearer) .+"),
}


def _hold(is_so: object, message: str) -> None:
    if not is_so:
        raise AgainstRulesError(message)


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _typed(kind: Any, body: Any) -> None:
    read = _forced(_adapter(kind).validate_python(body))
    _hold(read == body, f"unknown to the types: {_beyond(read, body)}")


def _forced(value: Any) -> Any:
    """What validating is lazy about, all of it."""
    if hasattr(value, "items"):
        return {name: _forced(inner) for name, inner in value.items()}
    if hasattr(value, "__next__") or hasattr(value, "sort"):
        return [_forced(inner) for inner in value]
    return value


def _beyond(read: Any, body: Any) -> Any:
    if hasattr(read, "items") and hasattr(body, "items"):
        return {name: _beyond(read.get(name), body[name]) for name in body if read.get(name) != body[name]}
    return body


def _chat(target: str, headers: Mapping[str, str], body: Any) -> None:
    _hold(target.endswith("/chat/completions"), target)
    known = {name: value for name, value in body.items() if name not in ("stream", "thinking")}
    known["messages"] = [_without_said(message) for message in body["messages"]]
    if body.get("stream"):
        _typed(CompletionCreateParamsStreaming, {**known, "stream": True})
        _hold(body.get("stream_options", {}).get("include_usage"), "a stream whose usage is not asked for")
    else:
        _typed(CompletionCreateParamsNonStreaming, known)
    tools = [tool["function"]["name"] for tool in body.get("tools", ())]
    _names(tools)
    _hold("tool_choice" not in body or tools, "tool_choice without tools")
    _hold("parallel_tool_calls" not in body or tools, "parallel_tool_calls without tools")
    _of_reasoning_models(body, "max_tokens")
    waiting: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool":
            _hold(message["tool_call_id"] in waiting, f"a result of no call: {message['tool_call_id']}")
            waiting.remove(message["tool_call_id"])
            continue
        _hold(not waiting, f"calls without their results: {waiting}")
        calls: list[Any] = message.get("tool_calls") or []
        _hold(message.get("content") is not None or calls, "a message that says nothing")
        waiting = [call["id"] for call in calls]
        _hold(all(0 < len(one) <= 40 for one in waiting), f"ids longer than 40: {waiting}")
    _hold(not waiting, f"calls without their results: {waiting}")


_SAID_BACK = ("annotations", "reasoning_content", "provider_specific_fields")


def _without_said(message: Any) -> Any:
    """A message without what the service takes back of its answers, and its types of calls don't know."""
    said = {name: value for name, value in message.items() if name not in _SAID_BACK}
    if "tool_calls" in said:
        said["tool_calls"] = [
            {name: value for name, value in call.items() if name != "index"} for call in said["tool_calls"]
        ]
    return said


def _of_reasoning_models(body: Any, *more: str) -> None:
    if _REASONING_MODEL.match(body["model"]):
        wrong = [name for name in (*_REFUSED_BY_REASONING_MODELS, *more) if name in body]
        _hold(not wrong, f"{body['model']} refuses {wrong}")


def _names(names: list[str]) -> None:
    _hold(len(set(names)) == len(names), f"a tool twice: {names}")
    for name in names:
        _hold(_WORD.fullmatch(name) and len(name) <= 64, f"the name of a tool: {name}")


def _responses(target: str, headers: Mapping[str, str], body: Any) -> None:
    _hold(target.endswith("/responses"), target)
    known = {name: value for name, value in body.items() if name != "stream"}
    # `strict`, `detail` and `status` may be left out, whatever the types say.
    if "tools" in body:
        known["tools"] = [
            {"strict": True, **tool} if tool["type"] == "function" else tool for tool in body["tools"]
        ]
    if not isinstance(body["input"], str):
        known["input"] = [_detailed(item) for item in body["input"]]
    if body.get("stream"):
        _typed(ResponseCreateParamsStreaming, {**known, "stream": True})
    else:
        _typed(ResponseCreateParamsNonStreaming, known)
    _names([tool["name"] for tool in body.get("tools", ()) if tool["type"] == "function"])
    _of_reasoning_models(body)
    items: list[Any] = body["input"] if isinstance(body["input"], list) else []
    called = [item["call_id"] for item in items if item.get("type") == "function_call"]
    answered = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    _hold(sorted(called) == sorted(answered), f"called {called}, answered {answered}")
    _hold(all(0 < len(one) <= 64 for one in called), f"ids longer than 64: {called}")


def _detailed(item: Any) -> Any:
    if not hasattr(item.get("content"), "append"):
        return item
    content = [
        {"detail": "auto", **part} if part["type"] == "input_image" else part for part in item["content"]
    ]
    status = (
        {"status": "completed"} if item.get("type") == "message" and item.get("role") == "assistant" else {}
    )
    return {**status, **item, "content": content}


def _messages(target: str, headers: Mapping[str, str], body: Any) -> None:
    _hold(target.partition("?")[0].endswith("/messages"), target)
    _hold(headers.get("anthropic-version") in ("2023-06-01", ANTHROPIC_API_VERSION), "another version")
    # Today's types know no sampling any more, which the models of these answers still take.
    apart = ("stream", "temperature", "top_p", "top_k")
    _typed(MessageCreateParamsNonStreaming, {key: value for key, value in body.items() if key not in apart})
    _hold("temperature" not in body or 0 <= body["temperature"] <= 1, "temperature is no more than 1")
    _hold(not ("temperature" in body and "top_p" in body), "both temperature and top_p")
    tools = [tool["name"] for tool in body.get("tools", ())]
    _names(tools)
    _hold("tool_choice" not in body or tools, "tool_choice without tools")
    budget = body.get("thinking", {}).get("budget_tokens", 0)
    _hold(not budget or 1024 <= budget < body["max_tokens"], f"thinks {budget} of {body['max_tokens']}")
    _hold(not budget or body.get("temperature", 1) == 1, "thinks, with a temperature")
    roles = [message["role"] for message in body["messages"]]
    _hold(roles[0] == "user" and all(one != other for one, other in pairwise(roles)), f"{roles}")
    waiting: list[str] = []
    for message in body["messages"]:
        waiting = _blocks(message["content"], waiting, tools)
    _hold(not waiting, f"calls without their results: {waiting}")


def _blocks(content: Any, waiting: list[str], tools: list[str]) -> list[str]:
    blocks: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    _hold(sorted(results) == sorted(waiting), f"called {waiting}, answered {results}")
    kinds = [block["type"] for block in blocks[: len(results)]]
    _hold(all(kind == "tool_result" for kind in kinds), "something before the results")
    _hold(blocks and all(block["text"].strip() for block in blocks if block["type"] == "text"), "empty text")
    calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    _hold(not calls or tools, "calls, and no tools")
    _hold(all(_WORD.fullmatch(one) for one in calls), f"ids of other characters: {calls}")
    return calls


def _generate(target: str, headers: Mapping[str, str], body: Any) -> None:
    # What the service takes is camelCase or snake_case, both of which the types read; they know no other.
    for name, kind in _GOOGLE.items():
        for one in _listed(body.get(name, [])):
            kind.model_validate(one)
    _hold(set(body) <= set(_GOOGLE) | {"cachedContent", "labels", "serviceTier"}, f"{sorted(body)}")
    calls: list[str] = []
    for content in body["contents"]:
        parts = content["parts"]
        _hold(parts and all(parts), "an empty content")
        results = [part["functionResponse"]["name"] for part in parts if "functionResponse" in part]
        _hold(sorted(results) == sorted(calls), f"called {calls}, answered {results}")
        called = [part for part in parts if "functionCall" in part]
        calls = [part["functionCall"]["name"] for part in called]
        if "/gemini-3" in target:
            _hold(not called or called[0].get("thoughtSignature"), "a first call without its signature")
    _hold(not calls, f"calls without their results: {calls}")
    settings = types.GenerationConfig.model_validate(body.get("generationConfig", {}))
    other = "thinking_budget" if "/gemini-3" in target else "thinking_level"
    _hold(getattr(settings.thinking_config, other, None) is None, f"{target} knows no {other}")


_GOOGLE: dict[str, Any] = {
    "contents": types.Content,
    "systemInstruction": types.Content,
    "tools": types.Tool,
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
    "safetySettings": types.SafetySetting,
}


def _listed(value: Any) -> list[Any]:
    return value if hasattr(value, "append") else [value]


def _converse(target: str, headers: Mapping[str, str], body: Any) -> None:
    check_call(body)
    roles = [message["role"] for message in body["messages"]]
    _hold(roles[0] == "user" and all(one != other for one, other in pairwise(roles)), f"{roles}")
    waiting: list[str] = []
    for message in body["messages"]:
        blocks = message["content"]
        results = [block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block]
        _hold(sorted(results) == sorted(waiting), f"called {waiting}, answered {results}")
        waiting = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]
        _hold(not waiting or "toolConfig" in body, "calls, and no tools")
    _hold(not waiting, f"calls without their results: {waiting}")


_RULES: dict[str, Callable[[str, Mapping[str, str], Any], None]] = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic": _messages,
    "google": _generate,
    "bedrock": _converse,
}
