"""What a translation costs: processor time of the gateway, for whole answers and for streams.

    python -m bench.translation [--seconds 3] [--rounds 3]

Two tables. The first is of the facade alone, over the streams of the stand-in: the bar is 25 microseconds a
chunk. The second is of a real gateway that wrk keeps full, in front of an nginx that answers fixed bytes:
each caller's dialect passed through, and translated to each other one, in turns; the bar is three times the
cost of a call that is passed. Exits with 1 where a bar is missed. Read next: `wire.translating`.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.running import Running, headgate

from bench.loads import Target, closed_loop
from bench.machine import cores, cpu_s, pin
from bench.serving import Ask
from bench.starting import on_free_port
from bench.upstream import nginx
from headgate.catalog.model import MockSettings
from headgate.core.call import Dialect
from headgate.core.chat import ChatCall
from headgate.core.ports import Origin, Outgoing
from headgate.core.quirks import PLAIN
from headgate.standins.mock import MockTransport
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked
from headgate.wire.sse import EventSplitter
from headgate.wire.translating import Translation

DIALECTS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "google")
PATHS: dict[Dialect, str] = {
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/{model}:generateContent",
}
RATIO_MAX = 3.0
CHUNK_US_MAX = 25.0
CONNECTIONS = 32
TOKENS = 120
QUESTION = "Tell me of rivers, of lakes and of the sea, and of what lives in each of them. " * 8

_PROVIDER = """
[providers.to-{dialect}]
kind = "mock"
base_url = "http://127.0.0.1:{port}"
dialects = ["{dialect}"]

[prices."to-{dialect}/m"]
input = "1"
output = "2"
max_output = 4000
context_window = 100000
"""


def body_of(dialect: Dialect, model: str, *, stream: bool = False) -> bytes:
    """A plain call of about 700 bytes."""
    if dialect == "google":
        fields: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]}
        return json.dumps(fields).encode()
    fields = {"model": model, "stream": stream}
    if dialect == "openai-responses":
        fields |= {"input": [{"role": "user", "content": QUESTION}], "max_output_tokens": 2000}
    else:
        fields |= {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 2000}
    if dialect == "openai-chat" and stream:
        fields["stream_options"] = {"include_usage": True}
    return json.dumps(fields).encode()


def path_of(dialect: Dialect, model: str, *, stream: bool = False) -> str:
    """Where a call goes."""
    path = PATHS[dialect].replace("{model}", model)
    return path.replace("generate", "streamGenerate") + "?alt=sse" if dialect == "google" and stream else path


async def answer_of(dialect: Dialect, *, stream: bool) -> bytes:
    """What the stand-in answers, as bytes."""
    outgoing = Outgoing(
        origin=Origin("mock", "m", 0),
        method="POST",
        target=path_of(dialect, "m", stream=stream).encode(),
        headers=[(b"content-type", b"application/json")],
        body=body_of(dialect, "m", stream=stream),
    )
    answer = await MockTransport(MockSettings(output_tokens=TOKENS)).send(outgoing)
    assert answer.status == 200
    return await answer.read(1 << 24)


def locations() -> str:
    """What each dialect's path is answered with, as nginx writes it."""
    rows: list[str] = []
    for dialect in DIALECTS:
        said = asyncio.run(answer_of(dialect, stream=False)).decode()
        assert "'" not in said and "$" not in said
        path = PATHS[dialect].replace("{model}", "m")
        rows.append(f"location = {path} {{ default_type application/json; return 200 '{said}'; }}")
    return "\n".join(rows)


@contextmanager
def upstream(folder: Path) -> Generator[int]:
    """Run an nginx that answers each dialect's path with fixed bytes; gives its port."""
    http = "server { listen 127.0.0.1:PORT backlog=4096;\n" + locations() + "\n}"
    with on_free_port(lambda port: nginx(folder, http.replace("PORT", str(port)), port)) as (port, _):
        yield port


def measure_calls(running: Running, seconds: int, rounds: int) -> bool:
    """Print what calls cost the gateway, passed and translated, in turns; whether the bar is kept."""
    key = running.make_key("bench")
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    port = int(running.url.rpartition(":")[2])
    gateway = frozenset(running.worker_pids("gateway"))
    where = cores()
    pin(gateway, {where.gateway})
    spent: dict[tuple[Dialect, Dialect], list[float]] = {}
    for turn in range(rounds + 1):
        for own in DIALECTS:
            for other in DIALECTS:
                model = f"to-{other}/m"
                ask = Ask(path=path_of(own, model), headers=headers, body=body_of(own, model))
                target = Target(port=port, ask=ask, folder=running.folder)
                before = cpu_s(gateway)
                made = closed_loop(target, connections=CONNECTIONS, seconds=seconds if turn else 1)
                if made.refused or made.broken:
                    raise SystemExit(f"error: {own} to {other}: {made.refused} refused, {made.broken} broken")
                if turn:  # the first is to warm up
                    each = (cpu_s(gateway) - before) * 1e6 / made.calls
                    spent.setdefault((own, other), []).append(each)
    print("| caller | passed, us | " + " | ".join(f"to {dialect}" for dialect in DIALECTS) + " |")
    print("|---|---|" + "---|" * len(DIALECTS))
    kept = True
    for own in DIALECTS:
        passed = min(spent[own, own])
        ratios = {other: min(spent[own, other]) / passed for other in DIALECTS if other != own}
        kept = kept and all(ratio <= RATIO_MAX for ratio in ratios.values())
        cells = [f"{ratios[other]:.2f} x" if other != own else "" for other in DIALECTS]
        print(f"| {own} | {passed:.0f} | " + " | ".join(cells) + " |")
    return kept


def measure_chunks(rounds: int) -> bool:
    """Print what a chunk of a stream costs the facade; whether the bar is kept."""
    cut: dict[Dialect, list[bytes]] = {}
    for dialect in DIALECTS:
        cut[dialect] = EventSplitter().feed(asyncio.run(answer_of(dialect, stream=True)))
    print("| provider | chunks | " + " | ".join(f"for {dialect}, us" for dialect in DIALECTS) + " |")
    print("|---|---|" + "---|" * len(DIALECTS))
    kept = True
    for other in DIALECTS:
        costs = {own: _chunk_us(own, other, cut[other], rounds) for own in DIALECTS if own != other}
        kept = kept and max(costs.values()) <= CHUNK_US_MAX
        cells = [f"{costs[own]:.1f}" if own != other else "" for own in DIALECTS]
        print(f"| {other} | {len(cut[other])} | " + " | ".join(cells) + " |")
    return kept


def _chunk_us(own: Dialect, other: Dialect, chunks: list[bytes], rounds: int) -> float:
    translation = Translation.between(own, other, PLAIN)
    assert translation is not None
    chat = ChatCall(dialect=own, model="m", messages=(), stream=True)
    least = float("inf")
    for _ in range(rounds * 20):
        at = time.process_time()
        reader = translation.stream_reader(chat, Asked(model="m"), Changes())
        for chunk in chunks:
            reader.feed(chunk)
        reader.end()
        least = min(least, time.process_time() - at)
        assert reader.finished
    return least * 1e6 / len(chunks)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="bench.translation", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="for each pair and round")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    chunks = measure_chunks(arguments.rounds)
    with tempfile.TemporaryDirectory() as folder, upstream(Path(folder)) as port:
        providers = "".join(_PROVIDER.format(dialect=dialect, port=port) for dialect in DIALECTS)
        with headgate(providers) as running:
            calls = measure_calls(running, arguments.seconds, arguments.rounds)
    if not (calls and chunks):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
