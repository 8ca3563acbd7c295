"""Answers and streams of other dialects with one of everything, for the tests of Google's."""

from typing import Any

import msgspec

from headgate.core.call import Usage
from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    Citation,
    Finish,
    Media,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
)
from headgate.core.events import (
    ArgumentsDelta,
    Began,
    CitationDelta,
    Ended,
    Event,
    Finished,
    PartBegan,
    PartEnded,
    SealDelta,
    TextDelta,
    UsageSeen,
)
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.google.codec import CODEC
from headgate.wire.dialects.model import Asked, EventsIn, EventsOut

ASKED = Asked(model="asked", created_s=1, request_id="given")

WORDS = "Grüße aus 東京 🗼 und mehr"
CITED = Citation(url="https://example.com/a", title="A", start=10, end=12)
UNANCHORED = Citation(title="A book", quote="as it says")

USAGE = Usage(
    input=10, cache_read=20, cache_write=3, output=29, reasoning=10, input_image=5, output_audio=4
)  # fmt: skip

PARTS: tuple[Part, ...] = (
    Reasoning(text="Let me think.", seal=Seal("anthropic", "c2lnbmVk"), id="rs_1"),
    Reasoning(seal=Seal("openai-responses:eu", "gAAAA-_x"), is_redacted=True, id="rs_2", is_summary=True),
    Text(text=WORDS, citations=(CITED, UNANCHORED)),
    ToolCall(id="call_1", name="look", arguments='{"city":"Paris","n":[1,2.5,null]}'),
    ToolCall(id="call_2", name="now", arguments="{}"),
    Media(kind="image", media_type="image/png", data="iVBORw0KGgo="),
    Refusal(text="Not that."),
    NativePart(dialect="anthropic", kind="server_tool_use", value={"type": "server_tool_use"}),
)

ANSWER = ChatAnswer(
    dialect="anthropic",
    id="msg_1",
    model="claude",
    candidates=(Candidate(parts=PARTS, finish=Finish(reason="tool_calls", native="tool_use")),),
    usage=USAGE,
    created_s=1_700_000_000,
)

EVENTS: tuple[Event, ...] = (
    Began(dialect="anthropic", id="msg_1", model="claude"),
    UsageSeen(usage=Usage(input=1)),
    PartBegan(number=0, part=Reasoning(id="rs_1")),
    TextDelta(number=0, text="Let me "),
    TextDelta(number=0, text="think."),
    SealDelta(number=0, seal=Seal("anthropic", "c2lnbmVk")),
    PartEnded(number=0),
    PartBegan(number=1, part=Text(text="")),
    TextDelta(number=1, text=WORDS[:9]),
    TextDelta(number=1, text=WORDS[9:]),
    CitationDelta(number=1, citation=CITED),
    PartEnded(number=1),
    PartBegan(number=2, part=Text(text="")),
    TextDelta(number=2, text="äh"),
    CitationDelta(number=2, citation=UNANCHORED),
    PartEnded(number=2),
    PartBegan(number=3, part=ToolCall(id="call_1", name="look", arguments="")),
    PartBegan(number=4, part=ToolCall(id="call_2", name="now", arguments="{}")),
    ArgumentsDelta(number=3, json='{"city":'),
    ArgumentsDelta(number=3, json='"Paris"}'),
    PartEnded(number=4),
    PartEnded(number=3),
    Finished(finish=Finish(reason="tool_calls", native="tool_use")),
    UsageSeen(usage=USAGE),
    Ended(),
)


def events_of(reading: EventsIn, pieces: list[bytes]) -> list[Event]:
    found = [event for piece in pieces for event in reading.feed(piece)]
    return [*found, *reading.end()]


def written_by(writing: EventsOut, events: tuple[Event, ...]) -> bytes:
    return b"".join(writing.write(event) for event in events)


def finished_as(reason: str, native: str = "") -> ChatAnswer:
    finish = msgspec.convert({"reason": reason, "native": native}, Finish)
    candidate = Candidate(parts=(Text(text="So"),), finish=finish)
    return msgspec.structs.replace(ANSWER, candidates=(candidate,))


def answered(answer: ChatAnswer) -> dict[str, Any]:
    return msgspec.json.decode(CODEC.write_answer(answer, ASKED, Changes()))


def read(fields: dict[str, Any]) -> ChatAnswer:
    return CODEC.read_answer(msgspec.json.encode(fields))


def candidate(parts: list[Any], reason: str = "STOP", **more: Any) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": reason, **more}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    }


def stream(*chunks: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + msgspec.json.encode(chunk) + b"\n\n" for chunk in chunks)
