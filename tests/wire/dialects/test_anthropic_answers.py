"""Whole answers of Anthropic, and for its clients: usage, stop reasons, seals, and what its SDK takes."""

import json
from typing import Any

import pytest
from tests.wire.dialects.anthropic_samples import ASKED, answered, own, sdk_answer

from headgate.core.call import Usage
from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    Citation,
    Finish,
    FinishReason,
    Media,
    Native,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
)
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.anthropic.answers import read_count, write_count
from headgate.wire.dialects.anthropic.codec import CODEC
from headgate.wire.dialects.changes import Changes
from headgate.wire.usage import usage_of

GOOGLE = Seal("google", "thought==")


def foreign(*parts: Part, reason: FinishReason = "stop", **fields: Any) -> ChatAnswer:
    """An answer of another provider."""
    finish = Finish(reason=reason, native="NATIVE", sequence=fields.pop("sequence", None))
    return ChatAnswer(
        dialect="openai-chat",
        id="chatcmpl-1",
        model="served",
        candidates=(Candidate(parts=parts, finish=finish),),
        **fields,
    )


def taken(answer: ChatAnswer) -> Any:
    """The body that a client gets; its SDK takes it strictly."""
    body = CODEC.write_answer(answer, ASKED, Changes())
    sdk_answer(body)
    return json.loads(body)


def raw(**fields: Any) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 2},
        **fields,
    }  # fmt: skip


def read(**fields: Any) -> ChatAnswer:
    return CODEC.read_answer(json.dumps(raw(**fields)).encode())


def test_trap_1_cached_tokens_stand_beside_the_input():
    said = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 7,
        "output_tokens": 3,
    }
    usage = read(usage=said).usage
    assert usage == Usage(input=10, cache_read=100, cache_write=7, output=3)
    body = taken(foreign(Text(text="a"), usage=usage))
    assert {name: body["usage"][name] for name in said} == said
    assert usage_of("anthropic", "chat", body["usage"]) == usage


def test_trap_9_a_zero_is_a_value():
    usage = taken(foreign(Text(text="a"), usage=Usage(input=5, output=0)))["usage"]
    assert (usage["output_tokens"], usage["cache_read_input_tokens"]) == (0, 0)
    assert read(usage={"input_tokens": 0, "output_tokens": 0}).usage == Usage()


def test_trap_10_what_is_cached_for_an_hour_is_apart():
    usage = Usage(cache_write=4, cache_write_1h=6, output=9, reasoning=5, units={"web_search": 2})
    body = taken(foreign(Text(text="a"), usage=usage, service_tier="priority"))
    assert body["usage"]["cache_creation"] == {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 6}
    assert body["usage"]["cache_creation_input_tokens"] == 10
    assert body["usage"]["output_tokens"] == 14
    assert body["usage"]["service_tier"] == "priority"
    assert usage_of("anthropic", "chat", body["usage"]) == usage


def test_usage_that_nobody_said_is_zero_for_the_sdk():
    assert taken(foreign(Text(text="a")))["usage"] == {"input_tokens": 0, "output_tokens": 0}


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("refusal", "refusal"),
        ("model_context_window_exceeded", "context_window"),
        ("compaction", "pause"),
        ("never_heard_of", "stop"),
    ],
)
def test_trap_21_every_stop_reason_is_read_and_kept(stop: str, reason: str):
    answer = read(stop_reason=stop, stop_sequence="END" if stop == "stop_sequence" else None)
    finish = answer.candidates[0].finish
    assert finish is not None
    assert (finish.reason, finish.native) == (reason, stop)
    assert finish.sequence == ("END" if stop == "stop_sequence" else None)
    body, _ = answered(answer)
    assert (body["stop_reason"], body["stop_sequence"]) == (stop, finish.sequence)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
        ("refusal", "refusal"),
        ("pause", "pause_turn"),
        ("context_window", "model_context_window_exceeded"),
        ("error", "refusal"),
    ],
)
def test_trap_21_every_finish_has_a_stop_reason(reason: FinishReason, stop: str):
    body = taken(foreign(Text(text="a"), reason=reason))
    assert (body["stop_reason"], body["stop_sequence"]) == (stop, None)
    assert body["native_finish_reason"] == "NATIVE"


def test_trap_21_the_sequence_that_was_met_is_said():
    body = taken(foreign(Text(text="a"), sequence="END"))
    assert (body["stop_reason"], body["stop_sequence"]) == ("stop_sequence", "END")


def test_trap_21_an_answer_that_calls_tools_stops_for_them():
    """A forced tool ends some providers' answers with `stop`."""
    body = taken(foreign(ToolCall(id="c", name="t", arguments="{}")))
    assert body["stop_reason"] == "tool_use"


@pytest.mark.parametrize("reason", ["content_filter", "error"])
def test_trap_22_an_empty_answer_is_no_success(reason: FinishReason):
    body = taken(foreign(reason=reason))
    assert body["stop_reason"] == "refusal"
    assert "NATIVE" in body["stop_details"]["explanation"]


def test_trap_22_a_refusal_is_said_as_one():
    body = taken(foreign(Refusal(text="no")))
    assert body["content"] == [{"type": "text", "text": "no"}]
    assert body["stop_reason"] == "refusal"
    answer = read(stop_reason="refusal", stop_details={"type": "refusal", "category": "bio"})
    assert answer.candidates[0].parts == ()
    assert answer.candidates[0].finish == Finish(reason="refusal", native="refusal")


def test_trap_23_a_pause_is_no_end():
    assert read(stop_reason="pause_turn").candidates[0].finish == Finish(reason="pause", native="pause_turn")
    assert taken(foreign(Text(text="a"), reason="pause"))["stop_reason"] == "pause_turn"


@pytest.mark.parametrize(
    ("arguments", "given"), [("", {}), ("{}", {}), ('{"a":1}', {"a": 1}), ("x", {"arguments": "x"})]
)
def test_trap_15_arguments_are_an_object(arguments: str, given: Any):
    body = taken(foreign(ToolCall(id="", name="t", arguments=arguments)))
    assert body["content"][0]["input"] == given
    assert body["content"][0]["id"]


def test_calls_without_ids_get_ones_of_their_own():
    calls = [ToolCall(id="", name="t", arguments="{}")] * 2
    ids = [block["id"] for block in taken(foreign(*calls))["content"]]
    assert len(set(ids)) == 2
    assert ids == [block["id"] for block in taken(foreign(*calls))["content"]]


PARTS: list[Part] = [
    Reasoning(text="hm", seal=Seal("openai-responses:a", "enc"), is_summary=True, id="rs_1"),
    Reasoning(text="hm"),
    Reasoning(seal=Seal("openai-responses:a", "enc"), id="rs_1"),
    Reasoning(seal=Seal("bedrock", "x"), is_redacted=True),
    Text(text="a", seal=GOOGLE),
    ToolCall(id="c1", name="t", arguments='{"a":1}', seal=GOOGLE),
]


def returned(content: list[Any]) -> tuple[Part, ...]:
    """What a client sends back, as it is read."""
    return own(messages=[{"role": "assistant", "content": content}]).messages[0].parts


def plain(part: Part) -> Part:
    """Without what only the spelling says."""
    match part:
        case Reasoning():
            return Reasoning(
                text=part.text,
                seal=part.seal,
                is_summary=part.is_summary,
                is_redacted=part.is_redacted,
                id=part.id,
            )
        case _:
            return part


@pytest.mark.parametrize("part", PARTS)
def test_trap_33_foreign_seals_come_back_whole(part: Part):
    body = taken(foreign(part))
    assert [plain(one) for one in returned(body["content"])] == [part]


def test_trap_33_seals_stand_directly_before_their_parts():
    body = taken(foreign(*PARTS))
    assert [block["type"] for block in body["content"]] == [
        "thinking", "thinking", "redacted_thinking", "redacted_thinking",
        "redacted_thinking", "text", "redacted_thinking", "tool_use",
    ]  # fmt: skip
    assert [plain(one) for one in returned(body["content"])] == PARTS


def test_a_seal_without_its_part_is_a_part_of_its_own():
    blocks = taken(foreign(Text(text="a", seal=GOOGLE)))["content"]
    (alone,) = returned(blocks[:1])
    assert plain(alone) == Reasoning(seal=GOOGLE)
    before_image = [blocks[0], {"type": "image", "source": {"type": "url", "url": "u"}}]
    assert len(returned(before_image)) == 2
    twice = returned([blocks[0], blocks[0], blocks[1]])
    assert [type(one) for one in twice] == [Reasoning, Text]


@pytest.mark.parametrize(
    "data",
    ["Ewk.x", "hgs1.", "hgs1.!.x", "next;x", "why;hgs1.Z29vZ2xl.x", "next;hgs1.!!!!.x", "hgs1.\ufeff.x"],
)
def test_what_carries_no_mark_is_anthropics_own(data: str):
    (part,) = returned([{"type": "redacted_thinking", "data": data}])
    assert isinstance(part, Reasoning)
    assert part.seal == Seal("anthropic", data)
    assert part.is_redacted


def test_trap_46_a_citation_of_an_address_is_said_and_comes_back():
    text = Text(
        text="b", citations=(Citation(url="https://u", title="t", start=0, end=1), Citation(quote="q"))
    )
    changes = Changes()
    body = json.loads(CODEC.write_answer(foreign(text), ASKED, changes))
    sdk_answer(json.dumps(body).encode())
    (cited,) = body["content"][0]["citations"]
    assert (cited["type"], cited["url"], cited["cited_text"]) == (
        "web_search_result_location",
        "https://u",
        "",
    )
    assert [one.weight for one in changes] == ["loss"]
    (part,) = returned(body["content"])
    assert isinstance(part, Text)
    (again,) = part.citations
    assert (again.url, again.title, again.start, again.end) == ("https://u", "t", 0, 1)


@pytest.mark.parametrize(
    ("cited", "url", "title"),
    [
        ({"type": "web_search_result_location", "url": "u", "encrypted_index": "E"}, "u", None),
        ({"type": "char_location", "document_title": "t", "start_char_index": 1}, None, "t"),
        ({"type": "search_result_location", "source": "s", "title": "t", "start_block_index": 0}, "s", "t"),
    ],
)  # fmt: skip
def test_trap_46_citations_are_read_and_kept(cited: Any, url: str | None, title: str | None):
    content: Any = [{"type": "text", "text": "b", "citations": [{**cited, "cited_text": "q"}]}]
    answer = read(content=content)
    (part,) = answer.candidates[0].parts
    assert isinstance(part, Text)
    assert (part.citations[0].url, part.citations[0].title, part.citations[0].quote) == (url, title, "q")
    assert answered(answer)[0]["content"] == content


def test_trap_47_blocks_that_only_another_knows_are_told():
    native = NativePart(dialect="openai-responses", kind="web_search_call", value={})
    image = Media(kind="image", media_type="image/png", data="eA==")
    body, changes = answered(foreign(native, Text(text="a"), image))
    assert body["content"] == [{"type": "text", "text": "a"}]
    assert len(changes.of_weight("meaning")) == 2


def test_other_candidates_are_told():
    answer = ChatAnswer(
        dialect="google",
        id="",
        model="",
        candidates=(Candidate(parts=(Text(text="a"),)), Candidate(parts=(), index=1)),
    )
    body, changes = answered(answer)
    assert (body["id"], body["model"]) == (ASKED.request_id, ASKED.model)
    assert body["content"] == [{"type": "text", "text": "a"}]
    assert [one.what for one in changes] == ["candidates"]
    assert taken(ChatAnswer(dialect="google", id="i", model="m", candidates=()))["content"] == []


def test_members_of_other_dialects_that_words_say_are_no_change():
    native = Native(dialect="openai-chat", fields={"usage": {"prompt_tokens": 1}, "object": "x", "other": 1})
    body, changes = answered(foreign(Text(text="a"), native=native))
    assert "prompt_tokens" not in json.dumps(body)
    assert [(one.what, one.weight) for one in changes] == [("other", "loss")]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"null", b"{}", b'{"content":null}', b'{"content":[1]}',
        b'{"content":[{"type":5}]}',
        b'{"content":[{"type":"text"}]}', b'{"content":[{"type":"tool_use","id":1}]}', b"\xff",
        b'{"content":[{"type":"tool_use","id":"a"}]}', b'{"content":[{"type":"thinking"}]}',
        b'{"content":[{"type":"redacted_thinking"}]}', b'{"content":[{"type":"tool_result"}]}',
        b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    ],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_of_the_provider(body: bytes):
    with pytest.raises(UpstreamError):
        CODEC.read_answer(body)


def test_counts_of_tokens():
    assert read_count(b'{"input_tokens":7,"more":1}') == 7
    assert json.loads(write_count(7)) == {"input_tokens": 7}
    for body in (b"", b"{}", b'{"input_tokens":true}', b'{"input_tokens":-1}', b'{"input_tokens":"7"}'):
        with pytest.raises(UpstreamError):
            read_count(body)
