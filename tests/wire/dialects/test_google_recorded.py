"""Every recorded exchange of Google's generateContent, read and written back. Skips where there are none."""

import random
from functools import cache
from typing import Any

import msgspec
from tests.recorded_exchanges import Exchange, recorded

from headgate.core.chat import ChatAnswer, Reasoning, Text, ToolCall
from headgate.core.events import Ended, Event, Finished
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.google.codec import CODEC
from headgate.wire.dialects.model import Asked, EventsIn
from headgate.wire.sse import EventSplitter, data_of
from headgate.wire.usage import usage_of

ASKED = Asked(model="asked", created_s=1, request_id="given")
ARRAY = Asked(model="asked", created_s=1, request_id="given", as_array=True)


@cache
def exchanges() -> tuple[Exchange, ...]:
    return tuple(one for one, route in recorded() if route.dialect == "google" and route.operation == "chat")


def answers() -> list[Exchange]:
    return [one for one in exchanges() if not one.stream and one.status == 200]


def streams() -> list[Exchange]:
    return [one for one in exchanges() if one.stream]


def events_of(reading: EventsIn, pieces: list[bytes]) -> list[Event]:
    found = [event for piece in pieces for event in reading.feed(piece)]
    return [*found, *reading.end()]


def chunks_of(body: bytes) -> list[Any]:
    return [msgspec.json.decode(data_of(event)) for event in EventSplitter().feed(body)]


def test_there_is_enough_to_go_by():
    assert len(exchanges()) >= 231
    assert len(answers()) >= 218
    assert len(streams()) >= 13


def said_by(candidate: Any) -> tuple[str, str, list[tuple[str, Any]]]:
    content: dict[str, Any] = candidate.get("content") or {}
    parts: list[Any] = content.get("parts") or []
    text = "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))
    thoughts = "".join(part["text"] for part in parts if "text" in part and part.get("thought"))
    calls = [
        (part["functionCall"]["name"], part["functionCall"].get("args", {}))
        for part in parts
        if "functionCall" in part
    ]
    return text, thoughts, calls


def said_in(answer: ChatAnswer, place: int) -> tuple[str, str, list[tuple[str, Any]]]:
    parts = answer.candidates[place].parts
    return (
        "".join(part.text for part in parts if isinstance(part, Text)),
        "".join(part.text for part in parts if isinstance(part, Reasoning)),
        [
            (part.name, msgspec.json.decode(part.arguments.encode()))
            for part in parts
            if isinstance(part, ToolCall)
        ],
    )


REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "UNEXPECTED_TOOL_CALL": "error",
    "MALFORMED_FUNCTION_CALL": "error",
    "MODEL_ARMOR": "content_filter",
}


def test_every_answer_says_what_its_json_says():
    for one in answers():
        raw = msgspec.json.decode(one.response)
        answer = CODEC.read_answer(one.response.encode())
        for place, candidate in enumerate(raw.get("candidates", [])):
            said = said_in(answer, place)
            assert said == said_by(candidate), one.id
            finish = answer.candidates[place].finish
            wanted = "tool_calls" if said[2] else REASONS[candidate["finishReason"]]
            if candidate["finishReason"] != "STOP":
                wanted = REASONS[candidate["finishReason"]]
            assert finish is not None
            assert (finish.reason, finish.native) == (wanted, candidate["finishReason"]), one.id
        total = raw.get("usageMetadata", {}).get("totalTokenCount")
        if total is not None:
            assert answer.usage is not None
            assert answer.usage.total == total, one.id
        assert answer.id == raw.get("responseId", "")
        assert answer.model == raw["modelVersion"]


def test_every_stream_says_what_its_chunks_say():
    for one in streams():
        body = one.response.encode()
        chunks = chunks_of(body)
        whole = fold(events_of(CODEC.events_in(), [body]))
        merged: dict[str, Any] = {"content": {"parts": []}}
        for chunk in chunks:
            for candidate in chunk.get("candidates", []):
                merged["content"]["parts"] += (candidate.get("content") or {}).get("parts") or []
        assert said_in(whole, 0) == said_by(merged), one.id
        last = chunks[-1]
        finish = whole.candidates[0].finish
        assert finish is not None
        assert finish.native == last["candidates"][0]["finishReason"]
        assert finish.reason == ("tool_calls" if said_in(whole, 0)[2] else REASONS[finish.native])
        assert whole.usage is not None
        assert msgspec.structs.replace(whole.usage, units={}) == usage_of(
            "google", "chat", last["usageMetadata"]
        )
        assert (whole.id, whole.model) == (last["responseId"], last["modelVersion"])


def test_every_stream_is_written_so_that_it_is_read_the_same():
    for one in streams():
        events = events_of(CODEC.events_in(), [one.response.encode()])
        changes = Changes()
        for writing in (CODEC.events_out(ASKED, changes), CODEC.events_out(ARRAY, changes)):
            written = b"".join(writing.write(event) for event in events)
            assert fold(events_of(CODEC.events_in(), [written])) == fold(events), one.id
        assert not list(changes), one.id


def test_every_stream_s_array_is_json():
    for one in streams():
        chunks = chunks_of(one.response.encode())
        array = msgspec.json.encode(chunks)
        events = events_of(CODEC.events_in(), [array])
        assert fold(events) == fold(events_of(CODEC.events_in(), [one.response.encode()]))
        writing = CODEC.events_out(ARRAY, Changes())
        written = b"".join(writing.write(event) for event in events)
        assert isinstance(msgspec.json.decode(written), list), one.id
        assert CODEC.read_answer(array) == fold(events)


def test_every_stream_cut_anywhere_gives_the_same_events():
    chance = random.Random(11)
    for one in streams():
        body = one.response.encode()
        whole = events_of(CODEC.events_in(), [body])
        assert isinstance(whole[-1], Ended), one.id
        pieces: list[bytes] = []
        position = 0
        while position < len(body):
            size = chance.choice((1, 2, 3, 40, 700))
            pieces.append(body[position : position + size])
            position += size
        assert events_of(CODEC.events_in(), pieces) == whole, one.id
        if len(body) < 12_000:
            assert events_of(CODEC.events_in(), [body[at : at + 1] for at in range(len(body))]) == whole


def test_a_stream_that_is_cut_short_has_no_end():
    for one in streams():
        body = one.response.encode()
        begin = body[: body.rindex(b'"finishReason"')]
        events = events_of(CODEC.events_in(), [begin])
        assert not any(isinstance(event, Ended | Finished) for event in events), one.id
