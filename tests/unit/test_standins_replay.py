"""The replay provider: which exchange answers, and how badly its body is cut."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Dialect
from headgate.core.faults import Misconfigured
from headgate.core.ports import Answer, Origin, Outgoing
from headgate.standins.exchanges import FIXTURES, RecordedExchange, load_exchanges
from headgate.standins.replay import ReplayTransport, cut
from headgate.wire.answers import read_answer
from headgate.wire.streams import reader

EXCHANGES = load_exchanges(FIXTURES)
DIALECTS: dict[str, Dialect] = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "google-generate": "google",
}


def outgoing(path: str, body: dict[str, Any]) -> Outgoing:
    return Outgoing(
        origin=Origin("replay", "", 0),
        method="POST",
        target=path.encode(),
        headers=[],
        body=json.dumps(body).encode(),
    )


async def parts_of(answer: Answer) -> list[bytes]:
    parts: list[bytes] = []
    while part := await answer.chunk():
        parts.append(part)
    return parts


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.id.rsplit("/", 1)[-1])
async def test_the_same_request_has_the_recorded_answer(exchange: RecordedExchange) -> None:
    transport = ReplayTransport(EXCHANGES)
    answer = await transport.send(outgoing(exchange.path, exchange.request))
    parts = await parts_of(answer)
    assert answer.status == exchange.status
    assert answer.header(b"content-type") == exchange.content_type.encode()
    assert b"".join(parts) == exchange.response.encode()
    assert transport.matched == 1
    if exchange.stream:
        assert len(parts) > 20
        assert any(len(part) == 1 for part in parts)


@pytest.mark.parametrize(
    "exchange",
    [one for one in EXCHANGES if one.dialect in DIALECTS and one.status == 200],
    ids=lambda exchange: exchange.id.rsplit("/", 1)[-1],
)
async def test_fixtures_are_read_as_their_dialect(exchange: RecordedExchange) -> None:
    dialect = DIALECTS[exchange.dialect]
    answer = await ReplayTransport(EXCHANGES).send(outgoing(exchange.path, exchange.request))
    if not exchange.stream:
        if "countTokens" in exchange.path:
            return
        usage = read_answer(dialect, "chat", await answer.read(1_000_000)).usage
        assert usage is not None
        assert usage.total > 0
        return
    seen = reader(dialect, "chat", strip_usage=False)
    relayed = b"".join([seen.feed(part).data for part in await parts_of(answer)]) + seen.end().data
    assert relayed == exchange.response.encode()
    assert seen.finished


async def test_another_request_of_the_model_takes_the_next_in_turn() -> None:
    transport = ReplayTransport(EXCHANGES)
    body = {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Anything else?"}]}
    answers = [
        await (await transport.send(outgoing("/v1/chat/completions", body))).read(10**6) for _ in range(5)
    ]
    recorded = {one.response.encode() for one in EXCHANGES if one.request.get("model") == "gpt-4.1-mini"}
    assert set(answers) <= recorded
    assert len(set(answers)) == 4
    assert answers[4] == answers[0]
    assert transport.matched == 0


async def test_another_models_name_does_not_hide_the_same_request() -> None:
    transport = ReplayTransport(EXCHANGES)
    recorded = EXCHANGES[-1]
    path = recorded.path.replace("gemini-2.5-flash", "gemini-next")
    answer = await transport.send(outgoing(path, recorded.request))
    assert await answer.read(10**6) == recorded.response.encode()


async def test_what_was_never_recorded_is_404_and_names_what_was() -> None:
    body = {"model": "gpt-9", "messages": [{"role": "user", "content": "Anything else?"}]}
    answer = await ReplayTransport(EXCHANGES).send(outgoing("/v1/chat/completions", body))
    assert answer.status == 404
    assert b"gpt-4.1-mini" in await answer.read(10**6)


@given(body=st.binary(max_size=400), seed=st.integers(0, 1000))
def test_cuts_lose_nothing(body: bytes, seed: int) -> None:
    assert b"".join(cut(body, Random(seed))) == body


def test_cuts_go_through_characters() -> None:
    body = ("data: お早うございます 🚲\n\n" * 5).encode()
    parts = cut(body, Random(1))
    assert any(part[:1] and 0x80 <= part[0] < 0xC0 for part in parts)


def test_a_line_that_is_no_exchange_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('\n{"id": 3}\n', encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"bad\.jsonl:2"):
        load_exchanges(file)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="nowhere"):
        load_exchanges(tmp_path / "nowhere.jsonl")
