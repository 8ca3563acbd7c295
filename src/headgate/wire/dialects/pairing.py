"""Tool calls and their results brought together: results directly after their calls, ids that fit. Pure.

Never invents a call or a result: one without the other is told, and kept where it can be said (trap 30).
Read next: `wire.dialects.turns`.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from headgate.core.chat import Native, Part, Text, ToolCall, ToolResult
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.drafts import Draft, joined
from headgate.wire.dialects.identifiers import Names, Rule, derived, fitting

_Key = tuple[str, str]

UNSAID: Final = "nothing"


class _Waiting:
    """A call that waits for its result."""

    __slots__ = ("call", "order", "result", "turn")

    def __init__(self, call: ToolCall, turn: "_Turn", order: int) -> None:
        self.call = call
        self.turn = turn
        self.order = order
        self.result: ToolResult | None = None


class _Turn:
    """An assistant's turn that calls tools."""

    __slots__ = ("draft", "native", "waiting", "where")

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.waiting: list[_Waiting] = []
        self.where = ""
        self.native: Native | None = None

    def results(self) -> Draft | None:
        """The user's message that brings all results, in the order of the calls."""
        found = [one.result for one in self.waiting if one.result is not None]
        if not found:
            return None
        draft = Draft("user", found, self.where)
        draft.native = self.native
        return draft


class _Index:
    """Calls by what their results may name, the latest turn's first; each answered once."""

    def __init__(self) -> None:
        self._found: dict[_Key, list[deque[_Waiting]]] = {}

    def add(self, waiting: _Waiting, identifier: str) -> None:
        name = waiting.call.name
        keys: list[_Key] = [("name", name), ("any", "")]
        keys.extend([("id", identifier)] if identifier else [("bare", name)])
        for key in keys:
            turns = self._found.setdefault(key, [])
            if not turns or turns[-1][0].turn is not waiting.turn:
                turns.append(deque())
            turns[-1].append(waiting)

    def take(self, result: ToolResult, name: str) -> _Waiting | None:
        """The call that a result answers: by its id, else by its name, else the first that waits."""
        if result.call_id:
            return self._first(("id", result.call_id)) or self._first(("bare", name))
        return self._first(("name", name) if name else ("any", ""))

    def _first(self, key: _Key) -> _Waiting | None:
        turns = self._found.get(key, [])
        while turns:
            latest = turns[-1]
            while len(latest) > 1 and latest[0].result is not None:
                latest.popleft()
            if latest[0].result is None:
                return latest[0]
            turns.pop()
        return None


class Pairing:
    """One conversation while its calls and results are brought together."""

    def __init__(self, rule: Rule, names: Names, changes: Changes) -> None:
        self._rule: Rule = rule
        self._names = names
        self._changes = changes
        self._index = _Index()
        self._ids: set[str] = set()
        self._out: list[Draft] = []
        self._turns: dict[int, _Turn] = {}
        self._latest: _Turn | None = None
        self._last_assistant: Draft | None = None
        self._place = 0

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """The conversation with each result at the head of a user's message directly after its call."""
        for draft in drafts:
            if draft.role == "assistant":
                self._call(draft)
            elif draft.has_results():
                self._answer(draft)
            else:
                self._out.append(draft)
        for turn in self._turns.values():
            self._leave_out_orphans(turn)
        return list(self._with_results())

    def _call(self, draft: Draft) -> None:
        self._out.append(draft)
        self._last_assistant = draft
        turn = _Turn(draft)
        for order, part in enumerate(draft.parts):
            if isinstance(part, ToolCall):
                named = msgspec.structs.replace(
                    part, id=self._identifier(part.id, draft.where), name=self._name(part.name, draft.where)
                )
                draft.parts[order] = named
                waiting = _Waiting(named, turn, order)
                turn.waiting.append(waiting)
                self._index.add(waiting, part.id)
        if turn.waiting:
            self._turns[id(draft)] = self._latest = turn

    def _identifier(self, identifier: str, where: str) -> str:
        place = self._place
        self._place += 1
        found = fitting(identifier, self._rule, place)
        while found in self._ids:
            found = derived(identifier, self._rule, place)
            place += 1
        self._ids.add(found)
        if found != identifier:
            self._changes.note(where, "the target takes other ids of tool calls")
        return found

    def _name(self, name: str, where: str) -> str:
        alias = self._names.there(name)
        if alias != name:
            self._changes.note(where, f"the target takes no tool of this name, it knows it as {alias}")
        return alias

    def _answer(self, draft: Draft) -> None:
        rest: list[Part] = []
        for part in draft.parts:
            if not isinstance(part, ToolResult):
                rest.append(part)
                continue
            waiting = self._index.take(part, self._names.there(part.name))
            if waiting is None:
                rest.extend(self._orphan(part, draft.where))
                continue
            waiting.result = msgspec.structs.replace(part, call_id=waiting.call.id, name=waiting.call.name)
            self._seat(waiting.turn, draft, has_before=bool(rest))
        if rest:
            draft.role, draft.parts = "user", rest
            self._out.append(draft)
        elif isinstance(draft.follows, _Turn):
            draft.follows.native = joined(draft.follows.native, draft.native)

    def _seat(self, turn: _Turn, draft: Draft, *, has_before: bool) -> None:
        turn.where = turn.where or draft.where
        if turn is self._latest and self._last_assistant is turn.draft:
            draft.follows = turn
            if has_before or not (self._out[-1] is turn.draft or self._came_with(turn)):
                self._changes.note(draft.where, "results stand directly after their calls")
        else:
            self._changes.alter(draft.where, "a result is moved back to its call, past another turn")

    def _came_with(self, turn: _Turn) -> bool:
        return self._out[-1].follows is turn

    def _orphan(self, result: ToolResult, where: str) -> list[Part]:
        self._changes.alter(where, "a result of no call in this conversation is written as text")
        name = f' of the tool "{result.name}"' if result.name else ""
        label = Text(text=f"Result{name} for a call that is not part of this conversation:")
        return [label, *(result.parts or (Text(text=UNSAID),))]

    def _leave_out_orphans(self, turn: _Turn) -> None:
        orphans = {one.order for one in turn.waiting if one.result is None}
        if not orphans:
            return
        draft = turn.draft
        self._changes.alter(draft.where, "a call of a tool that no result follows is left out")
        draft.parts = [part for order, part in enumerate(draft.parts) if order not in orphans]

    def _with_results(self) -> Iterator[Draft]:
        held: Draft | None = None
        held_of: _Turn | None = None
        for draft in self._out:
            if held is not None:
                if draft.follows is held_of and draft.role == "user":
                    held.absorb(draft)
                    held.name = draft.name
                    yield held
                    held = None
                    continue
                yield held
                held = None
            yield draft
            held_of = self._turns.get(id(draft))
            if held_of is not None:
                held = held_of.results()
        if held is not None:
            yield held
