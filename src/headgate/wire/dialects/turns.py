"""A conversation in the order and form that a target takes, whichever dialect it came in. Pure.

Never asks who a provider is (`core.quirks`), never invents what nobody said but for the few words of
`FILLERS`, which are told. Arranging twice changes nothing more. Read next: `wire.dialects.pairing`,
`wire.dialects.offered`.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final

import msgspec

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatCall, Media, Message, Part, Reasoning, Role, Text, ToolCall, ToolResult
from headgate.core.quirks import MediaKind, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.drafts import APART, Draft, drafts_of, is_blank
from headgate.wire.dialects.foreign import own_only
from headgate.wire.dialects.identifiers import names_of
from headgate.wire.dialects.offered import chosen, declared, parallel
from headgate.wire.dialects.pairing import Pairing

__all__ = ["FILLERS", "OPENAI", "arranged", "chosen", "declared", "parallel"]

BEGIN: Final = "(The conversation begins with the assistant.)"
BETWEEN: Final = "OK."
CONTINUE: Final = "Continue."
NOTHING: Final = "(The user says nothing.)"
SYSTEM: Final = ("<system>", "</system>")
FILLERS: Final = frozenset({BEGIN, BETWEEN, CONTINUE, NOTHING, *SYSTEM})
"""All that is ever put into a conversation, where a target takes no other order."""

_SYSTEM: Final = ("system", "developer")
_OF_TOOLS: Final = (ToolCall, ToolResult)
_SEATS: Final[dict[type, Role]] = {ToolCall: "assistant", Reasoning: "assistant", ToolResult: "user"}
"""Whose message a part belongs to that only one role has."""

ALL_MEDIA: Final[frozenset[MediaKind]] = frozenset({"image", "audio", "video", "file"})
OPENAI: Final[frozenset[AnyDialect]] = frozenset({"openai", "openai-chat", "openai-responses"})
"""The dialects that have a developer's role."""


def arranged(
    call: ChatCall, quirks: Quirks, changes: Changes, *, own: AnyDialect | None = None
) -> tuple[Message, ...]:
    """The messages of a call in normal form, with every rule of the target kept.

    Roles are `system` (and `developer`, where both dialect and target have it), `user` and `assistant`.
    Results are `ToolResult` parts at the head of a user's message directly after the message of their calls,
    in the order of the calls, named. No part is blank, and no message of the assistant follows another.
    `own` is the dialect that is written: its parts and, where `quirks.maker` is empty, its seals are kept,
    those of all others go; without it no seal is kept that `quirks.maker` does not name.
    """
    drafts = list(_seated(_roles(drafts_of(call), quirks, own), changes))
    drafts = _solid(drafts, changes, is_note=call.dialect != "openai-responses")
    if any(type(part) in _OF_TOOLS for draft in drafts for part in draft.parts):
        drafts = Pairing(quirks.tool_ids, names_of(call, quirks), changes).run(drafts)
        refused = quirks.refused_in_results if quirks.takes_media_in_results else ALL_MEDIA
        for draft in drafts if refused else ():
            _move_media(draft, refused, changes)
        drafts = _solid(drafts, changes, is_note=True)
    kept = list(own_only(drafts, quirks, own, changes))
    drafts = kept if len(kept) == len(drafts) else _solid(kept, changes, is_note=True)
    if own in APART or quirks.is_system_first or quirks.is_alternating or not quirks.has_system_role:
        moved = _systems(drafts, quirks, changes)
        drafts = moved if moved is drafts else _solid(moved, changes, is_note=True)
    for draft in drafts:
        _reasoning_first(draft, quirks, changes)
    if quirks.are_results_alone or not quirks.takes_user_after_tool:
        drafts = list(_spaced(_apart(drafts), quirks, changes))
    if quirks.is_alternating:
        drafts = _alternating(drafts, changes)
    if not quirks.takes_parallel_calls:
        drafts = list(_one_by_one(drafts, changes))
    _end(drafts, quirks, changes)
    if call.messages and not any(draft.role in ("user", "assistant") for draft in drafts):
        _begin(drafts, changes, is_needed=own in APART)
    return tuple(draft.message() for draft in drafts)


def _roles(drafts: list[Draft], quirks: Quirks, own: AnyDialect | None) -> list[Draft]:
    has_developer = quirks.has_developer_role and own in OPENAI
    for draft in drafts:
        if draft.role == "developer" and not has_developer:
            draft.role = "system"
        elif draft.role == "tool":
            draft.role = "user"
    return drafts


def _seated(drafts: Iterable[Draft], changes: Changes) -> Iterator[Draft]:
    """Calls and reasoning in the assistant's messages only, and results in the user's."""
    for draft in drafts:
        role = draft.role
        if all(_SEATS.get(type(part), role) == role for part in draft.parts):
            yield draft
            continue
        changes.alter(draft.where, f"a message of the {role} holds parts of another role: it is split")
        native, name = draft.native, draft.name
        seated: list[tuple[Role, Part]] = [(_SEATS.get(type(part), role), part) for part in draft.parts]
        for seat, run_parts in groupby(seated, itemgetter(0)):
            run = Draft(seat, (part for _, part in run_parts), draft.where)
            if seat == role:
                run.native, run.name, native = native, name, None
            yield run


def _solid(drafts: Iterable[Draft], changes: Changes, *, is_note: bool) -> list[Draft]:
    """Without blank parts and empty messages, and with what an assistant says in one turn as one message."""
    found: list[Draft] = []
    for draft in drafts:
        kept = draft.parts
        if any(map(is_blank, kept)):
            kept = [part for part in kept if not is_blank(part)]
        if not kept:
            changes.note(draft.where, "a message without a word is left out")
            continue
        draft.parts = kept
        if found and draft.role == "assistant" == found[-1].role:
            if is_note:
                changes.note(draft.where, "the assistant's messages in a row are one turn")
            found[-1].absorb(draft)
            continue
        found.append(draft)
    return found


def _reasoning_first(draft: Draft, quirks: Quirks, changes: Changes) -> None:
    if draft.role != "assistant":
        return
    first: list[Part] = [part for part in draft.parts if isinstance(part, Reasoning)]
    if not first and quirks.wants_reasoning_back and draft.has_calls():
        first.append(Reasoning())
        changes.note(draft.where, "the target wants the reasoning of a turn with calls: it is empty")
    elif not first or isinstance(draft.parts[0], Reasoning):
        return
    else:
        changes.note(draft.where, "reasoning stands first in its turn")
    draft.parts = [*first, *(part for part in draft.parts if not isinstance(part, Reasoning))]


def _move_media(draft: Draft, refused: frozenset[MediaKind], changes: Changes) -> None:
    """Images out of results, to stand behind them with a label (trap 32)."""
    moved: list[Part] = []
    for order, part in enumerate(draft.parts):
        if not isinstance(part, ToolResult) or not any(_is_of(inner, refused) for inner in part.parts):
            continue
        kept: list[Part] = []
        for inner in part.parts:
            if not isinstance(inner, Media) or inner.kind not in refused:
                kept.append(inner)
                continue
            label = f'The {inner.kind} that tool "{part.name}" gave for call {part.call_id}'
            kept.append(Text(text=f"({label} follows.)"))
            moved.extend((Text(text=f"{label}:"), inner))
        draft.parts[order] = msgspec.structs.replace(part, parts=tuple(kept))
        changes.note(draft.where, "media of a tool's result stand behind it, with a label")
    if moved:
        heads = sum(isinstance(part, ToolResult) for part in draft.parts)
        draft.parts[heads:heads] = moved


def _is_of(part: Part, kinds: frozenset[MediaKind]) -> bool:
    return isinstance(part, Media) and part.kind in kinds


def _systems(drafts: list[Draft], quirks: Quirks, changes: Changes) -> list[Draft]:
    """System messages before all others, or in the user's first turn; later ones stay where they are (41)."""
    if quirks.has_system_role and all(draft.role not in _SYSTEM for draft in drafts[1:]):
        return drafts
    first: list[Draft] = []
    others: list[Draft] = []
    for draft, follower in zip(drafts, [*drafts, None][1:], strict=True):
        if draft.role not in _SYSTEM:
            others.append(draft)
        elif not others:
            first.append(draft)
        elif quirks.takes_system_after_user and _is_between(others[-1], follower):
            others.append(draft)
        else:
            others.append(_said_by_user(draft, changes))
    if quirks.has_system_role or not first:
        return [*first, *others]
    opening = Draft("user", (), first[0].where)
    for draft in first:
        changes.note(draft.where, "the model has no system role: it opens the user's first turn")
        opening.absorb(draft)
    if others and others[0].role == "user" and not others[0].has_results():
        opening.name = None
        opening.absorb(others.pop(0))
    return [opening, *others]


def _is_between(before: Draft, after: Draft | None) -> bool:
    """Whether a system message stands after a user's turn, and nobody but the assistant speaks next.

    Source: Anthropic's "Mid-conversation system messages", limitations.
    """
    return before.role == "user" and (after is None or after.role == "assistant")


def _said_by_user(draft: Draft, changes: Changes) -> Draft:
    """For where no system message can stand in the middle. At the beginning it would hold for what came
    before it, and no prefix of the conversation would stay as it was."""
    changes.note(draft.where, "a system message in the middle is said by the user, in tags")
    draft.role = "user"
    draft.parts = [Text(text=SYSTEM[0]), *draft.parts, Text(text=SYSTEM[1])]
    return draft


def _apart(drafts: Iterable[Draft]) -> Iterator[Draft]:
    """Results in a message of their own."""
    for draft in drafts:
        rest: list[Part] = [part for part in draft.parts if not isinstance(part, ToolResult)]
        if rest and len(rest) < len(draft.parts):
            yield Draft("user", (part for part in draft.parts if isinstance(part, ToolResult)), draft.where)
            draft.parts = rest
        yield draft


def _one_by_one(drafts: list[Draft], changes: Changes) -> Iterator[Draft]:
    """Each call in a turn of its own, with its result after it (25); what else the user says comes last."""
    for draft, follower in zip(drafts, [*drafts, None][1:], strict=True):
        calls = [part for part in draft.parts if isinstance(part, ToolCall)]
        if len(calls) < 2 or follower is None or follower.role != "user":
            yield draft
            continue
        changes.note(draft.where, "the target takes one call a turn: each has a turn of its own")
        results = {part.call_id: part for part in follower.parts if isinstance(part, ToolResult)}
        last = calls[-1]
        for place, call in enumerate(calls):
            turn = Draft("assistant", (call,), draft.where)
            if place == 0:
                turn.parts[:0] = [part for part in draft.parts if not isinstance(part, ToolCall)]
                turn.native, turn.name = draft.native, draft.name
            yield turn
            if call is not last and call.id in results:
                yield Draft("user", (results.pop(call.id),), follower.where)
        follower.parts = [
            part for part in follower.parts if not isinstance(part, ToolResult) or part.call_id in results
        ]


def _spaced(drafts: Iterable[Draft], quirks: Quirks, changes: Changes) -> Iterator[Draft]:
    """An assistant's turn between results and the user, where the target takes no user after a tool (27)."""
    is_spaced = not quirks.takes_user_after_tool or (quirks.are_results_alone and quirks.is_alternating)
    after_results = False
    for draft in drafts:
        if is_spaced and after_results and draft.role == "user":
            changes.note(draft.where, f"no user speaks after a tool there: the assistant says {BETWEEN!r}")
            yield Draft("assistant", (Text(text=BETWEEN),), draft.where)
        if draft.role in ("user", "assistant"):
            after_results = draft.has_results()
        yield draft


def _alternating(drafts: list[Draft], changes: Changes) -> list[Draft]:
    found: list[Draft] = []
    for draft in drafts:
        last = found[-1] if found else None
        if draft.role == "user" and last is not None and last.role == "user":
            changes.note(draft.where, "the user's messages in a row are one turn")
            if last.name != draft.name:
                changes.lose(draft.where, "two speakers in one turn have no names")
            last.absorb(draft)
            continue
        if draft.role == "assistant" and all(one.role in _SYSTEM for one in found):
            changes.alter(draft.where, f"the target begins with the user, who says {BEGIN!r}")
            found.append(Draft("user", (Text(text=BEGIN),), draft.where))
        found.append(draft)
    return found


def _begin(drafts: list[Draft], changes: Changes, *, is_needed: bool) -> None:
    """Something to answer, where nobody says a word and the target takes no system messages alone."""
    if drafts and not is_needed:
        return
    where = drafts[-1].where if drafts else "messages"
    changes.alter(where, f"the target wants something to answer: the user says {NOTHING!r}")
    drafts.append(Draft("user", (Text(text=NOTHING),), where))


def _end(drafts: list[Draft], quirks: Quirks, changes: Changes) -> None:
    """How a conversation ends that the assistant is to go on with (42)."""
    if not drafts or drafts[-1].role != "assistant":
        return
    last = drafts[-1]
    if not quirks.takes_prefill:
        changes.alter(last.where, f"the target takes no beginning of its answer: the user says {CONTINUE!r}")
        drafts.append(Draft("user", (Text(text=CONTINUE),), last.where))
        return
    part = last.parts[-1]
    if isinstance(part, Text) and part.text != part.text.rstrip():
        last.parts[-1] = msgspec.structs.replace(part, text=part.text.rstrip())
        changes.note(last.where, "white space at the end of a beginning is left out")
