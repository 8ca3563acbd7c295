"""The stream that answers a prepared call, as one to the call as it came. Pure.

Never holds back what is known to be of the answer. Read next: `wire.dialects.structured`, which prepares it.
"""

import msgspec

from headgate.core.chat import ChatCall, Text, ToolCall
from headgate.core.events import (
    ArgumentsDelta,
    CitationDelta,
    Event,
    Finished,
    PartBegan,
    PartEnded,
    SealDelta,
    TextDelta,
)
from headgate.core.quirks import Quirks
from headgate.wire.dialects.identifiers import names_of
from headgate.wire.dialects.structured import (
    answer_text,
    answer_tool,
    finish_of_text,
    is_wrapped,
    manner_of,
    without_fence,
)


def is_restored(call: ChatCall, quirks: Quirks) -> bool:
    """Whether anything of a stream is to be turned back."""
    return manner_of(call, quirks) in ("tool", "instruction") or bool(names_of(call, quirks).names)


class RestoredStream:
    """Turns the events of one stream back: the answer's form, and the names of tools.

    Text that comes before the answer's tool is held until it is known whether that tool comes; a text that
    begins with a code fence, until it ends.
    """

    def __init__(self, call: ChatCall, quirks: Quirks) -> None:
        self._call = call
        self._manner = manner_of(call, quirks)
        self._names = names_of(call, quirks)
        self._name = answer_tool(call)
        schema = call.output.schema if call.output is not None else None
        self._is_wrapped = schema is not None and is_wrapped(schema)
        self._answers: dict[int, list[str]] = {}
        self._answered: set[int] = set()
        self._other_tools: set[int] = set()
        self._held: dict[int, list[Event]] = {}
        self._texts: dict[int, int] = {}
        self._dropped: set[int] = set()
        self._fenced: dict[int, list[str]] = {}
        self._unseen: set[int] = set()

    def take(self, event: Event) -> list[Event]:
        """The events that one becomes, in order."""
        event = self._names.event(event)
        if self._manner == "tool":
            return self._of_tool(event)
        if self._manner == "instruction":
            return self._of_text(event)
        return [event]

    def end(self) -> list[Event]:
        """The stream has ended; what was held to its end."""
        held = [event for events in self._held.values() for event in events]
        self._held.clear()
        return held

    def _of_tool(self, event: Event) -> list[Event]:
        match event:
            case PartBegan():
                return self._began(event)
            case Finished():
                found = [*self._release(event.candidate)]
                if event.candidate in self._answered and event.candidate not in self._other_tools:
                    finish = finish_of_text(event.finish) or event.finish
                    event = msgspec.structs.replace(event, finish=finish)
                return [*found, event]
            case TextDelta() | ArgumentsDelta() | SealDelta() | CitationDelta() | PartEnded():
                return self._more(event)
            case _:
                return [event]

    def _began(self, event: PartBegan) -> list[Event]:
        candidate, part = event.candidate, event.part
        if isinstance(part, Text):
            if candidate in self._answered:
                self._dropped.add(event.number)
                return []
            if candidate in self._other_tools:
                return [event]
            self._texts[event.number] = candidate
            self._held.setdefault(candidate, []).append(event)
            return []
        if not isinstance(part, ToolCall):
            return [event]
        if part.name != self._name:
            self._other_tools.add(candidate)
            return [*self._release(candidate), event]
        if candidate in self._answered:
            self._dropped.add(event.number)
            return []
        self._answered.add(candidate)
        self._drop_held(candidate)
        self._answers[event.number] = [part.arguments] if self._is_wrapped else []
        text = "" if self._is_wrapped else part.arguments
        return [msgspec.structs.replace(event, part=Text(text=text, seal=part.seal))]

    def _more(self, event: TextDelta | ArgumentsDelta | SealDelta | CitationDelta | PartEnded) -> list[Event]:
        number = event.number
        if number in self._dropped:
            return []
        candidate = self._texts.get(number)
        if candidate is not None and candidate in self._held:
            self._held[candidate].append(event)
            return []
        pieces = self._answers.get(number)
        if pieces is None:
            return [event]
        if isinstance(event, ArgumentsDelta):
            if not self._is_wrapped:
                return [TextDelta(number=number, text=event.json)]
            pieces.append(event.json)
            return []
        if isinstance(event, PartEnded):
            del self._answers[number]
            ended = PartEnded(number=number)
            if not self._is_wrapped:
                return [ended]
            return [TextDelta(number=number, text=answer_text("".join(pieces), self._call)), ended]
        return [event]

    def _release(self, candidate: int) -> list[Event]:
        return self._held.pop(candidate, [])

    def _drop_held(self, candidate: int) -> None:
        for event in self._held.pop(candidate, []):
            if isinstance(event, PartBegan):
                self._dropped.add(event.number)

    def _of_text(self, event: Event) -> list[Event]:
        match event:
            case PartBegan() if isinstance(event.part, Text):
                if not event.part.text:
                    self._unseen.add(event.number)
                return [event]
            case TextDelta():
                return self._piece(event)
            case PartEnded() if event.number in self._fenced:
                text = without_fence("".join(self._fenced.pop(event.number)))
                return [TextDelta(number=event.number, text=text), event]
            case _:
                return [event]

    def _piece(self, event: TextDelta) -> list[Event]:
        number = event.number
        if number in self._unseen and event.text.strip():
            self._unseen.discard(number)
            if event.text.lstrip().startswith("`"):
                self._fenced[number] = []
        if number in self._fenced:
            self._fenced[number].append(event.text)
            return []
        return [event]
