"""Google's side of the traps that lie in answers and streams, each named by its number."""

from typing import Any

import msgspec
import pytest
from tests.wire.dialects.google_samples import (
    ANSWER,
    ASKED,
    USAGE,
    WORDS,
    answered,
    candidate,
    events_of,
    finished_as,
    read,
    stream,
)

from headgate.core.call import Usage
from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    Citation,
    Seal,
    Text,
)
from headgate.core.events import Broke, Ended, Finished, UsageSeen
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.google.codec import CODEC
from headgate.wire.usage import usage_of


def test_trap_02_reasoning_is_beside_the_candidates_tokens_both_ways():
    fields = answered(ANSWER)["usageMetadata"]
    assert fields["candidatesTokenCount"] == USAGE.total_output - USAGE.reasoning
    assert fields["thoughtsTokenCount"] == USAGE.reasoning
    assert fields["totalTokenCount"] == USAGE.total
    back = usage_of("google", "chat", fields)
    assert (back.output, back.reasoning, back.output_audio) == (
        USAGE.output, USAGE.reasoning, USAGE.output_audio,
    )  # fmt: skip
    assert (back.total_input, back.cache_read) == (USAGE.total_input, USAGE.cache_read)
    answer = read({"usageMetadata": {"promptTokenCount": 202, "candidatesTokenCount": 29,
                                     "thoughtsTokenCount": 10, "totalTokenCount": 241}})  # fmt: skip
    assert answer.usage == Usage(input=202, output=29, reasoning=10)


def test_trap_05_usage_is_the_last_chunk_s():
    first, last = candidate([{"text": "a"}]), candidate([{"text": "b"}])
    first["usageMetadata"] = {"promptTokenCount": 59, "totalTokenCount": 59}
    del first["candidates"][0]["finishReason"]
    last["usageMetadata"] = {"promptTokenCount": 128, "candidatesTokenCount": 2, "totalTokenCount": 130}
    events = events_of(CODEC.events_in(), [stream(first, last)])
    seen = [event for event in events if isinstance(event, UsageSeen)]
    assert [event.usage for event in seen] == [Usage(input=128, output=2)]
    cut = events_of(CODEC.events_in(), [stream(first)])
    assert not [event for event in cut if isinstance(event, UsageSeen | Ended)]


def test_trap_05_a_reason_in_every_chunk_ends_nothing_early():
    chunks = [candidate([{"text": word}]) for word in ("one ", "two ", "three")]
    events = events_of(CODEC.events_in(), [stream(*chunks)])
    assert [type(event) for event in events].count(Finished) == 1
    assert fold(events).candidates[0].parts == (Text(text="one two three"),)


def test_trap_16_comments_and_line_ends_of_any_kind_are_parsed():
    body = stream(candidate([{"text": "Grüße"}]))
    noisy = b"\xef\xbb\xbf: note\r\n\r\n" + body.replace(b"\n\n", b"\r\n\r\n: more\n\n")
    assert fold(events_of(CODEC.events_in(), [noisy])) == fold(events_of(CODEC.events_in(), [body]))


def test_trap_17_an_error_in_a_stream_is_told():
    body = stream({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}})
    assert events_of(CODEC.events_in(), [body]) == [
        Broke(message="overloaded", kind="UNAVAILABLE", status=503)
    ]
    out = CODEC.events_out(ASKED, Changes()).write(
        Broke(message="overloaded", kind="overloaded_error", status=503)
    )
    assert msgspec.json.decode(out.removeprefix(b"data: "))["error"] == {
        "code": 503, "message": "overloaded", "status": "UNAVAILABLE",
    }  # fmt: skip


def test_trap_20_stop_with_a_function_call_is_tool_calls():
    answer = read(candidate([{"functionCall": {"name": "look", "args": {}}}]))
    finish = answer.candidates[0].finish
    assert finish is not None
    assert (finish.reason, finish.native) == ("tool_calls", "STOP")
    events = events_of(CODEC.events_in(), [stream(candidate([{"functionCall": {"name": "look"}}]))])
    assert [event.finish.reason for event in events if isinstance(event, Finished)] == ["tool_calls"]
    assert answered(finished_as("tool_calls", "tool_use"))["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"), ("MODEL_ARMOR", "content_filter"), ("SPII", "content_filter"),
        ("UNEXPECTED_TOOL_CALL", "error"), ("MALFORMED_FUNCTION_CALL", "error"), ("OTHER", "error"),
        ("MISSING_THOUGHT_SIGNATURE", "error"), ("CONTINUATION", "pause"), ("A_NEW_ONE", "error"),
    ],
)  # fmt: skip
def test_trap_21_every_reason_is_mapped_and_kept(word: str, reason: str):
    finish = read(candidate([{"text": "x"}], word)).candidates[0].finish
    assert finish is not None
    assert (finish.reason, finish.native) == (reason, word)


@pytest.mark.parametrize(
    ("reason", "native", "word", "message"),
    [
        ("stop", "end_turn", "STOP", None),
        ("length", "max_tokens", "MAX_TOKENS", None),
        ("content_filter", "content_filter", "SAFETY", None),
        ("refusal", "refusal", "SAFETY", "refusal"),
        ("pause", "pause_turn", "OTHER", "pause (pause_turn)"),
        ("error", "", "OTHER", "error"),
    ],
)
def test_trap_21_reasons_that_google_has_not_are_told(
    reason: str, native: str, word: str, message: str | None
):
    found = answered(finished_as(reason, native))["candidates"][0]
    assert (found["finishReason"], found.get("finishMessage")) == (word, message)


def test_trap_22_a_refused_prompt_is_no_empty_success():
    fields = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "m"}
    answer = read(fields)
    finish = answer.candidates[0].finish
    assert finish is not None
    assert (finish.reason, finish.native) == ("content_filter", "PROHIBITED_CONTENT")
    assert answered(answer) == fields
    events = events_of(CODEC.events_in(), [stream(fields)])
    assert [event.finish for event in events if isinstance(event, Finished)] == [finish]
    assert isinstance(events[-1], Ended)


def test_trap_22_an_answer_that_says_nothing_is_an_error():
    finish = read({"modelVersion": "m"}).candidates[0].finish
    assert finish is not None
    assert finish.reason == "error"
    assert not [event for event in events_of(CODEC.events_in(), [stream({"modelVersion": "m"})])
                if isinstance(event, Ended)]  # fmt: skip


def test_trap_34_texts_are_not_merged_with_what_is_signed():
    parts = [
        {"text": "a", "thoughtSignature": "c2ln"},
        {"text": "b"},
        {"text": "", "thoughtSignature": "bmln"},
    ]
    wanted = (
        Text(text="a", seal=Seal("google", "c2ln")),
        Text(text="b"),
        Text(text="", seal=Seal("google", "bmln")),
    )
    assert read(candidate(parts)).candidates[0].parts == wanted
    chunks = [candidate([part]) for part in parts]
    assert fold(events_of(CODEC.events_in(), [stream(*chunks)])).candidates[0].parts == wanted


def grounded(*segments: dict[str, Any]) -> dict[str, Any]:
    return {
        "groundingChunks": [{"web": {"uri": "https://example.com/a", "title": "A"}}],
        "groundingSupports": [{"segment": one, "groundingChunkIndices": [0, 7]} for one in segments],
    }


def test_trap_46_bytes_become_characters_and_characters_bytes():
    start, end = WORDS.index("東京"), WORDS.index("東京") + 2
    opening, closing = len(WORDS[:start].encode()), len(WORDS[:end].encode())
    segment = {"startIndex": opening, "endIndex": closing, "text": "東京"}
    answer = read(candidate([{"text": WORDS}], groundingMetadata=grounded(segment)))
    wanted = Citation(url="https://example.com/a", title="A", start=start, end=end)
    assert answer.candidates[0].parts == (Text(text=WORDS, citations=(wanted,)),)
    other = ChatAnswer(dialect="openai-chat", id="x", model="m", candidates=(
        Candidate(parts=answer.candidates[0].parts),
    ))  # fmt: skip
    (support,) = answered(other)["candidates"][0]["groundingMetadata"]["groundingSupports"]
    assert support == {"segment": {**segment, "partIndex": 0}, "groundingChunkIndices": [0]}


def test_trap_46_offsets_say_which_of_two_equal_words_is_cited():
    text = f"{WORDS}; {WORDS}"
    start = text.rindex("東京")
    opening = len(text[:start].encode())
    segment = {"startIndex": opening, "endIndex": opening + len("東京".encode()), "text": "東京"}
    (part,) = read(candidate([{"text": text}], groundingMetadata=grounded(segment))).candidates[0].parts
    assert isinstance(part, Text)
    assert [(one.start, one.end) for one in part.citations] == [(start, start + 2)]


def test_trap_46_citations_of_a_stream_point_into_all_of_its_text():
    half = WORDS.index("京")
    segment = {"endIndex": len(WORDS.encode()), "text": WORDS}
    last = candidate([{"text": WORDS[half:]}], groundingMetadata=grounded(segment))
    events = events_of(CODEC.events_in(), [stream(candidate([{"text": WORDS[:half]}]), last)])
    wanted = Citation(url="https://example.com/a", title="A", start=0, end=len(WORDS))
    assert fold(events).candidates[0].parts == (Text(text=WORDS, citations=(wanted,)),)


def test_trap_46_a_span_that_is_none_cites_the_whole_text():
    segment = {"startIndex": 3, "endIndex": 5_000, "text": "not there"}
    answer = read(candidate([{"text": WORDS}], groundingMetadata=grounded(segment)))
    (part,) = answer.candidates[0].parts
    assert isinstance(part, Text)
    assert part.citations == (Citation(url="https://example.com/a", title="A"),)


def test_trap_46_a_quote_is_found_where_its_offsets_are_wrong():
    segment = {"startIndex": 1, "endIndex": 7, "text": "mehr"}
    answer = read(candidate([{"text": WORDS}], groundingMetadata=grounded(segment)))
    (part,) = answer.candidates[0].parts
    assert isinstance(part, Text)
    (citation,) = part.citations
    assert (citation.start, citation.end) == (WORDS.index("mehr"), len(WORDS))


def test_candidates_that_are_none_are_no_stream():
    reading = CODEC.events_in()
    reading.feed(b'data: {"candidates":7}\n\n')
    with pytest.raises(UpstreamError, match="candidates is no list"):
        reading.end()
