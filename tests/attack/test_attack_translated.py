"""Broken and hostile answers of providers on ways that translate: every caller's dialect, every provider's.

However an answer breaks, whole or streamed, before or after its first token: the caller's own SDK raises, the
record says what failed and whether the answer was truncated, and nothing stays reserved. What is passed
through and breaks: `test_attack_answers`, `tests/flow/test_gateway_streams.py`.
"""

import re
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import msgspec
import openai
import psycopg
import pytest
from demo.running import Running, headgate
from google.genai import errors as google_errors
from tests.flow.dialect_clients import Chat, Client, Messages, Responses
from tests.flow.google_client import Gemini
from tests.flow.scripted_provider import Reply, ScriptedProvider, Step, chunked, head, stream, whole
from tests.wire.dialects.across_walk import ASKED
from tests.wire.dialects.bedrock_samples import exception

from headgate.core.call import AnyDialect, Usage
from headgate.core.chat import Candidate, ChatAnswer, Finish, Text
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import unfold
from headgate.wire.dialects.registry import CODECS

KINDS: dict[AnyDialect, str] = {
    "openai-chat": 'kind = "openai-compatible"\nservice = "llama-cpp"\n'
    'base_url = "http://127.0.0.1:{port}/{name}/v1"',
    "openai-responses": 'kind = "openai"\nbase_url = "http://127.0.0.1:{port}/{name}/v1"',
    "anthropic": 'kind = "anthropic"\nbase_url = "http://127.0.0.1:{port}/{name}/v1"',
    "google": 'kind = "google"\nbase_url = "http://127.0.0.1:{port}/{name}/v1beta"',
    "bedrock": 'kind = "bedrock"\nregion = "eu-central-1"\nbase_url = "http://127.0.0.1:{port}/{name}"',
}
MODELS: dict[AnyDialect, str] = {"openai-responses": "gpt-5-pro-x"}
_PROVIDER = """
[providers.{name}]
{kind}
api_key = "env:STANDIN_SECRET"

[[budgets]]
name = "of-{name}"
scope = {{ provider = "{name}" }}
limit = "100 USD"
window = "total"
"""
_TARGET = """
[models."{alias}"]
targets = ["{name}/{model}"]
translation = "lenient"
timeout = {{ connect = "2s", first_token = "5s", idle = "5s", total = "20s" }}
retry = {{ attempts = 1 }}

[prices."{name}/{model}"]
input = "1"
output = "2"
max_output = 1000
context_window = 100000
"""
TARGETS = 72
"""Of each provider: each breakage has its own, so that none meets what another's failures did to it."""
RAISED = (openai.APIError, anthropic.APIError, google_errors.APIError)
WORDS = "Rivers run long and far. "
LINE_BYTES = 100 * 1024 * 1024
GROWTH_BYTES_MAX = 160 * 1024 * 1024
BINARY = "application/vnd.amazon.eventstream"
CALLERS: tuple[type[Chat] | type[Responses] | type[Messages] | type[Gemini], ...] = (
    Chat, Responses, Messages, Gemini,
)  # fmt: skip
PAIRS = [
    pytest.param(caller.dialect, spoken, id=f"{caller.dialect}-to-{spoken}")
    for caller in CALLERS
    for spoken in KINDS
    if caller.dialect != spoken
]


class Place(msgspec.Struct, frozen=True):
    """A running gateway, the providers behind it, and a client of each dialect."""

    running: Running
    provider: ScriptedProvider
    clients: dict[str, Client]
    numbers: dict[str, Iterator[int]]

    def target(self, spoken: AnyDialect) -> tuple[str, str]:
        """An alias that no other call has, and its target's model."""
        number = next(self.numbers[spoken])
        return alias_of(spoken, number), model_of(spoken, number)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with ScriptedProvider() as provider:
        config = "".join(
            _PROVIDER.format(name=name, kind=kind.format(port=provider.port, name=name))
            for name, kind in KINDS.items()
        ) + "".join(
            _TARGET.format(name=name, alias=alias_of(name, number), model=model_of(name, number))
            for name in KINDS
            for number in range(TARGETS)
        )
        with headgate(config, environment={"STANDIN_SECRET": "standin"}) as running:
            clients: list[Client] = [kind(running.url, running.admin_key) for kind in CALLERS]
            numbers = {name: iter(range(TARGETS)) for name in KINDS}
            yield Place(running, provider, {one.dialect: one for one in clients}, numbers)
            for one in clients:
                one.close()


def alias_of(spoken: AnyDialect, number: int) -> str:
    return f"to-{spoken}-{number}"


def model_of(spoken: AnyDialect, number: int) -> str:
    return f"{MODELS.get(spoken, 'some-model')}-{number}"


ANSWER = ChatAnswer(
    dialect="openai",
    id="answer-1",
    model="some-model",
    candidates=(Candidate(parts=(Text(text=WORDS * 8),), finish=Finish(reason="stop", native="")),),
    usage=Usage(input=10, output=20),
)


def body_of(spoken: AnyDialect) -> bytes:
    return CODECS[spoken].write_answer(ANSWER, ASKED, Changes())


def pieces_of(spoken: AnyDialect) -> list[bytes]:
    """The events of a good stream: all up to the text first, and then those that end it."""
    out = CODECS[spoken].events_out(ASKED, Changes())
    said = [piece for event in unfold(ANSWER) if (piece := out.write(event))]
    texts = [place for place, piece in enumerate(said) if WORDS.strip().encode() in piece]
    return [b"".join(said[: texts[0] + 1]), *said[texts[0] + 1 :]]


ERRORS: dict[AnyDialect, bytes] = {
    "openai-chat": b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n',
    "openai-responses": b'event: error\ndata: {"type":"error","code":"x","message":"overloaded","param":null,'
    b'"sequence_number":9}\n\n',
    "anthropic": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error",'
    b'"message":"overloaded"}}\n\n',
    "google": b'data: {"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}\n\n',
    "bedrock": exception("throttlingException", {"message": "overloaded"}),
}
WRONG: dict[AnyDialect, bytes] = {
    "openai-chat": b'data: {"choices":7}\n\n',
    "openai-responses": b"event: response.output_text.delta\ndata: [7]\n\n",
    "anthropic": b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":"x","delta":7}\n\n',
    "google": b'data: {"candidates":7}\n\n',
    "bedrock": b"\0\0\0\x10\0\0\0\0abcd0000",
}
NOT_JSON = b'data: {"not json\n\n'
STREAMS = ("cut", "unfinished", "error", "garbage", "wrong types", "late error")


def broken_stream(spoken: AnyDialect, how: str) -> Reply:
    first, *rest = pieces_of(spoken)
    kind = BINARY if spoken == "bedrock" else "text/event-stream"
    match how:
        case "cut":
            return stream(first, 0.05, "cut", end=False, kind=kind)
        case "unfinished":
            return stream(first, kind=kind)
        case "error":
            return stream(ERRORS[spoken], kind=kind)
        case "late error":
            return stream(first, ERRORS[spoken], kind=kind)
        case "garbage":
            return stream(first, b"\xff" * 64 if spoken == "bedrock" else NOT_JSON, *rest, kind=kind)
        case _:
            return stream(first, WRONG[spoken], *rest, kind=kind)


WHOLES = ("cut", "half", "page", "wrong types", "error", "empty")


def broken_whole(spoken: AnyDialect, how: str) -> Reply:
    body = body_of(spoken)
    match how:
        case "cut":
            return (head(200, f"content-length: {len(body)}") + body[: len(body) // 2], 0.05, "cut")
        case "half":
            return (whole(body[: len(body) // 2]),)
        case "page":
            return (whole(b"<html>Welcome</html>", kind="text/html"),)
        case "wrong types":
            return (whole(b'{"choices":7,"output":7,"content":7,"candidates":7,"usage":[]}'),)
        case "error":
            return (whole(b'{"type":"error","error":{"message":"overloaded","type":"x","code":503}}'),)
        case _:
            return (whole(b""),)


def asked(place: Place, caller: str, spoken: AnyDialect, reply: Reply, *, streamed: bool) -> str:
    """Ask once; return what the client's library raised."""
    alias, model = place.target(spoken)
    place.provider.on(spoken, model, reply)
    client = place.clients[caller]
    ask = client.stream if streamed else client.ask
    with pytest.raises(RAISED) as raised:
        ask(alias, [client.user("Tell me of rivers")])
    return str(raised.value)


def records(place: Place, count: int) -> list[Any]:
    """The latest so many calls on record, once so many more than before are there."""
    query = "select status, code, truncated, estimated, cost_usd, model from requests order by id"
    deadline = time.monotonic() + 20
    with psycopg.connect(place.running.database_url(), autocommit=True) as connection:
        while len(rows := connection.execute(query).fetchall()) < count:
            assert time.monotonic() < deadline, (len(rows), count)
            time.sleep(0.1)
    return rows


def check_settled(place: Place) -> None:
    """Nothing is held any more, and what was spent is what the records say."""
    deadline = time.monotonic() + 20
    while True:
        budgets: list[Any] = place.running.get("/budgets")["items"]
        if all(Decimal(one["reserved_usd"]) == 0 for one in budgets):
            return
        assert time.monotonic() < deadline, budgets
        time.sleep(0.2)


def count(place: Place) -> int:
    with psycopg.connect(place.running.database_url(), autocommit=True) as connection:
        [found] = connection.execute("select count(*) from requests").fetchall()
    return int(found[0])


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("caller", "spoken"), PAIRS)
def test_trap_17_a_broken_stream_is_an_error_and_never_a_success(
    place: Place, caller: str, spoken: AnyDialect
) -> None:
    before = count(place)
    for how in STREAMS:
        said = asked(place, caller, spoken, broken_stream(spoken, how), streamed=True)
        assert said.strip(), how
        if "error" in how:
            assert "overloaded" in said, (how, said)
    rows = records(place, before + len(STREAMS))[before:]
    for how, (status, code, truncated, estimated, cost, _) in zip(STREAMS, rows, strict=True):
        assert code == "upstream_error", (how, code)
        assert truncated == (how != "error"), how
        assert status == (502 if how == "error" else 200), (how, status)
        assert estimated and cost > 0, how
    check_settled(place)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("caller", "spoken"), PAIRS)
def test_a_broken_whole_answer_is_an_error(place: Place, caller: str, spoken: AnyDialect) -> None:
    before = count(place)
    for how in WHOLES:
        assert asked(place, caller, spoken, broken_whole(spoken, how), streamed=False).strip(), how
    rows = records(place, before + len(WHOLES))[before:]
    for how, (status, code, _, estimated, cost, _) in zip(WHOLES, rows, strict=True):
        assert (status, code) == (502, "upstream_error"), how
        assert estimated and cost > 0, how
    check_settled(place)


def peak_bytes(running: Running) -> int:
    [pid] = running.worker_pids("gateway")
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def long_line(spoken: AnyDialect) -> Reply:
    """A stream whose next event never ends."""
    kind = BINARY if spoken == "bedrock" else "text/event-stream"
    begin = b"\x7f\xff\xff\xff\0\0\0\0abcd" if spoken == "bedrock" else b'data: {"x":"'
    piece = chunked(b"y" * (1024 * 1024))
    steps: list[Step] = [head(200, "transfer-encoding: chunked", kind=kind), chunked(pieces_of(spoken)[0])]
    return [*steps, chunked(begin), *[piece] * (LINE_BYTES // (1024 * 1024)), b"0\r\n\r\n"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("spoken", KINDS)
def test_a_line_of_100_mb_is_an_error_in_bounded_memory(place: Place, spoken: AnyDialect) -> None:
    caller = "openai-chat" if spoken == "anthropic" else "anthropic"
    before, peak = count(place), peak_bytes(place.running)
    assert asked(place, caller, spoken, long_line(spoken), streamed=True).strip()
    [(status, code, truncated, *_)] = records(place, before + 1)[before:]
    assert (status, code, truncated) == (200, "upstream_error", True)
    assert peak_bytes(place.running) - peak < GROWTH_BYTES_MAX
    check_settled(place)


def test_the_stand_ins_answer_well_where_nothing_breaks(place: Place) -> None:
    """What the other tests break is good before: without that, they would show nothing."""
    for caller in CALLERS:
        for spoken in KINDS:
            kind = BINARY if spoken == "bedrock" else "text/event-stream"
            client = place.clients[caller.dialect]
            alias, model = place.target(spoken)
            replies = (whole(body_of(spoken)),), stream(*pieces_of(spoken), kind=kind)
            place.provider.on(spoken, model, *replies)
            assert client.ask(alias, [client.user("hi")]).text == WORDS * 8
            assert client.stream(alias, [client.user("hi")]).text == WORDS * 8
