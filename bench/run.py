"""`make bench`: Headgate beside nginx and its peers on this machine, a table and a verdict on each promise.

Never hides a figure that does not hold. Read next: `rounds` for the order, docs/concepts/benchmark.md for what
the columns mean.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.machine import cores, describe
from bench.measuring import Bench
from bench.payloads import STREAMS, Kind
from bench.results import Results
from bench.rounds import Plan, Rounds
from bench.servers import SERVERS, direct
from bench.starting import CACHE, need_programs
from bench.table import print_table
from bench.upstream import upstream

CONNECTIONS = 32


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; return the exit status."""
    options = _options(arguments)
    console = Console(stderr=True)
    need_programs(("nginx", "wrk", "gcc"))
    results = measure(options, console)
    path = save(results, options.cache)
    print_table(results, Console())
    console.print(f"written to {path}")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="servers to measure, such as headgate,nginx")
    parser.add_argument("--no-peers", action="store_true", help="nginx and Headgate only")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in turn; figures are medians")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each run")
    parser.add_argument("--calls", type=int, default=200_000, help="calls before memory is measured again")
    parser.add_argument("--rate", type=float, help="calls/s of the latency runs; half of Headgate's most")
    parser.add_argument("--quick", action="store_true", help="one short round, few calls, nothing repeated")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder for peers and results")
    return parser.parse_args(arguments)


def _plan(options: argparse.Namespace) -> Plan:
    kinds: tuple[Kind, ...] = ("json", *STREAMS)
    if options.quick:
        return Plan(
            rounds=min(options.rounds, 1), seconds=2, calls=10_000, repeats_max=0, kinds=("json", "event")
        )
    return Plan(
        rounds=options.rounds,
        seconds=options.seconds,
        calls=options.calls,
        repeats_max=2,
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
    return ["nginx", "headgate"] if options.no_peers else list(SERVERS)


def measure(options: argparse.Namespace, console: Console) -> Results:
    """Start what is asked for, measure it, and end it."""
    where = cores()
    os.sched_setaffinity(0, where.others)
    cache: Path = options.cache.resolve()
    plan, names = _plan(options), _names(options)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(upstream(cache / "running", cache / "programs"))
        servings = [
            stack.enter_context(SERVERS[name](source, cache / "running", where)) for name in names
        ]
        results = Results(
            machine=describe(),
            versions={serving.name: serving.version for serving in servings},
            date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        )
        bench = Bench(
            cores=where,
            upstream=source,
            folder=cache / "programs",
            own_pid=os.getpid(),
            connections=CONNECTIONS,
            warm_s=0 if options.quick else 1,
            drain_s_max=15 if options.quick else 60,
        )
        Rounds(bench, plan, results, console.print).run(direct(source), servings)
    return results


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
