"""What only its maker can read, taken out of a conversation that goes to another: seals, reasoning, its own.

Foreign reasoning is dropped, never turned into text that a model would take for its own words (trap 37);
seals go back to their maker only (33 to 35). Pure. Read next: `wire.dialects.turns`, `wire.dialects.seals`.
"""

from collections.abc import Iterable, Iterator

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import Media, NativePart, Part, Reasoning, Text, ToolCall, ToolResult
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.drafts import Draft, is_blank
from headgate.wire.dialects.seals import is_for


def own_only(
    drafts: Iterable[Draft], quirks: Quirks, own: AnyDialect | None, changes: Changes
) -> Iterator[Draft]:
    """The messages with no seal, reasoning or native part of another maker than the target's."""
    maker = quirks.maker or own or ""
    for draft in drafts:
        wants_back = quirks.wants_reasoning_back and draft.role == "assistant" and draft.has_calls()
        kept: list[Part] = []
        for part in draft.parts:
            mine = _mine(part, maker, own, wants_back=wants_back, changes=changes, where=draft.where)
            if mine is not None:
                kept.append(mine)
        if kept:  # what is left out is told, and so is the message that held nothing else
            draft.parts = kept
            yield draft


def _mine(
    part: Part, maker: str, own: AnyDialect | None, *, wants_back: bool, changes: Changes, where: str
) -> Part | None:
    match part:
        case Reasoning():
            return _reasoning(part, maker, wants_back=wants_back, changes=changes, where=where)
        case NativePart():
            if own is None or part.dialect == own:
                return part
            changes.alter(where, f"{own} has no part of the kind {part.kind}")
            return None
        case ToolResult():
            inner = [
                _mine(one, maker, own, wants_back=False, changes=changes, where=where) for one in part.parts
            ]
            kept = tuple(one for one in inner if one is not None)
            return part if kept == part.parts else msgspec.structs.replace(part, parts=kept)
        case Text() | Media() | ToolCall():
            if part.seal is None or is_for(part.seal, maker):
                return part
            changes.lose(where, "another provider's signature goes back to it only")
            bare = msgspec.structs.replace(part, seal=None)
            return None if is_blank(bare) else bare
        case _:
            return part


def _reasoning(
    part: Reasoning, maker: str, *, wants_back: bool, changes: Changes, where: str
) -> Reasoning | None:
    if is_for(part.seal, maker):
        return part
    if wants_back and part.seal is None:
        return part
    if wants_back and part.text.strip() and not part.is_redacted:
        changes.lose(where, "another provider's signature goes back to it only")
        return msgspec.structs.replace(part, seal=None)
    if part.text.strip() or part.seal is not None:
        changes.lose(where, "another provider's reasoning is no part of what the model said")
    return None
