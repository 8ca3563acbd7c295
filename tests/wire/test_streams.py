from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Dialect, Operation, Usage
from headgate.core.faults import UpstreamError
from headgate.wire.model import StreamReader
from headgate.wire.sse import EventSplitter, data_of
from headgate.wire.streams import reader

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "wire"


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One stream, and what has to be seen in it."""

    file: str
    dialect: Dialect = "openai-chat"
    operation: Operation = "chat"
    usage: Usage | None = None
    finished: bool = True
    error: str | None = None
    model: str | None = "gpt-5-mini-2026-01-01"
    tier: str | None = None
    commit: bytes = b""
    """The event that commits holds this; empty: none does."""
    output_bytes: int = 0


CHAT_USAGE = Usage(input=20, cache_read=10, output=8, reasoning=4)
GOOGLE_USAGE = Usage(input=80, input_audio=22, cache_read=20, cache_read_audio=8, output=10, reasoning=20)
CASES = (
    Case(file="chat_asked.sse", usage=CHAT_USAGE, commit="Grüße".encode(), tier="default"),
    Case(file="chat_unasked.sse", commit="Grüße".encode(), tier="default"),
    Case(file="chat_crlf.sse", usage=CHAT_USAGE, commit="Grüße".encode(), tier="default"),
    Case(
        file="chat_on_last_chunk.sse",
        usage=Usage(input=3, cache_read=2, output=3),
        commit=b'"hm"',
        tier="default",
        output_bytes=5,
    ),
    Case(
        file="chat_groq.sse", usage=Usage(input=5, output=3), commit=b'"yes"', tier="default", output_bytes=3
    ),
    Case(
        file="chat_error.sse",
        finished=False,
        error="upstream went away",
        commit=b'"ye"',
        tier="default",
        output_bytes=2,
    ),
    Case(
        file="completions.sse",
        dialect="openai",
        operation="completions",
        usage=Usage(input=5, output=1),
        model="m",
        commit=b'"yes"',
        output_bytes=3,
    ),
    Case(
        file="anthropic.sse",
        dialect="anthropic",
        usage=Usage(
            input=25,
            cache_read=7,
            cache_write=100,
            cache_write_1h=200,
            output=31,
            reasoning=9,
            units={"web_search": 2},
        ),
        model="claude-sonnet-4-6",
        commit="höm".encode(),
    ),
    Case(
        file="anthropic_cut.sse",
        dialect="anthropic",
        finished=False,
        error="Overloaded",
        model="claude-sonnet-4-6",
        commit=b'"Hel"',
        output_bytes=3,
    ),
    Case(
        file="responses.sse",
        dialect="openai-responses",
        usage=Usage(input=30, cache_read=20, output=12, reasoning=18, units={"web_search": 1}),
        model="gpt-5",
        tier="priority",
        commit="Grüße".encode(),
        output_bytes=7,
    ),
    Case(
        file="responses_failed.sse", dialect="openai-responses", error="it broke", model="gpt-5", tier="auto"
    ),
    Case(
        file="google.sse",
        dialect="google",
        usage=GOOGLE_USAGE,
        model="gemini-3-flash",
        commit=b"hm [",
    ),
    Case(
        file="google_array.json",
        dialect="google",
        usage=GOOGLE_USAGE,
        model="gemini-3-flash",
        commit=b"hm [",
    ),
    Case(
        file="google_error.json",
        dialect="google",
        finished=False,
        error="The model is overloaded.",
        model=None,
    ),
    Case(
        file="images.sse",
        dialect="openai",
        operation="images",
        usage=Usage(input=10, input_image=40, output_image=50),
        model=None,
        commit=b"partial_image",
    ),
)


def facts(seen: StreamReader) -> tuple[object, ...]:
    return (
        seen.usage,
        seen.usage_raw,
        seen.model,
        seen.service_tier,
        seen.response_id,
        seen.finished,
        seen.error,
        seen.output_bytes,
    )


def run(case: Case, pieces: list[bytes], *, strip_usage: bool) -> tuple[bytes, bytes, StreamReader]:
    """Feed the pieces; return what came before commit, and all that came."""
    seen = reader(case.dialect, case.operation, strip_usage=strip_usage)
    before, out, committed = b"", b"", False
    for piece in pieces:
        event = seen.feed(piece)
        out += event.data
        assert event.commits or not committed
        committed = event.commits
        if not committed:
            before = out
    last = seen.end()
    return before, out + last.data, seen


def one_byte(body: bytes) -> list[bytes]:
    return [body[index : index + 1] for index in range(len(body))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_what_a_stream_says_is_seen_and_its_bytes_are_kept(case: Case):
    body = fixture(case.file)
    before, out, seen = run(case, one_byte(body), strip_usage=False)
    assert out == body
    assert seen.usage == case.usage
    assert (seen.finished, seen.error, seen.model) == (case.finished, case.error, case.model)
    assert seen.service_tier == case.tier
    if case.commit:
        committing = body.index(case.commit)
        assert len(before) <= committing
        assert body[len(before) : committing].count(b"data:") <= 1
    else:
        assert before == out
    if case.output_bytes:
        assert seen.output_bytes == case.output_bytes
    assert seen.output_bytes > 0 or not case.commit


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
@given(data=st.data())
def test_any_chunking_gives_the_same(case: Case, data: st.DataObject):
    body = fixture(case.file)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(body)), max_size=12)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    for strip in (False, True):
        _, whole, one = run(case, [body], strip_usage=strip)
        _, out, other = run(case, pieces, strip_usage=strip)
        assert out == whole
        assert facts(one) == facts(other)


def test_stripping_takes_out_exactly_what_asking_had_added():
    case = CASES[0]
    _, out, seen = run(case, one_byte(fixture("chat_asked.sse")), strip_usage=True)
    assert out == fixture("chat_unasked.sse")
    assert seen.usage == CHAT_USAGE
    _, kept, _ = run(case, [fixture("chat_unasked.sse")], strip_usage=True)
    assert kept == fixture("chat_unasked.sse")
    _, kept, _ = run(case, [fixture("chat_on_last_chunk.sse")], strip_usage=True)
    assert kept == fixture("chat_on_last_chunk.sse")


@pytest.mark.parametrize(
    ("event", "stripped"),
    [
        (b'{"usage":null,"choices":[{}]}', b'{"choices":[{}]}'),
        (b'{"choices":[{"usage":null}],"usage":null}', b'{"choices":[{"usage":null}]}'),
        (b'{"choices":[{}], "usage": null, "x":{"usage":null}}', b'{"choices":[{}], "x":{"usage":null}}'),
        (b'{"choices":[{"x":[{"usage":null}]}]}', b'{"choices":[{"x":[{"usage":null}]}]}'),
        (b'{"usage":null}', b"{}"),
        (b'{"choices":[{"delta":{"content":"\\"usage\\":null"}}],"usage":null,"a":"b"}',
         b'{"choices":[{"delta":{"content":"\\"usage\\":null"}}],"a":"b"}'),
        (b'{"choices":[{}],"usage":null,"usage":null}', b'{"choices":[{}],"usage":null,"usage":null}'),
        (b'{"\xff":1,"usage":null,"a":[1]}', b'{"\xff":1,"usage":null,"a":[1]}'),
        (b'{"choices":[{}],"usage":{"prompt_tokens":1}}', b'{"choices":[{}],"usage":{"prompt_tokens":1}}'),
    ],
)  # fmt: skip
def test_only_the_usage_of_the_chunk_itself_is_stripped(event: bytes, stripped: bytes):
    seen = reader("openai-chat", "chat", strip_usage=True)
    assert seen.feed(b"data: " + event + b"\n\n").data == b"data: " + stripped + b"\n\n"


def test_usage_of_a_running_sum_is_not_final_before_the_end():
    seen = reader("openai-chat", "chat", strip_usage=False)
    chunk = (
        b'data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"completion_tokens":1}}\n\n'
    )
    seen.feed(chunk)
    assert seen.usage is None
    seen.feed(chunk.replace(b'"delta"', b'"finish_reason":"stop","delta"').replace(b":1}", b":9}"))
    assert seen.usage == Usage(input=5, output=9)


def test_anthropic_and_google_usage_is_not_final_before_the_end():
    cases: list[tuple[str, Dialect]] = [("anthropic_cut.sse", "anthropic"), ("google.sse", "google")]
    for file, dialect in cases:
        seen = reader(dialect, "chat", strip_usage=False)
        body = fixture(file)
        seen.feed(body[: body.rindex(b"data:")])
        assert seen.usage is None
        assert not seen.finished


def test_an_unfinished_event_is_held_back():
    seen = reader("openai-chat", "chat", strip_usage=False)
    assert seen.feed(b'data: {"choices":[]}\n\ndata: {"cho').data == b'data: {"choices":[]}\n\n'
    assert seen.end().data == b'data: {"cho'


@given(
    st.lists(st.sampled_from([b"data: a", b":c", b"", b"id: 1", "data:ü".encode()]), max_size=8), st.data()
)
def test_events_are_cut_by_the_specification(lines: list[bytes], data: st.DataObject):
    end = data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    body = b"".join(line + end for line in lines)
    size = data.draw(st.integers(1, 5))
    splitter = EventSplitter()
    events = [event for at in range(0, len(body), size) for event in splitter.feed(body[at : at + size])]
    rest = splitter.rest()
    assert b"".join(events) + rest == body
    wanted = [[line[5:].removeprefix(b" ") for line in block if line.startswith(b"data:")]
              for block in _blocks(lines)]  # fmt: skip
    found = [data_of(event) for event in [*events, rest]]
    assert [text for text in found if text] == [b"\n".join(texts) for texts in wanted if texts]


def _blocks(lines: list[bytes]) -> list[list[bytes]]:
    blocks: list[list[bytes]] = [[]]
    for line in lines:
        if line:
            blocks[-1].append(line)
        else:
            blocks.append([])
    return blocks


@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic", "google", "openai-responses"])
def test_an_endless_event_is_refused(dialect: Dialect):
    seen = reader(dialect, "chat", strip_usage=False)
    begin = b"[{" if dialect == "google" else b"data: "
    seen.feed(begin)
    with pytest.raises(UpstreamError):
        for _ in range(20):
            seen.feed(b"x" * (1 << 20))


@given(
    st.binary(max_size=300),
    st.sampled_from(["openai-chat", "openai-responses", "openai", "anthropic", "google"]),
)
def test_garbage_is_relayed_and_harms_nothing(garbage: bytes, dialect: Dialect):
    for body in (garbage, b"data: " + garbage + b"\n\n", b'data: {"choices":' + garbage + b"}\n\n"):
        seen = reader(dialect, "chat", strip_usage=False)
        assert seen.feed(body).data + seen.end().data == body
