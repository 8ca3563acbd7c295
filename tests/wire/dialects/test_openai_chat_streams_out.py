"""Streams of other dialects, written as OpenAI's chat (traps 13 to 15, 21, 22, 33 and 46)."""

import json
from typing import Any

import pytest
from tests.wire.dialects.openai_chat_samples import (
    ASKED,
    calls_in,
    chunk,
    chunks_in,
    deltas_in,
    events_of,
    gathered,
    stream_of,
    tool_chunk,
    written,
)

from headgate.core.chat import (
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
)
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.openai_chat.codec import CODEC

BEGAN = Began(dialect="anthropic", id="msg_1", model="served", created_s=3)


def part_stream(*events: Event, reason: Any = "stop") -> list[Event]:
    return [BEGAN, *events, Finished(finish=Finish(reason=reason)), Ended()]


def test_trap_13_calls_are_counted_from_0_whatever_stands_between() -> None:
    body = written(
        part_stream(
            PartBegan(number=0, part=Reasoning(text="hm")),
            PartEnded(number=0),
            PartBegan(number=1, part=ToolCall(id="a", name="f", arguments="")),
            PartBegan(number=2, part=ToolCall(id="b", name="g", arguments="")),
            ArgumentsDelta(number=2, json='{"y":2}'),
            ArgumentsDelta(number=1, json='{"x":1}'),
            PartEnded(number=1),
            PartEnded(number=2),
            reason="tool_calls",
        )
    )
    snapshot, _ = gathered(body)
    calls = [
        (call.index, call.id, call.function.arguments) for call in snapshot.choices[0].message.tool_calls
    ]
    assert calls == [(0, "a", '{"x":1}'), (1, "b", '{"y":2}')]


def test_trap_14_the_first_chunk_names_the_role_and_waits_for_nothing() -> None:
    writer = CODEC.events_out(ASKED, Changes())
    [first] = chunks_in(writer.write(BEGAN))
    assert first["choices"] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    ]
    assert (first["id"], first["model"], first["created"]) == ("msg_1", "served", 3)
    second = chunks_in(writer.write(PartBegan(number=0, part=Text(text="x"), candidate=1)))
    assert [piece["choices"][0]["delta"].get("role") for piece in second] == ["assistant", None]


def test_names_that_a_provider_does_not_give_are_the_caller_s() -> None:
    [first] = chunks_in(written([Began(dialect="bedrock")]))
    assert (first["id"], first["model"], first["created"]) == ("req_1", "asked", 7)


def test_trap_15_arguments_that_never_came_are_an_empty_object() -> None:
    events = part_stream(
        PartBegan(number=0, part=ToolCall(id="a", name="f", arguments="")),
        PartEnded(number=0),
        reason="tool_calls",
    )
    snapshot, _ = gathered(written(events))
    assert snapshot.choices[0].message.tool_calls[0].function.arguments == "{}"
    read = events_of(stream_of(tool_chunk(0, id="a", name="f", arguments=""), chunk({}, "tool_calls")))
    assert calls_in(read) == [("a", "f", "{}")]


@pytest.mark.parametrize(
    ("finish", "word", "native"),
    [
        (Finish(reason="stop", native="end_turn"), "stop", "end_turn"),
        (Finish(reason="stop"), "stop", None),
        (Finish(reason="length", native="MAX_TOKENS"), "length", "MAX_TOKENS"),
        (Finish(reason="pause", native="pause_turn"), "length", "pause_turn"),
        (Finish(reason="context_window"), "length", None),
        (Finish(reason="refusal", native="refusal"), "content_filter", "refusal"),
        (Finish(reason="content_filter", native="SAFETY"), "content_filter", "SAFETY"),
        (
            Finish(reason="error", native="MALFORMED_FUNCTION_CALL"),
            "content_filter",
            "MALFORMED_FUNCTION_CALL",
        ),
    ],
)
def test_trap_21_foreign_reasons_are_carried(finish: Finish, word: str, native: str | None) -> None:
    body = written([BEGAN, PartBegan(number=0, part=Text(text="x")), Finished(finish=finish), Ended()])
    said = chunks_in(body)[-1]["choices"][0]
    assert (said["finish_reason"], said.get("native_finish_reason")) == (word, native)


def test_a_stop_sequence_is_named() -> None:
    finish = Finish(reason="stop", native="stop_sequence", sequence="END")
    assert chunks_in(written([BEGAN, Finished(finish=finish)]))[-1]["choices"][0]["stop_reason"] == "END"


def test_trap_22_a_refusal_is_a_refusal() -> None:
    body = written(
        part_stream(
            PartBegan(number=0, part=Refusal(text="")),
            TextDelta(number=0, text="I won't."),
            PartEnded(number=0),
            reason="refusal",
        )
    )
    snapshot, _ = gathered(body)
    assert snapshot.choices[0].message.refusal == "I won't."
    assert snapshot.choices[0].finish_reason == "stop"
    [candidate] = fold(events_of(body)).candidates
    assert candidate.parts == (Refusal(text="I won't."),)
    assert candidate.finish == Finish(reason="refusal", native="stop")


def citing(*citations: Citation) -> list[Event]:
    text = "Paris is in France."
    deltas = [CitationDelta(number=1, citation=one) for one in citations]
    return part_stream(
        PartBegan(number=0, part=Text(text="Né. ")),
        PartEnded(number=0),
        PartBegan(number=1, part=Text(text="")),
        TextDelta(number=1, text=text),
        *deltas,
        PartEnded(number=1),
    )


def test_trap_46_citations_are_by_the_characters_of_the_whole_content() -> None:
    whole, part = Citation(url="https://a", title="A"), Citation(url="https://b", title="B", start=0, end=5)
    snapshot, _ = gathered(written(citing(whole, part)))
    message = snapshot.choices[0].message
    said = [
        (one.url_citation.url, one.url_citation.start_index, one.url_citation.end_index)
        for one in message.annotations
    ]
    assert said == [("https://b", 4, 9), ("https://a", 4, 23)]
    assert message.content[4:9] == "Paris"


def test_trap_46_a_citation_without_a_url_stands_where_sdks_ignore_it() -> None:
    deltas = deltas_in(written(citing(Citation(title="report.pdf", quote="in France"))))
    [cited] = [delta["citations"] for delta in deltas if "citations" in delta]
    assert cited == [
        {"title": "report.pdf", "content": "in France", "start_index": 4, "end_index": 23, "index": 0}
    ]


def test_thinking_of_anthropic_is_read_and_comes_back_whole() -> None:
    body = written(
        part_stream(
            PartBegan(number=0, part=Reasoning(text="")),
            TextDelta(number=0, text="Let me "),
            TextDelta(number=0, text="think."),
            SealDelta(number=0, seal=Seal("anthropic", "sig")),
            PartEnded(number=0),
            PartBegan(number=1, part=Reasoning(text="", seal=Seal("anthropic", "enc"), is_redacted=True)),
            PartEnded(number=1),
            PartBegan(number=2, part=Text(text="Hi")),
            PartEnded(number=2),
        )
    )
    snapshot, _ = gathered(body)
    message = snapshot.choices[0].message.to_dict()
    assert message["reasoning_content"] == "Let me think."
    turn = {"model": "m", "messages": [{"role": "user", "content": "?"}, message]}
    [_, said] = CODEC.read_call(json.dumps(turn).encode()).messages
    plain = [(part.text, part.seal, part.is_redacted) for part in said.parts if isinstance(part, Reasoning)]
    assert plain == [
        ("Let me think.", Seal("anthropic", "sig"), False),
        ("", Seal("anthropic", "enc"), True),
    ]


def test_a_thought_signature_travels_on_its_call() -> None:
    seal = Seal("google", "c2ln")
    for events in (
        [PartBegan(number=0, part=ToolCall(id="a", name="f", arguments="{}", seal=seal))],
        [
            PartBegan(number=0, part=ToolCall(id="a", name="f", arguments="{}")),
            SealDelta(number=0, seal=seal),
        ],
    ):
        body = written(part_stream(*events, PartEnded(number=0), reason="tool_calls"))
        snapshot, _ = gathered(body)
        [call] = snapshot.choices[0].message.to_dict()["tool_calls"]
        assert set(call["extra_content"]["google"]) == {"thought_signature"}
        turn = {"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]}
        [said] = CODEC.read_call(json.dumps(turn).encode()).messages
        [read] = [part for part in said.parts if isinstance(part, ToolCall)]
        assert (read.seal, read.arguments) == (seal, "{}")


def test_a_seal_on_a_text_travels_beside_it() -> None:
    events = part_stream(
        PartBegan(number=0, part=Text(text="x")),
        SealDelta(number=0, seal=Seal("google", "s")),
        PartEnded(number=0),
    )
    [candidate] = fold(events_of(written(events))).candidates
    assert candidate.parts == (Text(text="x", seal=Seal("google", "s")),)


PARTS: list[Part] = [
    Media(kind="image", media_type="image/png", data="aGk=", seal=Seal("google", "s")),
    Media(kind="audio", media_type="audio/wav", data="aGk="),
    NativePart(dialect="anthropic", kind="server_tool_use", value={"type": "server_tool_use"}),
    Media(kind="file", url="https://a"),
]


@pytest.mark.parametrize("part", PARTS)
def test_what_only_another_dialect_has_is_carried_or_told(part: Part) -> None:
    changes = Changes()
    body = written(part_stream(PartBegan(number=0, part=part), PartEnded(number=0)), changes=changes)
    gathered(body)
    members = {name for delta in deltas_in(body) for name in delta}
    is_carried = isinstance(part, Media) and part.kind != "file"
    assert bool(members - {"role", "content"}) is is_carried
    assert bool(len(changes)) is not is_carried
