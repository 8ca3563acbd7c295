"""`make bench`: Headgate beside nginx and its peers on this machine, a table and a verdict on each promise.

Never hides a figure that does not hold. Read next: `rounds` for the order, docs/concepts/benchmark.md for
what the figures mean.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.headgate_server import commit
from bench.machine import Cores, cores, describe
from bench.measuring import Bench
from bench.payloads import STREAMS, Kind
from bench.readme import replace_between
from bench.results import Results
from bench.rounds import Plan, Rounds
from bench.servers import SERVERS, direct
from bench.serving import Serving
from bench.starting import CACHE, CannotStart, need_programs
from bench.table import markdown, print_table
from bench.upstream import Upstream, upstream
from bench.verdicts import is_failed

CONNECTIONS = 32
README = CACHE.parent / "README.md"
OURS = ("nginx", "headgate", "headgate-uvicorn")
"""What is always measured; without one of these there is no benchmark."""


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; return the exit status.

    It is 1 when nginx or Headgate was not measured to the end, when an answered call is not on record, and
    with --strict when any promised figure does not hold. Otherwise those are printed, and it is 0.
    """
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _end_in_order)
    talk = Console(stderr=True)
    if options.again:
        results = msgspec.json.decode(options.again.read_bytes(), type=Results)
    else:
        try:
            need_programs(("nginx", "wrk", "gcc", "taskset"))
        except CannotStart as reason:
            raise SystemExit(f"error: {reason}") from reason
        results = measure(options, talk)
        talk.print(f"written to {save(results, options.cache)}")
    print_table(results, Console())
    (options.cache / "table.md").write_text(markdown(results), encoding="utf-8")
    if options.write_readme:
        replace_between(README, "bench", markdown(results))
        talk.print(f"{README.name} shows it")
    return int(is_failed(results, strict=options.strict))


def _end_in_order(number: int, frame: FrameType | None) -> None:
    # An exception, so that everything that was started is ended.
    raise SystemExit(128 + number)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.benchmark")
    parser.add_argument("--only", help="servers to measure, such as headgate,nginx")
    parser.add_argument("--no-peers", action="store_true", help="nginx and Headgate only")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in turn; figures are medians")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each run")
    parser.add_argument("--calls", type=int, default=200_000, help="calls before memory is measured again")
    parser.add_argument("--rate", type=float, help="calls/s of the latency runs; else half of Headgate's")
    parser.add_argument("--repeats", type=int, default=2, help="how often a disturbed run is made again")
    parser.add_argument("--quick", action="store_true", help="one short round, few calls, nothing repeated")
    parser.add_argument("--strict", action="store_true", help="fail when a promised figure does not hold")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for peers and results")
    parser.add_argument("--again", type=Path, metavar="JSON", help="show earlier results; measure nothing")
    parser.add_argument("--write-readme", action="store_true", help="put the table into README.md")
    return parser.parse_args(arguments)


def _plan(options: argparse.Namespace) -> Plan:
    if options.quick:
        return Plan(
            rounds=1,
            seconds=min(2.0, options.seconds),
            calls=min(10_000, options.calls),
            repeats_max=0,
            kinds=("json", "event"),
            rate=options.rate,
        )
    kinds: tuple[Kind, ...] = ("json", *STREAMS)
    return Plan(
        rounds=options.rounds,
        seconds=options.seconds,
        calls=options.calls,
        repeats_max=options.repeats,
        kinds=kinds,
        rate=options.rate,
    )


def _names(options: argparse.Namespace) -> list[str]:
    if options.only:
        names = [name.strip() for name in options.only.split(",")]
        unknown = [name for name in names if name not in SERVERS]
        if unknown:
            raise SystemExit(
                f"error: {', '.join(unknown)} is unknown\nhint: --only takes {', '.join(SERVERS)}"
            )
        return names
    return list(OURS) if options.no_peers else list(SERVERS)


def measure(options: argparse.Namespace, talk: Console) -> Results:
    """Start what is asked for, measure it, and end it."""
    where = cores()
    machine = {**describe(), "commit": commit()}
    os.sched_setaffinity(0, where.others)
    cache: Path = options.cache.resolve()
    plan = _plan(options)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(upstream(cache / "running", cache / "programs"))
        servings, missing = _started(stack, _names(options), source, cache / "running", where)
        results = Results(
            machine=machine,
            versions={serving.name: serving.version for serving in servings},
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
            notes={**missing, **{serving.name: list(serving.notes) for serving in servings if serving.notes}},
        )
        bench = Bench(
            cores=where,
            upstream=source,
            folder=cache / "programs",
            own_pid=os.getpid(),
            connections=CONNECTIONS,
            warm_s=1,
            drain_s_max=15 if options.quick else 60,
            servings=servings,
        )
        say = stack.enter_context(_progress(talk, plan.steps(len(servings))))
        Rounds(bench, plan, results, say).run(direct(source), servings)
    return results


def _started(
    stack: contextlib.ExitStack, names: Sequence[str], source: Upstream, cache: Path, where: Cores
) -> tuple[list[Serving], dict[str, list[str]]]:
    """Start servers; a peer that can't be had is missing from the table, and the table says why."""
    servings: list[Serving] = []
    missing: dict[str, list[str]] = {}
    for name in names:
        try:
            servings.append(stack.enter_context(SERVERS[name](source, cache, where)))
        except (CannotStart, OSError, subprocess.SubprocessError) as reason:
            if name in OURS:
                raise SystemExit(f"error: {reason}") from reason
            print(f"{name} is left out: {reason}", file=sys.stderr)
            missing[name] = [f"left out: {str(reason).partition(chr(10))[0]}"]
    return servings, missing


@contextlib.contextmanager
def _progress(talk: Console, steps: int) -> Generator[Callable[[str], None]]:
    """A bar on a terminal, and a line a step elsewhere."""
    if not talk.is_terminal:
        yield lambda text: print(text, file=sys.stderr, flush=True)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=talk, transient=True) as progress:
        task = progress.add_task("starting", total=steps)
        begun = iter(range(steps + 1))

        def say(text: str) -> None:
            progress.update(task, description=text, completed=min(next(begun, steps), steps))

        yield say


def save(results: Results, cache: Path) -> Path:
    """Write the results as JSON and return where."""
    folder = cache / "results"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    path = folder / f"{stamp}.json"
    path.write_text(json.dumps(dataclasses.asdict(results), indent=1))
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
