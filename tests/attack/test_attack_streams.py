"""Our own streams and all recorded ones through a whole gateway: what comes out is what went in.

Byte for byte where the client asked for usage itself, and otherwise with exactly what asking for it adds
taken out. Cut down to single bytes: inside characters, lines and the HTTP framing, with pauses, so that reads
see each.
"""

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import msgspec
import psycopg
import pytest
from demo.running import Running, headgate
from tests.attack.conftest import Show
from tests.attack.raw_calls import RawAnswer, call
from tests.attack.stream_cases import StreamCase, own_cases, recorded_cases, stream_of_another_form
from tests.flow.scripted_provider import Reply, ScriptedProvider, Step, chunked, head

CLIENTS = 6
SINGLE_BYTES_MAX = 24_000
"""Longer streams are cut to single bytes at their ends and in some places between."""

CONFIG = """
[providers.chat]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/chat/v1"

[providers.openai]
kind = "openai"
base_url = "http://127.0.0.1:{port}/openai/v1"
api_key = "env:STANDIN_SECRET"

[providers.claude]
kind = "anthropic"
base_url = "http://127.0.0.1:{port}/claude/v1"
api_key = "env:STANDIN_SECRET"

[providers.gemini]
kind = "google"
base_url = "http://127.0.0.1:{port}/gemini/v1beta"
api_key = "env:STANDIN_SECRET"
"""


class Place(msgspec.Struct, frozen=True):
    """A running gateway and the provider behind it."""

    running: Running
    provider: ScriptedProvider

    @property
    def port(self) -> int:
        return int(self.running.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with ScriptedProvider() as provider:
        config = CONFIG.format(port=provider.port)
        with headgate(config, environment={"STANDIN_SECRET": "sk-standin"}) as running:
            yield Place(running, provider)


def sizes(chance: random.Random, length: int, way: str) -> Iterator[int]:
    """Lengths of the pieces that a stream of so many bytes is cut into."""
    done = 0
    while done < length:
        single = way == "single" and (
            length <= SINGLE_BYTES_MAX or min(done, length - done) < 4_000 or done // 1_000 % 20 == 7
        )
        size = 1 if single else chance.choice((1, 2, 3, 7, 50, 700, 5_000))
        yield size
        done += size


def pieces(chance: random.Random, data: bytes, way: str) -> list[bytes]:
    """Cut bytes into pieces; joined, they are the bytes."""
    cut: list[bytes] = []
    start = 0
    for size in sizes(chance, len(data), way):
        cut.append(data[start : start + size])
        start += size
    return cut


def reply(case: StreamCase, chance: random.Random, way: str) -> Reply:
    """The provider's answer, cut: in `whole` as one write, in `framing` also inside chunk sizes and CRLFs."""
    if way == "whole":
        lines = head(200, f"content-length: {len(case.sent)}", kind=case.content_type)
        return (lines + case.sent,)
    framed = [chunked(piece) for piece in pieces(chance, case.sent, way)]
    wire = [head(200, "transfer-encoding: chunked", kind=case.content_type), *framed, b"0\r\n\r\n"]
    if way == "framing":
        wire = pieces(chance, b"".join(wire), "any")
    pauses = {chance.randrange(len(wire)) for _ in range(12)}
    steps: list[Step] = []
    for number, piece in enumerate(wire):
        steps.append(piece)
        if number in pauses:
            steps.append(0.001)
    return steps


async def answers(place: Place, case: StreamCase, ways: tuple[str, ...]) -> list[tuple[str, RawAnswer]]:
    """Ask for a stream once for each way to cut it."""
    found: list[tuple[str, RawAnswer]] = []
    for way in ways:
        chance = random.Random(f"{case.name} {way}")
        place.provider.on(case.provider, case.model, reply(case, chance, way))
        found.append((way, await call(place.port, case.path, case.body, place.running.admin_key)))
    return found


def wrong(case: StreamCase, way: str, given: RawAnswer) -> str | None:
    """Say what differs, if anything does."""
    if given.body == case.expected and given.status == 200 and given.whole:
        return None
    at = next((n for n, (a, b) in enumerate(zip(given.body, case.expected, strict=False)) if a != b), None)
    if at is None:
        at = min(len(given.body), len(case.expected))
    return (
        f"{case.name} cut {way}: status {given.status}, {len(given.body)} of {len(case.expected)} bytes, "
        f"at {at}: {given.body[at : at + 120]!r} for {case.expected[at : at + 120]!r}"
    )


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["own", "recorded"])
async def test_streams_come_out_as_they_went_in_however_they_are_cut(
    place: Place, shown: Show, kind: str
) -> None:
    cases = own_cases() if kind == "own" else recorded_cases()
    ways = ("whole", "single", "random", "framing")
    slots = asyncio.Semaphore(CLIENTS)
    problems: list[str] = []
    done = 0

    async def one(case: StreamCase) -> None:
        nonlocal done
        async with slots:
            for way, given in await answers(place, case, ways):
                done += 1
                problem = wrong(case, way, given)
                if problem is not None:
                    problems.append(problem)

    await asyncio.gather(*(one(case) for case in cases))
    sent = sum(len(case.sent) for case in cases) * len(ways)
    shown(f"{kind}: {len(cases)} streams, each cut in {len(ways)} ways: {done} answers, {sent:,} bytes")
    assert not problems, "\n".join(problems[:20])
    assert done == len(cases) * len(ways)
    found = await asyncio.to_thread(on_record, place, cases, done)
    assert len(found) == len(cases)
    assert not {model: seen for model, seen in found.items() if len(seen) != 1}, "usage depends on the cuts"
    assert {count for seen in found.values() for count in seen.values()} == {len(ways)}


def on_record(place: Place, cases: Sequence[StreamCase], count: int) -> dict[str, Counter[tuple[int, str]]]:
    """Status and usage of every call of those streams, by model, once all are there."""
    models = [f"{case.provider}/{case.model}" for case in cases]
    query = "select model, status, usage::text from requests where stream and model = any(%s)"
    deadline = time.monotonic() + 30
    with psycopg.connect(place.running.database_url(), autocommit=True) as connection:
        while (
            len(rows := connection.execute(query, (models,)).fetchall()) < count
            and time.monotonic() < deadline
        ):
            time.sleep(0.2)
    found: defaultdict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
    for model, status, usage in rows:
        found[model][status, usage] += 1
    return found


async def test_a_stream_of_another_form_is_refused_whole_and_never_half(place: Place) -> None:
    case = stream_of_another_form()
    for way, given in await answers(place, case, ("whole", "single")):
        assert given.status == 502, way
        assert json.loads(given.body)["error"]["code"] == "upstream_error"
        assert b"value" not in given.body
