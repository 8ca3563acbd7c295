"""Parts of messages in OpenTelemetry's shape, from those of providers, SDKs and frameworks. Pure.

`{type: text|reasoning, content}`, `{type: tool_call, id, name, arguments}`,
`{type: tool_call_response, id, response}`, `{type: blob, mime_type, modality, content}`,
`{type: uri, mime_type, modality, uri}`, `{type: file, file_id}`; what is none of these stays as it came.

Source: https://github.com/open-telemetry/semantic-conventions-genai, the JSON schemas of messages, 2026-11.
Read next: `conventions.messages`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from headgate.traces.conventions.texts import decoded

Fields = Mapping[str, Any]
Part = dict[str, Any]

_MODALITIES: Final = ("image", "audio", "video")
_OWN: Final = frozenset(
    {
        "tool_call_response",
        "blob",
        "uri",
        "server_tool_call",
        "server_tool_call_response",
        "compaction",
    }
)


def parts_of(content: object) -> list[Part]:
    """The parts of a message's content: a text, a list of parts of any dialect, or one part."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    if isinstance(content, dict):
        return part_of(cast("Fields", content))
    if isinstance(content, list):
        found: list[Part] = []
        for item in cast("list[object]", content):
            if isinstance(item, str):
                found.append({"type": "text", "content": item})
            elif isinstance(item, dict):
                found += part_of(cast("Fields", item))
        return found
    return []


def part_of(fields: Fields) -> list[Part]:
    """One part; OpenInference's stands in `message_content`. Empty for a part that says nothing."""
    inner = fields.get("message_content")
    if isinstance(inner, dict):
        fields = cast("Fields", inner)
    kind = fields.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is not None:
        return [read(fields)]
    if kind in _OWN:
        return [_own(fields)]
    if kind is None:
        for name, read_untyped in _UNTYPED:
            if name in fields:
                return [read_untyped(fields)]
    return [dict(fields)] if fields else []


def tool_call(call: Fields) -> Part:
    """A tool call of OpenAI (`function`), LangChain (`args`), OpenInference (`tool_call`) or Vercel."""
    inner = call.get("tool_call")
    if isinstance(inner, dict):
        call = cast("Fields", inner)
    function = call.get("function")
    named = cast("Fields", function) if isinstance(function, dict) else call
    return {
        "type": "tool_call",
        "id": _first(call, "call_id", "id", "toolCallId", "tool_call_id", "ref"),
        "name": _first(named, "name", "toolName", "tool_name"),
        "arguments": decoded(_first(named, "arguments", "args", "input")),
    }


def tool_response(fields: Fields) -> Part:
    """What a tool gave, of any dialect."""
    part: Part = {
        "type": "tool_call_response",
        "id": _first(fields, "call_id", "tool_call_id", "tool_use_id", "toolCallId", "id", "ref"),
        "response": _first(fields, "response", "result", "output", "content"),
    }
    if name := _first(fields, "name", "toolName", "tool_name"):
        part["name"] = name
    return part


def _first(fields: Fields, *names: str) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _own(fields: Fields) -> Part:
    if fields.get("type") == "tool_call_response" and "response" not in fields:
        return tool_response(fields)
    return {**fields}


def _text(fields: Fields) -> Part:
    return {"type": "text", "content": _first(fields, "content", "text", "refusal") or ""}


def _reasoning(fields: Fields) -> Part:
    said = _first(fields, "content", "thinking", "text", "reasoning", "summary")
    if isinstance(said, list):
        texts = [part.get("content") for part in parts_of(cast("list[object]", said))]
        said = "\n".join(text for text in texts if isinstance(text, str))
    return {"type": "reasoning", "content": said or ""}


def _media(fields: Fields) -> Part:
    """An image, a sound or a file of any dialect: its bytes (`blob`), its address (`uri`) or its id."""
    kind = str(fields.get("type", "")).replace("-", "_")
    modality = fields.get("modality") or next((word for word in _MODALITIES if word in kind), "document")
    inner = _first(
        fields, kind, "image_url", "image", "input_audio", "source", "file", "inlineData", "fileData"
    )
    held: Fields = cast("Fields", inner) if isinstance(inner, dict) else {**fields, "url": inner}
    if isinstance(held.get("image"), dict):
        held = cast("Fields", held["image"])
    mime = _first(held, "mime_type", "media_type", "mediaType", "mimeType", "format")
    if mime is None:
        mime = _first(fields, "mime_type", "media_type", "mediaType")
    shared: Part = {"modality": modality, **({"mime_type": mime} if mime else {})}
    address = _first(held, "url", "uri", "fileUri")
    if isinstance(address, str) and address.startswith("data:"):
        head, _, body = address.removeprefix("data:").partition(",")
        return {"type": "blob", **shared, "mime_type": head.partition(";")[0], "content": body}
    if address is not None:
        return {"type": "uri", **shared, "uri": address}
    if (data := _first(held, "data", "base64", "content", "file_data")) is not None:
        return {"type": "blob", **shared, "content": data}
    if (file_id := _first(held, "file_id", "fileId")) is not None:
        return {"type": "file", **shared, "file_id": file_id}
    return dict(fields)


def _called(fields: Fields) -> Part:
    call = _first(fields, "functionCall", "toolRequest", "toolUse", "tool_call")
    return tool_call(cast("Fields", call) if isinstance(call, dict) else fields)


def _answered(fields: Fields) -> Part:
    answer = _first(fields, "functionResponse", "toolResponse", "toolResult", "tool_call_result")
    return tool_response(cast("Fields", answer) if isinstance(answer, dict) else fields)


def _thought(fields: Fields) -> Part:
    return _reasoning(fields) if fields.get("thought") is True else _text(fields)


_READERS: Final[Mapping[str, Callable[[Fields], Part]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "refusal": _text,
    "reasoning": _reasoning,
    "thinking": _reasoning,
    "tool_call": tool_call,
    "tool_use": tool_call,
    "tool-call": tool_call,
    "function_call": tool_call,
    "tool_result": tool_response,
    "tool-result": tool_response,
    "function_call_output": tool_response,
    "image": _media,
    "image_url": _media,
    "image-url": _media,
    "input_image": _media,
    "audio": _media,
    "audio_url": _media,
    "audio-url": _media,
    "input_audio": _media,
    "video": _media,
    "video-url": _media,
    "document": _media,
    "document-url": _media,
    "file": _media,
    "input_file": _media,
    "binary": _media,
}
"""By the type that a part states."""

_UNTYPED: Final[tuple[tuple[str, Callable[[Fields], Part]], ...]] = (
    ("functionCall", _called),
    ("functionResponse", _answered),
    ("toolRequest", _called),
    ("toolResponse", _answered),
    ("toolUse", _called),
    ("toolResult", _answered),
    ("inlineData", _media),
    ("fileData", _media),
    ("tool_call", _called),
    ("tool_call_result", _answered),
    ("reasoning", _reasoning),
    ("text", _thought),
)
"""By the member that is there: parts of Google, Bedrock, Genkit and Haystack state no type."""
