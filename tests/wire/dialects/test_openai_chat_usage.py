"""Usage in OpenAI's own sums, and when a stream's client gets it (traps 1, 2, 6, 7 and 9)."""

import json
from typing import Any

import pytest
from tests.wire.dialects.openai_chat_samples import (
    again,
    answer,
    answered,
    call,
    call_body,
    chunk,
    events_of,
    gathered,
    sent,
    stream_of,
    user,
    written,
)

from headgate.core.call import Usage
from headgate.core.chat import Finish, Text
from headgate.core.events import Began, Ended, Event, Finished, PartBegan, PartEnded, UsageSeen
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.model import Asked
from headgate.wire.dialects.openai_chat.codec import CODEC
from headgate.wire.usage import usage_of

RAW = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}


def usage_written(usage: Usage | None) -> Any:
    return answered(answer(Text(text="x"), usage=usage, finish=Finish(reason="stop"))).get("usage")


def test_trap_01_a_prompt_holds_what_was_cached() -> None:
    usage = Usage(input=433, cache_read=2752, cache_write=10, cache_write_1h=5, output=16)
    said = usage_written(usage)
    assert (said["prompt_tokens"], said["completion_tokens"], said["total_tokens"]) == (3200, 16, 3216)
    assert said["prompt_tokens_details"]["cached_tokens"] == 2752
    assert usage_of("openai-chat", "chat", said) == usage
    read = CODEC.read_answer(json.dumps({"choices": [], "usage": said}).encode())
    assert read.usage == usage


def test_trap_02_a_completion_holds_the_reasoning() -> None:
    usage = Usage(input=29, output=10, reasoning=202)
    said = usage_written(usage)
    assert (said["completion_tokens"], said["total_tokens"]) == (212, 241)
    assert said["completion_tokens_details"]["reasoning_tokens"] == 202
    assert usage_of("openai-chat", "chat", said) == usage


def test_sound_images_and_searches_are_counted_apart() -> None:
    usage = Usage(
        input=5,
        input_audio=7,
        input_image=3,
        output=2,
        output_audio=11,
        output_image=13,
        units={"web_search": 2},
    )
    said = usage_written(usage)
    assert said["prompt_tokens_details"]["audio_tokens"] == 7
    assert said["completion_tokens_details"]["audio_tokens"] == 11
    assert usage_of("openai-chat", "chat", said) == usage


def test_trap_09_zeros_are_usage_and_nothing_is_none() -> None:
    said = usage_written(Usage())
    assert (said["prompt_tokens"], said["completion_tokens"], said["total_tokens"]) == (0, 0, 0)
    assert usage_written(None) is None
    read = CODEC.read_answer(b'{"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}}')
    assert read.usage == Usage()
    assert CODEC.read_answer(b'{"choices": [], "usage": null}').usage is None


def test_a_provider_s_own_object_goes_back_as_it_came() -> None:
    body: dict[str, Any] = {"choices": [], "usage": {**RAW, "cost": 0.5, "prompt_tokens_details": None}}
    assert answered(CODEC.read_answer(json.dumps(body).encode())) == body


STREAM: list[Event] = [
    Began(dialect="anthropic", id="msg_1", model="served"),
    PartBegan(number=0, part=Text(text="hi")),
    PartEnded(number=0),
    UsageSeen(usage=Usage(input=1)),
    Finished(finish=Finish(reason="stop", native="end_turn")),
    UsageSeen(usage=Usage(input=9, output=3)),
    Ended(),
]


def test_trap_06_a_stream_s_client_gets_usage_if_it_asked() -> None:
    _, usage = gathered(written(STREAM, Asked(model="m", wants_usage=True)))
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (9, 3)
    unasked = written(STREAM, Asked(model="m", wants_usage=False))
    assert b"usage" not in unasked
    assert b'"choices":[]' not in unasked
    assert unasked.endswith(b"data: [DONE]\n\n")


def test_trap_06_usage_comes_once_before_the_end() -> None:
    pieces = written(STREAM, Asked(model="m")).split(b"\n\n")
    assert [b'"usage"' in piece for piece in pieces] == [False] * 3 + [True, False, False]
    assert json.loads(pieces[3][6:])["choices"] == []


@pytest.mark.parametrize(
    ("options", "wants"), [(None, False), ({"include_usage": True}, True), ({"include_usage": False}, False)]
)
def test_trap_06_whether_a_client_asked_is_kept(options: Any, wants: bool) -> None:
    members = {"stream": True} if options is None else {"stream": True, "stream_options": options}
    body = call_body(**members)
    assert CODEC.read_call(body).wants_usage is wants
    assert again(body) == json.loads(body)


def test_trap_06_a_stream_of_another_dialect_asks_for_usage() -> None:
    body = sent(call(user(), stream=True))
    assert body["stream_options"] == {"include_usage": True}
    assert "stream_options" not in sent(call(user()))


def test_other_options_of_streams_stay_beside_the_usage_that_is_asked_for() -> None:
    body = call_body(stream=True, stream_options={"include_usage": True, "include_obfuscation": False})
    assert again(body) == json.loads(body)


DONE = chunk({}, "stop")


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk({"content": "x"}), DONE, {"id": "c1", "model": "m", "choices": [], "usage": RAW}],
        [chunk({"content": "x"}), chunk({}, "stop", usage=RAW)],
        [chunk({"content": "x"}), chunk({}, "stop", x_groq={"id": "r", "usage": RAW})],
        [chunk({"content": "x"}), DONE, chunk({}, usage=RAW)],
        [
            chunk({"content": "x"}),
            DONE,
            {"choices": [], "usage": RAW},
            {"choices": [], "moderation": {"ok": 1}},
        ],
        [chunk({"content": "x"}, usage={**RAW, "completion_tokens": 1}), chunk({}, "stop", usage=RAW)],
        [chunk({"content": "x"}, usage=RAW), DONE],
    ],
)
def test_trap_07_usage_is_found_wherever_it_rides(chunks: list[Any]) -> None:
    answer_read = fold(events_of(stream_of(*chunks)))
    assert answer_read.usage == Usage(input=9, output=3)
    assert fold(events_of(written(events_of(stream_of(*chunks))))) == answer_read


def test_a_running_sum_of_a_stream_that_was_cut_is_no_usage() -> None:
    events = events_of(stream_of(chunk({"content": "x"}, usage=RAW), done=False))
    assert not any(isinstance(event, UsageSeen) for event in events)
