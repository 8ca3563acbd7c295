"""The order of measurements: servers in turn, several rounds, disturbed runs again.

Never computes a ratio. Read next: `measuring` for one run.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import httpx

from bench.instructions import instructions_per_call
from bench.loads import LoadFailed
from bench.measuring import Bench, make_calls, measure_closed, measure_memory, measure_open
from bench.payloads import Kind
from bench.results import Results, Run
from bench.serving import Serving
from bench.starting import answers

R = TypeVar("R", bound=Run)

PACED_CONNECTIONS = 128
PEER_SECONDS_MIN = 5.0
MANAGES = 0.8
"""A peer is asked at the common rate where that is at most so much of what it can answer at all."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured. `calls` are those before memory is measured again.

    The bounds on time keep the whole within half an hour: a peer that answers 50 calls a second makes fewer
    calls, and on a machine that is disturbed all the time the repeats come to an end.
    """

    rounds: int
    seconds: float
    calls: int
    repeats_max: int
    kinds: tuple[Kind, ...]
    rate: float | None = None
    calls_s_max: float = 120.0
    peer_calls_s_max: float = 60.0
    repeats_s_max: float = 300.0

    def steps(self, servers: int) -> int:
        """How many runs there will be, for the progress bar; repeats come on top."""
        return servers * (self.rounds * (len(self.kinds) + 1) + 3) + self.rounds


def check(serving: Serving, kinds: Sequence[Kind]) -> tuple[Kind, ...]:
    """Ask each kind once and return those that are answered as they should be; say which are not."""
    good: list[Kind] = []
    for kind in kinds:
        ask, port = serving.asks.get(kind), serving.port_of(kind)
        if ask is None:
            continue
        try:
            answer = answers(f"http://127.0.0.1:{port}{ask.path}", ask.headers, ask.body)
        except httpx.HTTPError as error:
            print(f"{serving.name} does not answer {kind}: {error}", file=sys.stderr)
            continue
        whole = b"data: [DONE]" in answer.content if kind != "json" else b"choices" in answer.content
        if answer.status_code == 200 and whole:
            good.append(kind)
        else:
            start = answer.text[:200]
            print(f"{serving.name} answers {kind} with {answer.status_code}: {start}", file=sys.stderr)
    return tuple(good)


class Rounds:
    """Runs a plan on servers that are up, and keeps what comes out in `results`."""

    def __init__(self, bench: Bench, plan: Plan, results: Results, say: Callable[[str], None]) -> None:
        self._bench = bench
        self._plan = plan
        self._results = results
        self._say = say
        self._failed: set[str] = set()
        self._repeats_s_left = plan.repeats_s_max

    def run(self, direct: Serving, servings: Sequence[Serving]) -> None:
        """Measure memory at rest, speed, latency, instructions, and memory after many calls."""
        kinds = {serving.name: check(serving, self._plan.kinds) for serving in servings}
        for serving in servings:
            self._results.memory.append(measure_memory(serving, 0, 0))
            for kind in self._plan.kinds:
                if kind in serving.asks and kind not in kinds[serving.name]:
                    self._note(serving, f"{kind} is not answered as it should be, so it is not measured")
                    self._results.unfinished.append(serving.name)
        for number in range(self._plan.rounds):
            for serving in servings:
                for kind in kinds[serving.name]:
                    self._say(f"round {number + 1}: {serving.name}, {kind}, kept full")
                    self._while_up(serving, partial(self._closed, serving, kind))
        self._latency(direct, servings)
        for serving in servings:
            self._say(f"{serving.name}, instructions a call")
            self._while_up(serving, partial(self._instructions, serving))
        for serving in servings:
            if not serving.is_brief:
                self._while_up(serving, partial(self._memory, serving))

    def _while_up(self, serving: Serving, measure: Callable[[], None]) -> None:
        """Measure, unless the server has failed before: then it is left alone, and a note says why."""
        if serving.name in self._failed:
            return
        try:
            measure()
        except LoadFailed as reason:
            self._failed.add(serving.name)
            self._results.unfinished.append(serving.name)
            self._note(serving, f"measured no further: {reason}")

    def _instructions(self, serving: Serving) -> None:
        per_s = self._results.per_s(serving.name, "json") or 1.0
        counted = instructions_per_call(self._bench, serving, per_s)
        if counted is not None:
            self._results.instructions[serving.name] = counted

    def _closed(self, serving: Serving, kind: Kind) -> None:
        plan = self._plan
        seconds = max(plan.seconds, PEER_SECONDS_MIN) if _is_peer(serving) else plan.seconds
        connections = PACED_CONNECTIONS if kind == "paced" else self._bench.connections
        runs = self._undisturbed(lambda: measure_closed(self._bench, serving, kind, seconds, connections))
        self._results.closed += runs

    def _latency(self, direct: Serving, servings: Sequence[Serving]) -> None:
        results = self._results
        full = {serving.name: results.per_s(serving.name, "json") for serving in servings}
        reference = full.get("headgate") or next((value for value in full.values() if value), None)
        if reference is None:
            return
        common = self._plan.rate or float(round(reference / 2))
        results.half_load_rate = common
        results.is_rate_given = self._plan.rate is not None
        for number in range(self._plan.rounds):
            self._while_up(direct, partial(self._open, direct, common, number))
            for serving in servings:
                most = full[serving.name]
                if most is None or serving.is_brief or serving.name in self._failed:
                    continue
                rate = common if common <= most * MANAGES else max(1.0, float(round(most / 2)))
                if rate != common:
                    self._while_up(direct, partial(self._open, direct, rate, number))
                self._while_up(serving, partial(self._open, serving, rate, number))

    def _open(self, serving: Serving, rate: float, number: int) -> None:
        self._say(f"round {number + 1}: {serving.name}, {rate:.0f} calls/s")
        self._results.opened += self._undisturbed(
            lambda: measure_open(self._bench, serving, rate, self._plan.seconds)
        )

    def _undisturbed(self, measure: Callable[[], R]) -> list[R]:
        """Measure again while others disturb; all runs are kept, and the disturbed ones say so."""
        runs = [measure()]
        while runs[-1].disturbed and len(runs) <= self._plan.repeats_max and self._repeats_s_left > 0:
            began_s = time.monotonic()
            runs.append(measure())
            self._repeats_s_left -= time.monotonic() - began_s
        return runs

    def _memory(self, serving: Serving) -> None:
        """Measure after a tenth of the calls, when caches are full, and after all of them."""
        per_s = self._results.per_s(serving.name, "json") or 1.0
        seconds = self._plan.peer_calls_s_max if _is_peer(serving) else self._plan.calls_s_max
        calls = min(self._plan.calls, int(per_s * seconds * 0.8))
        if calls < self._plan.calls:
            self._note(serving, f"memory after {calls:,} calls, since more would have taken too long")
        answered = 0
        for share in (0.1, 0.9):
            self._say(f"{serving.name}, memory after {int(calls * share):,} calls")
            made = make_calls(self._bench, serving, int(calls * share), seconds)
            if made is None:
                self._note(serving, "calls for the measure of memory took too long and were broken off")
                break
            load = made.load
            answered += load.ok
            if load.refused:
                why = serving.journal.why_refused() if serving.journal else ""
                self._note(serving, f"{load.refused:,} calls refused with {load.first_refused}: {why or '?'}")
            if made.recorded:
                self._results.recorded.append(made.recorded)
            self._results.memory.append(measure_memory(serving, answered, load.refused + load.broken))

    def _note(self, serving: Serving, text: str) -> None:
        self._results.notes.setdefault(serving.name, []).append(text)


def _is_peer(serving: Serving) -> bool:
    return serving.name not in ("nginx", "headgate", "headgate-uvicorn")
