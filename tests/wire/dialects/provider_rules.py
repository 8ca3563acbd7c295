"""What providers refuse with 400, as rules over the raw body of a call: the trap list, by its numbers.

Which rules hold for a target is in its `Quirks`; nothing of the codecs is used. Types of members are not
looked at: `request_types` holds bodies to the official SDKs. For Bedrock also: `bedrock_rules`.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from tests.wire.dialects.raw_gists import held, listed

from headgate.core.call import AnyDialect
from headgate.core.quirks import Quirks

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_IDS = {"any": r"[^\x00-\x1f]{1,40}", "word": r"[A-Za-z0-9_-]{1,64}", "nine": r"[A-Za-z0-9]{9}"}
_SPELLED = {
    "openai-chat": {"logit_bias", "logprobs", "seed", "frequency_penalty", "presence_penalty", "stop",
                    "top_k", "temperature", "top_p"},
    "openai-responses": {"temperature", "top_p"},
    "anthropic": {"temperature", "top_p", "top_k"},
}  # fmt: skip
_GOOGLE = {"frequency_penalty": "frequencyPenalty", "presence_penalty": "presencePenalty"}


def broken_rules(dialect: AnyDialect, body: Any, quirks: Quirks) -> list[str]:
    """The rules of a target that a call breaks, each by its number."""
    return list(_RULES[dialect](body, quirks))


def _named(names: Iterable[str], quirks: Quirks) -> Iterator[str]:
    for name in names:
        if not re.fullmatch(_NAME, name) or len(name) > quirks.tool_name_length_max:
            yield f"31: the name {name!r}"


def _identified(identifiers: Iterable[str], quirks: Quirks) -> Iterator[str]:
    found = list(identifiers)
    for identifier in found:
        if not re.fullmatch(_IDS[quirks.tool_ids], identifier):
            yield f"24: the id {identifier!r}"
    if len(set(found)) < len(found):
        yield "24: an id twice"


def _refused(fields: Any, quirks: Quirks, names: Iterable[str], *, thinks: bool) -> Iterator[str]:
    refused: set[str] = {*quirks.refused_sampling, *(quirks.refused_when_thinking if thinks else ())}
    yield from (f"40: {name} is refused" for name in names if name in refused and name in fields)
    if quirks.is_one_of_temperature_and_top_p and {"temperature", "top_p"} <= set(fields):
        yield "40: temperature and top_p"
    if quirks.temperature_max is not None and fields.get("temperature", 0) > quirks.temperature_max:
        yield "40: the temperature is too high"


def _schemas(schema: Any) -> Iterator[Any]:
    """Every schema within one."""
    if isinstance(schema, list):
        for one in listed(schema):
            yield from _schemas(one)
    elif isinstance(schema, dict):
        yield schema
        for name, one in held(schema).items():
            if name in ("properties", "$defs", "definitions"):
                for inner in held(one).values():
                    yield from _schemas(inner)
            elif name not in ("enum", "const", "default", "examples", "required"):
                yield from _schemas(one)


def _strict(schema: Any, quirks: Quirks) -> Iterator[str]:
    if quirks.schema_subset != "openai-strict":
        return
    for one in _schemas(schema):
        properties = one.get("properties")
        if isinstance(properties, dict):
            if one.get("additionalProperties") is not False:
                yield "44: an open object in a strict schema"
            if sorted(one.get("required", ())) != sorted(held(properties)):
                yield "44: an optional property in a strict schema"


def _pairs(turns: list[tuple[list[str], list[str]]]) -> Iterator[str]:
    """Each turn: which calls it makes, and which results it brings, which are those of the turn before."""
    waiting: list[str] = []
    for made, given in turns:
        if sorted(given) != sorted(waiting):
            yield f"25, 30: results {given} for calls {waiting}"
        waiting = made
    if waiting:
        yield f"30: calls {waiting} without results"


def _order(roles: list[str], quirks: Quirks) -> Iterator[str]:
    talk = [role for role in roles if role not in ("system", "developer")]
    systems = [role in ("system", "developer") for role in roles]
    if quirks.is_system_first and systems != sorted(systems, reverse=True):
        yield "41: a system message in the middle"
    if quirks.is_alternating:
        if talk[:1] not in ([], ["user"]):
            yield "42: the user does not begin"
        if any(first == second for first, second in pairwise(talk)):
            yield "42: no alternation"
    if not quirks.takes_prefill and roles[-1:] == ["assistant"]:
        yield "42: a beginning of the answer"


def _chat(body: Any, quirks: Quirks) -> Iterator[str]:
    messages = body["messages"]
    calls = [call for message in messages for call in message.get("tool_calls", ())]
    yield from _chat_messages(messages, quirks)
    yield from _identified([call["id"] for call in calls], quirks)
    tools = [tool["function"] for tool in body.get("tools", ()) if tool["type"] == "function"]
    yield from _named([call["function"]["name"] for call in calls if "function" in call], quirks)
    yield from _named([tool["name"] for tool in tools], quirks)
    if calls and quirks.needs_declared_tools and not body.get("tools"):
        yield "29: a history with calls and no tool"
    wrong = {"max_tokens", "max_completion_tokens"} - {quirks.output_limit_field}
    yield from (f"39: {name}" for name in wrong if name in body)
    thinks = "reasoning_effort" in body and body["reasoning_effort"] != "none"
    yield from _refused(body, quirks, _SPELLED["openai-chat"], thinks=thinks)
    if quirks.choices_max is not None and body.get("n", 1) > quirks.choices_max:
        yield "43: too many candidates"
    yield from _choice(body, quirks, is_forced=body.get("tool_choice", "auto") not in ("auto", "none"))
    if "parallel_tool_calls" in body and not quirks.takes_parallel_flag:
        yield "28: parallel_tool_calls"
    form = held(body.get("response_format"))
    if form.get("type") == "json_object" and "json" not in json.dumps(messages).lower():
        yield "44: no word of JSON"
    described = held(form.get("json_schema"))
    if described.get("strict"):
        yield from _strict(described.get("schema"), quirks)
    for tool in tools:
        if tool.get("strict"):
            yield from _strict(tool.get("parameters"), quirks)


def _choice(body: Any, quirks: Quirks, *, is_forced: bool) -> Iterator[str]:
    if "tool_choice" in body and not body.get("tools"):
        yield "28: a choice without tools"
    if is_forced and not quirks.takes_forced_tool:
        yield "28: a forced tool"


def _chat_messages(messages: list[Any], quirks: Quirks) -> Iterator[str]:
    roles = ["user" if message["role"] == "tool" else message["role"] for message in messages]
    after_tool = [False, *(message["role"] == "tool" for message in messages)]
    squeezed = [
        role for role, is_after in zip(roles, after_tool, strict=False) if role != "user" or not is_after
    ]
    yield from _order(squeezed, quirks)
    if "developer" in roles and not quirks.has_developer_role:
        yield "41: a developer"
    if "system" in roles and not quirks.has_system_role:
        yield "41: a system message"
    turns: list[tuple[list[str], list[str]]] = []
    for place, message in enumerate(messages):
        parts: list[Any] = message["content"] if isinstance(message.get("content"), list) else []
        kinds = {part["type"] for part in parts}
        if message["role"] == "tool":
            if messages[place - 1]["role"] != "tool":
                turns.append(([], []))
            turns[-1][1].append(message["tool_call_id"])
            if kinds - {"text"}:
                yield "32: media in a result"
        else:
            turns.append(([call["id"] for call in message.get("tool_calls", ())], []))
        if message.get("tool_calls") and quirks.wants_reasoning_back and "reasoning_content" not in message:
            yield "36: calls without their reasoning"
        is_after = message["role"] == "user" and place and messages[place - 1]["role"] == "tool"
        if is_after and not quirks.takes_user_after_tool:
            yield "27: a user after a tool"
        yield from _media(parts, quirks)
    yield from _pairs(turns)


def _media(parts: list[Any], quirks: Quirks) -> Iterator[str]:
    for part in parts:
        is_address = part["type"] == "image_url" and not part["image_url"]["url"].startswith("data:")
        if is_address and not quirks.takes_image_urls:
            yield "45: the URL of an image"
        if part["type"] == "input_audio" and not quirks.takes_audio:
            yield "45: sound"
        if part["type"] == "file" and not ({"file_data", "file_id"} & set(part["file"])):
            yield "45: a file of neither data nor id"


def _responses(body: Any, quirks: Quirks) -> Iterator[str]:
    items: list[Any] = body["input"] if isinstance(body["input"], list) else []
    made = [item for item in items if item.get("type") == "function_call"]
    given = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    if sorted(given) != sorted(item["call_id"] for item in made):
        yield f"30: results {given}"
    yield from _identified([item["call_id"] for item in made], quirks)
    yield from _named([item["name"] for item in made], quirks)
    tools = [tool for tool in body.get("tools", ()) if tool["type"] == "function"]
    yield from _named([tool["name"] for tool in tools], quirks)
    for tool in tools:
        if tool.get("strict"):
            yield from _strict(tool.get("parameters"), quirks)
    form = held(held(body.get("text")).get("format"))
    if form.get("strict"):
        yield from _strict(form.get("schema"), quirks)
    if form.get("type") == "json_object" and "json" not in json.dumps(body["input"]).lower():
        yield "44: no word of JSON"
    thinks = held(body.get("reasoning")).get("effort") not in (None, "none")
    yield from _refused(body, quirks, _SPELLED["openai-responses"], thinks=thinks)
    yield from _choice(body, quirks, is_forced=body.get("tool_choice", "auto") not in ("auto", "none"))


def _anthropic(body: Any, quirks: Quirks) -> Iterator[str]:
    messages = body["messages"]
    yield from _order([message["role"] for message in messages], quirks)
    if not messages:
        yield "42: nothing to answer"
    tools = [tool for tool in body.get("tools", ()) if "input_schema" in tool]
    yield from _named([tool["name"] for tool in tools], quirks)
    thinks = held(body.get("thinking")).get("type") in ("enabled", "adaptive")
    turns: list[tuple[list[str], list[str]]] = []
    for message in messages:
        blocks = _blocks(message["content"])
        kinds = [block["type"] for block in blocks]
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        turns.append(([block["id"] for block in blocks if block["type"] == "tool_use"], results))
        if kinds[: len(results)] != ["tool_result"] * len(results):
            yield "25: results stand first"
        if any(not block["text"].strip() for block in blocks if block["type"] == "text") or not blocks:
            yield "42: a blank text"
        thoughts = [place for place, kind in enumerate(kinds) if kind.endswith("thinking")]
        if thoughts and kinds[0] != kinds[thoughts[0]]:
            yield "33: thinking stands first"
    yield from _pairs(turns)
    yield from _identified([identifier for made, _ in turns for identifier in made], quirks)
    if any(made for made, _ in turns) and not body.get("tools"):
        yield "29: a history with calls and no tool"
    last = held(_blocks(messages[-1]["content"])[-1] if messages else None)
    if (
        messages
        and messages[-1]["role"] == "assistant"
        and last.get("text", "") != last.get("text", "").rstrip()
    ):
        yield "42: white space at the end of a beginning"
    if "max_tokens" not in body:
        yield "39: no limit"
    if thinks and body["thinking"].get("budget_tokens", 0) >= body["max_tokens"]:
        yield "38: the budget is the whole limit"
    forced = held(body.get("tool_choice")).get("type") in ("any", "tool")
    if forced and thinks and not quirks.takes_forced_tool_with_thinking:
        yield "28: a forced tool with thinking"
    yield from _choice(body, quirks, is_forced=forced)
    yield from _refused(body, quirks, _SPELLED["anthropic"], thinks=thinks)


def _blocks(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _google(body: Any, quirks: Quirks) -> Iterator[str]:
    contents = body["contents"]
    if not contents or {content.get("role") for content in contents} - {"user", "model"}:
        yield "41: a role that is not taken, or nothing to answer"
    turns: list[tuple[list[str], list[str]]] = []
    for content in contents:
        parts = content["parts"]
        made = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
        given = [part["functionResponse"]["name"] for part in parts if "functionResponse" in part]
        turns.append((made, given))
        signed = [bool(part.get("thoughtSignature")) for part in parts if "functionCall" in part]
        if signed and not signed[0] and quirks.thinking == "level":
            yield "34: a first call without a signature"
        if not parts:
            yield "42: a content without a part"
    yield from _pairs(turns)
    yield from _named([name for made, _ in turns for name in made], quirks)
    declared = [one for tool in body.get("tools", ()) for one in tool.get("functionDeclarations", ())]
    yield from _named([one["name"] for one in declared], quirks)
    settings = body.get("generationConfig", {})
    yield from (f"40: {name}" for name, said in _GOOGLE.items()
                if name in quirks.refused_sampling and said in settings)  # fmt: skip
    thinking = settings.get("thinkingConfig", {})
    if "thinkingBudget" in thinking and quirks.thinking != "budget":
        yield "38: a budget"
    if "thinkingLevel" in thinking and quirks.thinking != "level":
        yield "38: a level"
    if quirks.schema_subset == "openapi":
        schemas = [settings.get("responseSchema"), *(one.get("parameters") for one in declared)]
        for one in _schemas(schemas):
            if {"$ref", "$defs", "additionalProperties"} & set(one):
                yield "44: a schema beyond the subset"
        if "responseJsonSchema" in settings:
            yield "44: a whole JSON schema"


def _bedrock(body: Any, quirks: Quirks) -> Iterator[str]:
    messages = body["messages"]
    yield from _order([message["role"] for message in messages], quirks)
    turns: list[tuple[list[str], list[str]]] = []
    for message in messages:
        blocks = message["content"]
        results = [block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block]
        turns.append(([block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block], results))
        said = [block for block in blocks if "cachePoint" not in block]
        if results and quirks.are_results_alone and len(results) < len(said):
            yield "26: results are not alone"
        if any(not block["text"].strip() for block in blocks if "text" in block):
            yield "42: a blank text"
        if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
            yield "45: a document without a text"
        is_marked = any("status" in block["toolResult"] for block in blocks if "toolResult" in block)
        if is_marked and not quirks.takes_result_errors:
            yield "31: a mark that a tool failed"
    yield from _pairs(turns)
    yield from _identified([identifier for made, _ in turns for identifier in made], quirks)
    if any(made for made, _ in turns) and not body.get("toolConfig"):
        yield "29: a history with calls and no tool"
    forced = set(held(held(body.get("toolConfig")).get("toolChoice"))) & {"any", "tool"}
    if forced and not quirks.takes_forced_tool:
        yield "28: a forced tool"
    settings = held(body.get("inferenceConfig"))
    if settings.get("temperature", 0) > (quirks.temperature_max or 99):
        yield "40: the temperature is too high"


_RULES: dict[AnyDialect, Callable[[Any, Quirks], Iterator[str]]] = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic": _anthropic,
    "google": _google,
    "bedrock": _bedrock,
}
