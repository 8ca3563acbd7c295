"""Which parts of a call cost what its bytes do not bound: images, audio, files, server tools, stored state.

Counts and names them; says nothing of prices (`catalog.bound`). A plain text call is told by the absence of
a few byte strings; only others are decoded. Read next: `wire.reading`.
"""

import json
from collections.abc import Iterator
from typing import Any, cast

from headgate.core.call import ServerTool
from headgate.core.faults import InvalidRequest
from headgate.wire.members import (
    Member,
    Members,
    Watched,
    count_of,
    flag_of,
    is_null,
    items_of,
    read_members,
    text_of,
)
from headgate.wire.model import NO_MEDIA, Media

_IMAGE_TYPES = frozenset({"image_url", "input_image", "image"})
_AUDIO_TYPES = frozenset({"input_audio", "audio"})
_FILE_TYPES = frozenset({"file", "input_file", "document", "video_url", "input_video"})
_UNBOUNDED_TYPES = {
    "container_upload": "file id",
    "item_reference": "stored item",
    "computer_call_output": "computer screenshots",
}
_TOOL = Watched("type", "name", "function", "max_uses", "execution")
_USES_MAX = 1_000_000
_TOOLS_MAX = 16
_REASONING = Watched("mode")
_GOOGLE_TOOL = Watched("functionDeclarations", "function_declarations")
_CLIENT_TOOL_TYPES = frozenset({"function", "custom", "local_shell", "apply_patch"})
_ANTHROPIC_CLIENT_TOOLS = ("bash_", "text_editor_", "computer_", "memory_")
_STATE_MEMBERS = {
    "previous_response_id": "previous_response_id",
    "conversation": "conversation",
    "prompt": "stored prompt",
    "mcp_servers": "MCP servers",
    "container": "container",
    "web_search_options": "server tool web_search",
    "plugins": "plugins",
    "compound_custom": "server tools",
    "search_parameters": "server tool live search",
    "cachedContent": "cached content",
    "cached_content": "cached content",
}


class _Found:
    """What has been found so far."""

    __slots__ = ("audio", "files", "images", "inline", "server_tools", "unbounded")

    def __init__(self) -> None:
        self.images = 0
        self.audio = 0
        self.files = 0
        self.inline: dict[int, int] = {}
        self.unbounded: list[str] = []
        self.server_tools: list[ServerTool] = []

    def name(self, reason: str) -> None:
        if reason not in self.unbounded and len(self.unbounded) < 16:
            self.unbounded.append(reason)

    def add_inline(self, value: object) -> None:
        """Note what is encoded and no text: a URL, or base64. The same text counts once, however found."""
        if isinstance(value, str) and value.isascii() and " " not in value:
            self.inline[id(value)] = len(value)

    def media(self) -> Media:
        if not (self.images or self.audio or self.files or self.unbounded or self.server_tools):
            return NO_MEDIA
        return Media(
            images=self.images,
            audio=self.audio,
            files=self.files,
            inline_bytes=sum(self.inline.values()),
            unbounded=tuple(self.unbounded),
            server_tools=tuple(self.server_tools),
        )


def openai_media(members: Members, content: str, responses: bool) -> Media:
    """What an OpenAI call holds beyond text. `content` names the member with the messages or inputs."""
    if _BEYOND_TEXT.isdisjoint(members) and not _has_parts(members.get(content)):
        return NO_MEDIA
    found = _Found()
    _find_state(members, found, responses)
    _find_parts(members, content, found)
    if "tools" in members and not is_null(members["tools"]):
        _find_openai_tools(members, found)
    if "modalities" in members and b"audio" in members["modalities"].raw:
        found.audio += 1
    if responses and not is_null(members.get("reasoning")):
        mode = text_of(read_members(members["reasoning"].raw, _REASONING, "reasoning").get("mode"))
        if mode not in (None, "auto", "default", "standard"):
            found.name(f"reasoning mode {mode[:64]}")  # several runs for one answer
    if "background" in members and flag_of(members["background"]):
        found.name("background")
    return found.media()


def anthropic_media(members: Members) -> Media:
    """What an Anthropic call holds beyond text."""
    found = _Found()
    _find_state(members, found, responses=False)
    for content in ("messages", "system"):
        _find_parts(members, content, found)
    if "tools" in members and not is_null(members["tools"]):
        _find_anthropic_tools(members, found)
    geography = text_of(members.get("inference_geo"))
    if geography not in (None, "global"):
        found.name("inference_geo")
    return found.media()


def google_media(members: Members) -> Media:
    """What a Google call holds beyond text."""
    found = _Found()
    _find_state(members, found, responses=False)
    for content in ("contents", "content", "requests", "systemInstruction", "system_instruction"):
        _find_parts(members, content, found)
    if "tools" in members and not is_null(members["tools"]):
        given = members["tools"]
        # Google takes one object for an array of one.
        items = [given.raw] if given.raw.startswith(b"{") else [bytes(item) for item in items_of(given)]
        for item in items:
            for name, tool in read_members(item, _GOOGLE_TOOL, "tools").items():
                if name not in _GOOGLE_TOOL.names and not is_null(tool):
                    found.name(f"server tool {name[:64]}")
    return found.media()


_STATE_NAMES = frozenset(_STATE_MEMBERS)
_BEYOND_TEXT = _STATE_NAMES | {"tools", "modalities", "reasoning", "background"}
WEIGHED = _BEYOND_TEXT | {"inference_geo"}
"""Members that decide what a call holds beyond text, besides messages."""
WEIGHTLESS = frozenset({"reasoning.effort", "reasoning.summary"})
"""Parts of them that decide nothing."""


def _find_state(members: Members, found: _Found, responses: bool) -> None:
    if _STATE_NAMES.isdisjoint(members):
        return
    for name, reason in _STATE_MEMBERS.items():
        if name in members and not is_null(members[name]):
            if name == "prompt" and not responses:
                continue
            found.name(reason)


def _typed_tools(members: Members) -> Iterator[tuple[str, Members]]:
    """The tools that no client runs, by their type."""
    for item in items_of(members["tools"]):
        tool = read_members(bytes(item), _TOOL, "tools")
        kind = text_of(tool.get("type"))
        if kind is None or kind in _CLIENT_TOOL_TYPES:
            continue
        if kind.startswith(_ANTHROPIC_CLIENT_TOOLS) or (kind == "namespace" and "tools" in tool):
            continue
        yield kind, tool


def _find_openai_tools(members: Members, found: _Found) -> None:
    for kind, tool in _typed_tools(members):
        if kind == "tool_search" and text_of(tool.get("execution")) == "client":
            continue
        found.name(f"server tool {kind[:64]}")


def _find_anthropic_tools(members: Members, found: _Found) -> None:
    for kind, tool in _typed_tools(members):
        if len(found.server_tools) == _TOOLS_MAX:
            found.name("more than sixteen server tools")
            return
        found.server_tools.append(ServerTool(kind[:64], count_of(tool.get("max_uses"), _USES_MAX)))


_TELLTALES = (b'"type"', b"\\u00", b"Data", b"_data", b"image_url", b"input_audio")


def _has_parts(member: Member | None) -> bool:
    """Whether there may be a part in it that is no text.

    OpenAI's and Anthropic's are told by their type, Google's by inlineData and fileData; escapes may spell
    any of them.
    """
    if member is None:
        return False
    # Not by `in`, which first tries each text as a number, and raises inside.
    return max(map(member.raw.find, _TELLTALES)) >= 0


def _find_parts(members: Members, content: str, found: _Found) -> None:
    member = members.get(content)
    if member is not None and _has_parts(member):
        _find_in(_decode(member.raw, member.path), found)


def _decode(raw: bytes, path: str) -> object:
    try:
        return json.loads(raw, object_pairs_hook=_object)
    except _DuplicateError as error:
        raise InvalidRequest(
            f"{path} has a part with {error} given twice, and providers disagree on which one counts; "
            "give it once",
            parameter=path,
        ) from None
    except (ValueError, RecursionError):
        raise InvalidRequest(f"{path} is no valid JSON, or nested too deeply", parameter=path) from None


class _DuplicateError(Exception):
    """A key stands twice in one object."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateError(repr(key[:64]))
            seen.add(key)
    return members


def _find_in(root: object, found: _Found) -> None:
    for part in _objects(root):
        kind = part.get("type")
        if not isinstance(kind, str):
            kind = next((name for name in ("image_url", "input_audio") if name in part), "")
        _find_typed(kind, part, found)
        _find_google(part, found)


def _objects(root: object) -> Iterator[dict[str, Any]]:
    """Every object below the root. Not those in tool arguments and results that are plain data."""
    pending: list[object] = [root]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value)
            yield members
            pending.extend(inner for name, inner in members.items() if name not in _PLAIN_DATA)
        elif isinstance(value, list):
            pending.extend(cast("list[object]", value))


_PLAIN_DATA = frozenset({"args", "arguments", "functionCall", "function_call", "tool_calls"})


def _find_typed(kind: str, part: dict[str, Any], found: _Found) -> None:
    if kind in _IMAGE_TYPES:
        found.images += 1
        _find_inline(part, found)
        if _has_file_id(part):
            found.name("file id")
    elif kind in _AUDIO_TYPES:
        found.audio += 1
        _find_inline(part, found)
    elif kind in _FILE_TYPES:
        found.files += 1
        _find_inline(part, found)
        if _has_file_id(part):
            found.name("file id")
    elif kind in _UNBOUNDED_TYPES:
        found.name(_UNBOUNDED_TYPES[kind])


def _has_file_id(part: dict[str, Any]) -> bool:
    return any(
        isinstance(holder, dict) and cast("dict[str, Any]", holder).get("file_id")
        for holder in (part, part.get("file"), part.get("source"))
    )


_HOLDERS = ("image_url", "input_audio", "file", "source")
_INLINE = ("url", "data", "file_data")


def _find_inline(part: dict[str, Any], found: _Found) -> None:
    """Find the encoded media of a part. Text documents are text, and count as such."""
    for holder in (part, *(part.get(name) for name in _HOLDERS)):
        if isinstance(holder, str):
            found.add_inline(holder)
        elif isinstance(holder, dict):
            members = cast("dict[str, Any]", holder)
            if members.get("type") != "text":
                for name in _INLINE:
                    found.add_inline(members.get(name))


def _find_google(part: dict[str, Any], found: _Found) -> None:
    inline = part.get("inlineData") or part.get("inline_data")
    if isinstance(inline, dict):
        data = cast("dict[str, Any]", inline)
        kind = str(data.get("mimeType") or data.get("mime_type") or "")
        if not kind.startswith("text/"):
            found.add_inline(data.get("data"))
        if kind.startswith("image/"):
            found.images += 1
        elif kind.startswith("audio/"):
            found.audio += 1
        else:
            found.files += 1
    if part.get("fileData") or part.get("file_data"):
        if part.get("type") in ("file", "input_file"):
            return  # OpenAI's name for base64 bytes, counted by its type
        found.files += 1
