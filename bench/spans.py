"""How many spans two cores take: `python -m bench.spans --rate 5000 [--seconds 30] [--away 60]`.

A real `headgate up` on one core (gateway, control and shipper), PostgreSQL on the other, and an exporter that
sends at a fixed rate, whatever the answers. Says what each process used, how soon traces were visible with
their cost, and whether a span was lost. `--away` stops PostgreSQL for so long in the midst of it.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psycopg
from demo.running import Running, headgate
from demo.scratch import scratch_folder

from bench.machine import cores, cpu_s, pin, rss_mb, tree, used
from bench.span_payloads import CALLS_PER_TRACE, SPANS_PER_REQUEST, SPANS_PER_TRACE, Requests
from headgate import __file__ as headgate_package
from headgate.store.embedded import EmbeddedPostgres

AGAIN_S: Final = 1.0
LOOK_S: Final = 0.05
DRAIN_S_MAX: Final = 300.0
QUIET_S: Final = 15.0
"""Once nothing has come for so long, nothing more will."""
AWAY_AFTER: Final = 0.25
"""The share of a run after which the database is stopped."""
CONFIGURATION: Final = '[providers.mock]\nkind = "mock"\n\n[models.small]\ntargets = ["mock/small"]\n'


@dataclass
class Sent:
    """What the exporter did, and when traces were first seen in full."""

    accepted: int = 0
    again: int = 0
    failed: int = 0
    waiting: dict[bytes, float] = field(default_factory=dict[bytes, float])
    seen_s: list[float] = field(default_factory=list[float])
    answers_s: list[float] = field(default_factory=list[float])


class Exporter:
    """Sends at a fixed rate, and comes again where it is told to."""

    def __init__(self, url: str, key: str, sent: Sent) -> None:
        self._sent = sent
        self._requests = Requests()
        headers = {"authorization": f"Bearer {key}", "content-type": "application/x-protobuf"}
        limits = httpx.Limits(max_connections=32)
        self._client = httpx.AsyncClient(
            base_url=url, headers=headers, limits=limits, timeout=60, trust_env=False
        )

    async def run(self, rate: float, seconds: float) -> None:
        """Send for so long, then wait for all answers."""
        began, number = time.monotonic(), 0
        every_s = SPANS_PER_REQUEST / rate
        async with self._client, asyncio.TaskGroup() as tasks:
            while number * every_s < seconds:
                await asyncio.sleep(max(0.0, began + number * every_s - time.monotonic()))
                tasks.create_task(self._send())
                number += 1

    async def _send(self) -> None:
        body, ids = self._requests.make()
        began = time.monotonic()
        while True:
            try:
                answer = await self._client.post("/v1/traces", content=body)
            except httpx.TransportError:
                self._sent.again += 1
                await asyncio.sleep(AGAIN_S)
                continue
            if answer.status_code == 200:
                break
            if answer.status_code not in (429, 502, 503, 504):
                self._sent.failed += 1
                print(f"{answer.status_code}: {answer.text[:200]}", file=sys.stderr)
                return
            self._sent.again += 1
            await asyncio.sleep(float(answer.headers.get("retry-after", AGAIN_S)))
        self._sent.accepted += SPANS_PER_REQUEST
        self._sent.answers_s.append(time.monotonic() - began)
        self._sent.waiting[ids[0]] = began


async def watch(url: str, sent: Sent) -> None:
    """Look for the first trace of each request: all of its spans, and all of its calls counted."""
    query = (
        "select trace_id from traces where project = 'default' and trace_id = any(%s)"
        f" and spans = {SPANS_PER_TRACE} and calls = {CALLS_PER_TRACE}"
    )
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                while True:
                    await asyncio.sleep(LOOK_S)
                    ids = [identity.hex() for identity in sent.waiting]
                    cursor = await connection.execute(query, (ids,))  # pyright: ignore[reportArgumentType]
                    for (found,) in await cursor.fetchall():
                        sent.seen_s.append(time.monotonic() - sent.waiting.pop(found.bytes))
        except psycopg.Error:
            await asyncio.sleep(LOOK_S)


async def stay_away(server: EmbeddedPostgres, after_s: float, away_s: float, core: int) -> None:
    """Stop the database for a while."""
    await asyncio.sleep(after_s)
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(away_s)
    await asyncio.to_thread(server.start)
    assert server.pid is not None
    pin(tree({server.pid}), {core})


async def drain(url: str, sent: Sent) -> tuple[int, int, float]:
    """Wait until all spans are there, or nothing more comes; return spans, those in traces, and the time."""
    began = changed = time.monotonic()
    spans = summed = 0
    while time.monotonic() - began < DRAIN_S_MAX:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            cursor = await connection.execute("select count(*) from spans")
            row = await cursor.fetchone()
            cursor = await connection.execute("select coalesce(sum(spans), 0)::bigint from traces")
            added = await cursor.fetchone()
        assert row is not None and added is not None
        if row[0] != spans:
            changed = time.monotonic()
        spans, summed = row[0], added[0]
        if (spans >= sent.accepted and not sent.waiting) or time.monotonic() - changed > QUIET_S:
            break
        await asyncio.sleep(0.5)
    return spans, summed, time.monotonic() - began


def processes(running: Running, server: EmbeddedPostgres) -> dict[str, frozenset[int]]:
    """The processes by part."""
    parts = {role: frozenset(running.worker_pids(role)) for role in ("gateway", "control", "shipper")}
    assert server.pid is not None
    return {**parts, "postgres": frozenset({server.pid})}


def quantile(values: list[float], share: float) -> float:
    """The value below which that share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


async def measure(running: Running, server: EmbeddedPostgres, options: argparse.Namespace) -> bool:
    """Send, watch, and say what was found; whether nothing was lost."""
    where = cores()
    database_core = min(where.others)
    parts = processes(running, server)
    for name, pids in parts.items():
        pin(tree(pids), {database_core if name == "postgres" else where.gateway})
    pin({os.getpid()}, {database_core})
    key = running.make_key("bench")
    sent = Sent()
    exporter = Exporter(running.url, key, sent)
    before = {name: cpu_s(tree(pids), with_ended=True) for name, pids in parts.items()}
    machine, began = used(), time.monotonic()
    watching = asyncio.create_task(watch(server.url, sent))
    sending = asyncio.create_task(exporter.run(options.rate, options.seconds))
    if options.away:
        await stay_away(server, options.seconds * AWAY_AFTER, options.away, database_core)
    await sending
    took_s = time.monotonic() - began
    busy_s = used().busy_s - machine.busy_s
    after = {name: cpu_s(tree(pids), with_ended=True) for name, pids in processes(running, server).items()}
    memory = {name: rss_mb(tree(pids)) for name, pids in parts.items() if name != "postgres"}
    spans, summed, drained_s = await drain(server.url, sent)
    watching.cancel()
    print(f"sent {sent.accepted} spans in {took_s:.1f} s: {sent.accepted / took_s:.0f} a second")
    print(f"came again {sent.again} times, refused {sent.failed}; machine {busy_s / took_s:.2f} cores")
    for name, before_s in before.items():
        used_s = after[name] - before_s
        held = f", {memory[name]:.0f} MB" if name in memory else ""
        each_us = used_s / sent.accepted * 1e6
        print(f"{name:9} {used_s / took_s:5.0%} of a core, {each_us:5.1f} µs a span{held}")
    answers = f"p50 {quantile(sent.answers_s, 0.5):.3f} s, p99 {quantile(sent.answers_s, 0.99):.3f} s"
    print(f"answered  {answers}")
    seen = f"p50 {quantile(sent.seen_s, 0.5):.2f} s, p99 {quantile(sent.seen_s, 0.99):.2f} s"
    print(f"visible   {seen}, of {len(sent.seen_s)} traces; never {len(sent.waiting)}")
    print(f"lost      {sent.accepted - spans} spans; in traces {summed}; drained in {drained_s:.1f} s")
    return spans == sent.accepted == summed


def main() -> int:
    """Measure; 1 where spans were lost, or counted twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5000.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--away", type=float, default=0.0)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"load {load:.1f}; rate {options.rate:.0f}, {options.seconds:.0f} s, away {options.away:.0f} s")
    with tempfile.TemporaryDirectory(prefix="hg-", dir=scratch_folder(), ignore_cleanup_errors=True) as made:
        folder = Path(made)
        source = str(Path(headgate_package).resolve().parents[1])
        (folder / "database").mkdir()
        with EmbeddedPostgres(folder / "database") as server:
            up = headgate(
                CONFIGURATION,
                folder=folder,
                environment={"PYTHONPATH": source},
                database_url=server.url,
            )
            with up as running:
                return 0 if asyncio.run(measure(running, server, options)) else 1


if __name__ == "__main__":
    sys.exit(main())
