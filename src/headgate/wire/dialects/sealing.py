"""Seals of one provider marked as its alone, where others of the same dialect refuse them (35). Pure.

Codecs name the dialect as the maker; who a provider is, they never know. Read next: `wire.dialects.seals`,
`wire.translating`.
"""

import msgspec

from headgate.core.chat import ChatAnswer, Media, Part, Reasoning, Seal, Text, ToolCall
from headgate.core.events import Event, PartBegan, SealDelta


def stamped_answer(answer: ChatAnswer, maker: str) -> ChatAnswer:
    """The answer with the maker on each of its own seals; the same where there is no maker to name."""
    if not maker:
        return answer
    candidates = [
        msgspec.structs.replace(one, parts=tuple(_stamped(part, maker) for part in one.parts))
        for one in answer.candidates
    ]
    return msgspec.structs.replace(answer, candidates=tuple(candidates))


def stamped_event(event: Event, maker: str) -> Event:
    """The same for an event of a stream."""
    match event:
        case SealDelta():
            return msgspec.structs.replace(event, seal=Seal(maker, event.seal.data))
        case PartBegan():
            return msgspec.structs.replace(event, part=_stamped(event.part, maker))
        case _:
            return event


def _stamped(part: Part, maker: str) -> Part:
    match part:
        case Text() | Media() | ToolCall() | Reasoning() if part.seal is not None:
            return msgspec.structs.replace(part, seal=Seal(maker, part.seal.data))
        case _:
            return part
