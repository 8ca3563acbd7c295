"""What answers and streams say, walked over their raw JSON: text, calls, why they end, usage.

The second reading that the first is held to: nothing of the codecs is used here, and no SDK either.
"""

import json
import struct
from collections.abc import Callable
from typing import Any

import msgspec

from headgate.core.call import AnyDialect


class Gist(msgspec.Struct, frozen=True):
    """What a client goes by of the first candidate.

    `calls`: names with decoded arguments (text that is no JSON as it is). `tokens`: all that went in, of
    those from a cache, all that came out."""

    text: str
    calls: tuple[tuple[str, Any], ...]
    finish: str | None
    tokens: tuple[int, int, int] | None
    usage: Any
    """The provider's own object."""


_FINISHES: dict[str, dict[str | None, str | None]] = {
    "openai-chat": {
        "stop": "stop", "eos": "stop", "length": "length", "tool_calls": "tool_calls", "error": "error",
        "function_call": "tool_calls", "content_filter": "refused", None: None, "": None,
    },
    "anthropic": {
        "end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length",
        "refusal": "refused", "pause_turn": "pause", "model_context_window_exceeded": "length", None: None,
    },
    "bedrock": {
        "end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length",
        "guardrail_intervened": "refused", "content_filtered": "refused",
    },
    "google": {
        "STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "refused", "PROHIBITED_CONTENT": "refused",
        "MALFORMED_FUNCTION_CALL": "error", "UNEXPECTED_TOOL_CALL": "error", "OTHER": "error", None: None,
        "RECITATION": "refused", "LANGUAGE": "refused", "BLOCKLIST": "refused", "SPII": "refused",
        "IMAGE_SAFETY": "refused", "MODEL_ARMOR": "refused",
    },
}  # fmt: skip


def of_answer(dialect: AnyDialect, raw: Any) -> Gist:
    """What a whole answer says."""
    return _ANSWERS[dialect](raw)


def of_stream(dialect: AnyDialect, body: bytes) -> Gist:
    """What a stream says, of which every event is there."""
    return of_answer(dialect, whole_of(dialect, body))


def whole_of(dialect: AnyDialect, body: bytes) -> Any:
    """The whole answer that a stream makes up, as far as its gist is concerned."""
    return _STREAMS[dialect](body)


def held(value: Any) -> Any:
    """A member that is an object; an empty one where there is none."""
    return value or {}


def listed(value: Any) -> list[Any]:
    """A member that is a list; an empty one where there is none."""
    return value or []


def datas_of(body: bytes) -> list[Any]:
    """The JSON of each server-sent event."""
    found: list[Any] = []
    for block in body.decode().replace("\r\n", "\n").split("\n\n"):
        lines = [line[5:].strip() for line in block.split("\n") if line.startswith("data:")]
        if lines and lines[0] != "[DONE]":
            found.append(json.loads("\n".join(lines)))
    return found


def _gist(
    dialect: str, text: str, calls: list[tuple[str, Any]], finish: str | None, *, usage: Any, tokens: Any
) -> Gist:
    words = _FINISHES.get(dialect)
    word = finish if words is None else words.get(finish, f"unknown: {finish}")
    if word == "stop" and calls:
        word = "tool_calls"
    decoded = tuple((name, _decoded(arguments)) for name, arguments in calls)
    return Gist(text, decoded, word, tokens, usage)


def _decoded(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments if arguments is not None else {}
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


def _texts(content: Any) -> str:
    if not isinstance(content, list):
        return content or ""
    parts: list[Any] = content  # pyright: ignore[reportUnknownVariableType]
    return "".join(part["text"] for part in parts if part["type"] == "text")


def _chat(raw: Any) -> Gist:
    choice = raw["choices"][0]
    message = choice["message"]
    refusal = message.get("refusal") or ""
    calls: list[tuple[str, Any]] = [
        (call["function"]["name"], call["function"].get("arguments"))
        for call in message.get("tool_calls") or ()
        if call.get("type", "function") in ("function", None) and call["function"].get("name")
    ]
    if held(message.get("function_call")).get("name"):
        calls.append((message["function_call"]["name"], message["function_call"]["arguments"]))
    finish = "content_filter" if refusal else choice.get("finish_reason")
    usage = raw.get("usage") or held(raw.get("x_groq")).get("usage")
    text = _texts(message.get("content")) + refusal
    return _gist("openai-chat", text, calls, finish, usage=usage, tokens=_chat_tokens(usage))


def _chat_tokens(usage: Any) -> tuple[int, int, int] | None:
    if not usage:
        return None
    prompt = usage.get("prompt_tokens") or 0
    details = held(usage.get("prompt_tokens_details"))
    names = ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens")
    cached = max(details.get("cached_tokens") or 0, *(usage.get(name) or 0 for name in names))
    return prompt, cached, max(usage.get("completion_tokens") or 0, (usage.get("total_tokens") or 0) - prompt)


def _responses(raw: Any) -> Gist:
    text, calls, refused = "", list[tuple[str, Any]](), False
    for item in raw["output"]:
        if item["type"] == "message":
            for part in item["content"]:
                refused = refused or part["type"] == "refusal"
                text += part.get("text") or part.get("refusal") or ""
        elif item["type"] == "function_call":
            calls.append((item["name"], item["arguments"]))
    status = raw.get("status")
    finish: str | None = {"completed": "stop", "failed": "error"}.get(str(status))
    if status == "incomplete":
        reason = held(raw.get("incomplete_details")).get("reason")
        finish = {"max_output_tokens": "length", "content_filter": "refused"}.get(reason, reason)
    usage = raw.get("usage")
    cached = held(held(usage).get("input_tokens_details")).get("cached_tokens") or 0
    tokens = None if not usage else (usage["input_tokens"], cached, usage["output_tokens"])
    return _gist(
        "openai-responses", text, calls, "refused" if refused else finish, usage=usage, tokens=tokens
    )


def _anthropic(raw: Any) -> Gist:
    blocks = raw["content"]
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    calls = [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    usage = raw.get("usage")
    tokens = None
    if usage:
        read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens")
        tokens = (usage["input_tokens"] + read + (written or 0), read, usage["output_tokens"])
    return _gist("anthropic", text, calls, raw.get("stop_reason"), usage=usage, tokens=tokens)


def _google(raw: Any) -> Gist:
    candidates = listed(raw.get("candidates"))
    first = candidates[0] if candidates else held(None)
    parts = listed(held(first.get("content")).get("parts"))
    text = "".join(part.get("text") or "" for part in parts if not part.get("thought"))
    calls = [
        (part["functionCall"]["name"], part["functionCall"].get("args"))
        for part in parts
        if part.get("functionCall")
    ]
    usage = raw.get("usageMetadata")
    tokens = None
    if usage:
        given = (usage.get("promptTokenCount") or 0) + (usage.get("toolUsePromptTokenCount") or 0)
        made = (usage.get("candidatesTokenCount") or 0) + (usage.get("thoughtsTokenCount") or 0)
        tokens = (given, usage.get("cachedContentTokenCount") or 0, made)
    finish = first.get("finishReason")
    if not candidates and held(raw.get("promptFeedback")).get("blockReason"):
        finish = "SAFETY"
    return _gist("google", text, calls, finish, usage=usage, tokens=tokens)


def _bedrock(raw: Any) -> Gist:
    blocks = raw["output"]["message"]["content"]
    text = "".join(block.get("text") or "" for block in blocks)
    uses = [block["toolUse"] for block in blocks if "toolUse" in block]
    calls = [(use["name"], use["input"]) for use in uses if use.get("type") != "server_tool_use"]
    usage = raw["usage"]
    read, written = usage.get("cacheReadInputTokens") or 0, usage.get("cacheWriteInputTokens") or 0
    tokens = (usage["inputTokens"] + read + written, read, usage["outputTokens"])
    return _gist("bedrock", text, calls, raw["stopReason"], usage=usage, tokens=tokens)


def _chat_chunks(body: bytes) -> Any:
    text = refusal = ""
    calls: dict[int, list[str]] = {}
    finish: str | None = None
    usage: Any = None
    model: str = ""
    for chunk in datas_of(body):
        groq = held(chunk.get("x_groq"))
        usage = chunk.get("usage") or groq.get("usage") or usage
        model = chunk.get("model") or model
        for choice in chunk.get("choices") or ():
            if choice.get("index"):
                continue
            delta = choice["delta"]
            text += _texts(delta.get("content"))
            refusal += delta.get("refusal") or ""
            finish = finish or choice.get("finish_reason")
            for piece in delta.get("tool_calls") or ():
                known = calls.setdefault(piece["index"], ["", ""])
                known[0] += piece["function"].get("name") or ""
                known[1] += piece["function"].get("arguments") or ""
    functions = [{"function": {"name": name, "arguments": said}} for name, said in calls.values()]
    message: Any = {"content": text, "refusal": refusal, "tool_calls": functions}
    return {"model": model, "choices": [{"message": message, "finish_reason": finish}], "usage": usage}


def _responses_events(body: bytes) -> Any:
    return datas_of(body)[-1]["response"]


def _anthropic_events(body: bytes) -> Any:
    message: Any = {}
    for event in datas_of(body):
        kind = event["type"]
        if kind == "message_start":
            message = {**event["message"], "content": []}
        elif kind == "content_block_start":
            message["content"].append({**event["content_block"], "json": ""})
        elif kind == "content_block_delta":
            block, delta = message["content"][event["index"]], event["delta"]
            block["text"] = block.get("text", "") + delta.get("text", "")
            block["json"] += delta.get("partial_json", "")
        elif kind == "message_delta":
            message |= {name: value for name, value in event["delta"].items() if value is not None}
            said = {name: value for name, value in event["usage"].items() if value is not None}
            message["usage"] = {**message["usage"], **said}
    for block in message["content"]:
        if block["json"]:
            block["input"] = json.loads(block["json"])
    return message


def _google_chunks(body: bytes) -> Any:
    return joined_chunks(datas_of(body))


def joined_chunks(chunks: list[Any]) -> Any:
    """Google's chunks as one answer: the parts of the first candidate in a row, all else as it came last."""
    parts: list[Any] = []
    whole: Any = {}
    first: Any = {}
    for chunk in chunks:
        found = held(next((one for one in listed(chunk.get("candidates")) if not one.get("index")), None))
        parts += listed(held(found.get("content")).get("parts"))
        first |= found
        whole |= chunk
    return {**whole, "candidates": [{**first, "content": {"parts": parts}}] if first else []}


def _bedrock_frames(body: bytes) -> Any:
    blocks: dict[int, Any] = {}
    said: Any = {}
    place = 0
    while place < len(body):
        size, headers = struct.unpack("!II", body[place : place + 8])
        fields = json.loads(body[place + 12 + headers : place + size - 4])
        place += size
        said |= fields
        if "toolUse" in fields.get("start", ()):
            use = {**fields["start"]["toolUse"], "input": ""}
            blocks[fields["contentBlockIndex"]] = {"toolUse": use}
        if "delta" in fields:
            block = blocks.setdefault(fields["contentBlockIndex"], {})
            block["text"] = block.get("text", "") + fields["delta"].get("text", "")
            if "toolUse" in fields["delta"]:
                block["toolUse"]["input"] += fields["delta"]["toolUse"]["input"]
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return {**said, "output": {"message": {"content": list(blocks.values())}}}


_ANSWERS: dict[str, Callable[[Any], Gist]] = {
    "openai-chat": _chat,
    "openai-responses": _responses,
    "anthropic": _anthropic,
    "google": _google,
    "bedrock": _bedrock,
}
_STREAMS: dict[str, Callable[[bytes], Any]] = {
    "openai-chat": _chat_chunks,
    "openai-responses": _responses_events,
    "anthropic": _anthropic_events,
    "google": _google_chunks,
    "bedrock": _bedrock_frames,
}
