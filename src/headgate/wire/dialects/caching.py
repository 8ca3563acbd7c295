"""For how long cache marks hold, as a target can be told. Pure.

OpenAI says it for the whole call (`prompt_cache_options`, `prompt_cache_retention`), others at each mark. A
target that knows only some lifetimes is told the shortest that is long enough, else its longest (trap 48).
Never makes a mark where none is. Read next: `core.quirks`, any dialect's `parts_out`.
"""

import re
from typing import Final, cast

import msgspec

from headgate.core.chat import (
    CacheMark,
    ChatCall,
    FunctionTool,
    Media,
    Message,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes

_LIFETIME: Final = re.compile(r"(\d{1,6})([smhd])")
_MARKABLE: Final = (Text, Media, ToolCall, ToolResult)
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def fitted(call: ChatCall, quirks: Quirks, changes: Changes) -> ChatCall:
    """The call with marks that hold as long as the target can be told, and what that changes."""
    known = quirks.cache_ttls
    if not known or not _has_marks(call):
        return call
    fitting = _Fitting(known, _asked(call), changes)
    messages = tuple([fitting.message(one) for one in call.messages])
    return msgspec.structs.replace(call, messages=messages, tools=tuple(map(fitting.tool, call.tools)))


class _Fitting:
    def __init__(self, known: tuple[str, ...], asked: str | None, changes: Changes) -> None:
        self._known = known
        self._asked = asked
        self._changes = changes
        self._told: set[str] = set()

    def message(self, message: Message) -> Message:
        if not any(map(_is_marked, message.parts)):
            return message
        return msgspec.structs.replace(message, parts=tuple(map(self.part, message.parts)))

    def part(self, part: Part) -> Part:
        if isinstance(part, ToolResult) and any(map(_is_marked, part.parts)):
            part = msgspec.structs.replace(part, parts=tuple(map(self.part, part.parts)))
        if not isinstance(part, _MARKABLE) or part.cache is None:
            return part
        return msgspec.structs.replace(part, cache=self._fit(part.cache))

    def tool(self, tool: Tool) -> Tool:
        if not isinstance(tool, FunctionTool) or tool.cache is None:
            return tool
        return msgspec.structs.replace(tool, cache=self._fit(tool.cache))

    def _fit(self, mark: CacheMark) -> CacheMark:
        ttl = mark.ttl or self._asked
        if ttl is None or ttl in self._known:
            return CacheMark(ttl)
        wanted_s = _seconds(ttl)
        lives = [(_seconds(one) or 0, one) for one in self._known]
        long_enough = [one for seconds, one in lives if wanted_s is not None and seconds >= wanted_s]
        found = long_enough[0] if long_enough else self._known[-1]
        if ttl not in self._told:
            self._told.add(ttl)
            said = f"a prefix is kept for {' or '.join(self._known)} there: {found} for {ttl[:20]}"
            self._changes.lose("cache_control.ttl", said)
        return CacheMark(found)


def _has_marks(call: ChatCall) -> bool:
    for message in call.messages:
        for part in message.parts:
            if _is_marked(part):
                return True
    return any(isinstance(tool, FunctionTool) and tool.cache is not None for tool in call.tools)


def _is_marked(part: Part) -> bool:
    if not isinstance(part, _MARKABLE):
        return False
    if part.cache is not None:
        return True
    return isinstance(part, ToolResult) and any(map(_is_marked, part.parts))


def _asked(call: ChatCall) -> str | None:
    """What the whole call says of its marks, in the words of OpenAI's dialects."""
    fields = call.native.fields if call.native is not None else {}
    options = fields.get("prompt_cache_options")
    ttl = cast("dict[str, object]", options).get("ttl") if isinstance(options, dict) else None
    found = ttl or fields.get("prompt_cache_retention")
    return found if isinstance(found, str) and _seconds(found) is not None else None


def _seconds(ttl: str) -> int | None:
    found = _LIFETIME.fullmatch(ttl)
    return int(found[1]) * _UNIT_S[found[2]] if found else None
