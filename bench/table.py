"""The results as a table for people, on a terminal and in Markdown. Pure but for printing.

Read next: `results`, `verdicts`.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.payloads import Kind
from bench.results import Memory, Results, Shipping
from bench.verdicts import verdicts

NONE = "-"
NAMES = {
    "nginx": "nginx, plain proxy",
    "headgate": "Headgate, everything on",
    "headgate-uvicorn": "Headgate with uvicorn",
    "litellm": "LiteLLM",
    "portkey": "Portkey",
    "tensorzero": "TensorZero",
}
LEGEND = "~ rests on disturbed runs only"
_COLOURS = {"held": "green", "NOT held": "bold red"}
DISTURBED = " ~"
"""Behind a figure that rests on disturbed runs only."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A row: what it is called, and what it says of a server."""

    head: str
    cell: Callable[[Results, str], str]


def _marked_if(disturbed: bool) -> str:
    return DISTURBED if disturbed else ""


def _per_s(results: Results, server: str) -> str:
    value = results.per_s(server, "json")
    return NONE if value is None else f"{value:,.0f}" + _marked_if(results.is_disturbed(server, "json"))


def _cpu(results: Results, server: str) -> str:
    value = results.cpu_us(server, "json")
    return NONE if value is None else f"{value:,.0f} µs" + _marked_if(results.is_disturbed(server, "json"))


def _to_nginx(results: Results, server: str) -> str:
    own, nginx = results.cpu_us(server, "json"), results.cpu_us("nginx", "json")
    disturbed = results.is_disturbed(server, "json") or results.is_disturbed("nginx", "json")
    return NONE if own is None or not nginx else f"{own / nginx:,.1f} ×" + _marked_if(disturbed)


def _instructions(results: Results, server: str) -> str:
    counted = results.instructions.get(server)
    return NONE if counted is None else f"{counted / 1e3:,.0f},000"


def _instructions_to_nginx(results: Results, server: str) -> str:
    own, nginx = results.instructions.get(server), results.instructions.get("nginx")
    return NONE if own is None or not nginx else f"{own / nginx:,.1f} ×"


def _shipping(results: Results, server: str) -> list[Shipping]:
    return [run.shipping for run in results.closed_of(server, "json") if run.shipping]


def _beside(results: Results, server: str) -> str:
    runs = _shipping(results, server)
    if not runs:
        return NONE
    shipper = statistics.median(run.shipper_us for run in runs)
    postgres = statistics.median(run.postgres_us for run in runs)
    return f"{shipper:,.0f} + {postgres:,.0f} µs"


def _backlog(results: Results, server: str) -> str:
    runs = _shipping(results, server)
    if not runs:
        return NONE
    worst = max(runs, key=lambda run: run.backlog_records)
    drained = f"gone in {worst.drain_s:.1f} s" if worst.drained else f"not gone in {worst.drain_s:.0f} s"
    return f"{worst.backlog_records:,} calls, {worst.backlog_bytes / 1e6:.1f} MB, {drained}"


def _added(results: Results, server: str) -> str:
    rates = sorted({run.rate for run in results.opened if run.server == server})
    added = results.added(server, rates[-1]) if rates else None
    if added is None:
        return NONE
    return f"{added.p50_ms:,.2f} / {added.p99_ms:,.2f} ms at {rates[-1]:,.0f}/s" + _marked_if(added.disturbed)


def _late(results: Results, server: str) -> str:
    late = [run.late_p99_ms for run in results.opened if run.server == server and not run.disturbed]
    late = late or [run.late_p99_ms for run in results.opened if run.server == server]
    return f"{max(late):,.2f} ms" if late else NONE


def _stream(kind: Kind) -> Callable[[Results, str], str]:
    def cell(results: Results, server: str) -> str:
        per_s, cpu = results.per_s(server, kind), results.cpu_us(server, kind)
        mark = _marked_if(results.is_disturbed(server, kind))
        return NONE if per_s is None or cpu is None else f"{per_s:,.0f}/s, {cpu:,.0f} µs{mark}"

    return cell


def _memory_of(results: Results, server: str) -> Sequence[Memory]:
    return [memory for memory in results.memory if memory.server == server]


def _megabytes(memory: Memory) -> str:
    return f"{memory.gateway_rss_mb:.0f} ({memory.gateway_pss_mb:.0f}) MB"


def _at_rest(results: Results, server: str) -> str:
    return next((_megabytes(memory) for memory in _memory_of(results, server)), NONE)


def _after(results: Results, server: str) -> str:
    found = [memory for memory in _memory_of(results, server) if memory.calls]
    return f"{_megabytes(found[-1])} after {found[-1].calls:,}" if found else NONE


def _system(results: Results, server: str) -> str:
    found = _memory_of(results, server)
    return f"{max(memory.system_pss_mb for memory in found):.0f} MB" if found else NONE


def _connections(results: Results, server: str) -> str:
    runs = results.closed_of(server, "json")
    return f"{max(run.upstream_connections for run in runs):,}" if runs else NONE


def _failed(results: Results, server: str) -> str:
    runs = [*results.closed, *results.opened, *results.memory]
    failed = sum(run.failed for run in runs if run.server == server)
    return f"{failed:,}"


def _disturbed(results: Results, server: str) -> str:
    runs = [run for run in [*results.closed, *results.opened] if run.server == server]
    return f"{sum(run.disturbed for run in runs)} of {len(runs)}"


FIGURES: tuple[Figure, ...] = (
    Figure(head="calls/s, one core, 32 connections", cell=_per_s),
    Figure(head="CPU per call, gateway", cell=_cpu),
    Figure(head="... beside nginx", cell=_to_nginx),
    Figure(head="instructions per call, gateway", cell=_instructions),
    Figure(head="... beside nginx", cell=_instructions_to_nginx),
    Figure(head="CPU per call, shipper + PostgreSQL", cell=_beside),
    Figure(head="backlog at the end of a full run", cell=_backlog),
    Figure(head="added p50 / p99", cell=_added),
    Figure(head="... in which the load client was late, p99", cell=_late),
    Figure(head="60-event streams, whole: rate, CPU each", cell=_stream("whole")),
    Figure(head="60-event streams, event by event", cell=_stream("event")),
    Figure(head="60-event streams, paced, 128 at once", cell=_stream("paced")),
    Figure(head="memory of the gateway at rest, resident (proportional)", cell=_at_rest),
    Figure(head="... after many calls", cell=_after),
    Figure(head="memory of the whole system", cell=_system),
    Figure(head="upstream connections opened in a run", cell=_connections),
    Figure(head="calls that failed", cell=_failed),
    Figure(head="runs disturbed by others", cell=_disturbed),
)


def servers_of(results: Results) -> list[str]:
    """The servers that were measured, in their order."""
    return list(dict.fromkeys(memory.server for memory in results.memory))


def head_of(results: Results, server: str) -> str:
    """A server's name and version."""
    return f"{NAMES.get(server, server)} {results.versions.get(server, '')}".strip()


def rows(results: Results) -> list[list[str]]:
    """A row a figure: its name, then what it says of each server."""
    servers = servers_of(results)
    return [[figure.head, *(figure.cell(results, server) for server in servers)] for figure in FIGURES]


def foot(results: Results) -> str:
    """Date and machine."""
    machine = results.machine
    virtual = ", a virtual machine" if machine.get("virtual") == "yes" else ""
    return (
        f"{results.date}; {machine.get('cpu')}, {machine.get('cores')} cores{virtual}, "
        f"{machine.get('memory')}, {machine.get('kernel')}, Python {machine.get('python')} "
        f"({machine.get('build', 'build unknown')})"
    )


def markdown(results: Results) -> str:
    """The table and the verdicts as Markdown, without a heading."""
    heads = [head_of(results, server) for server in servers_of(results)]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows(results)]
    lines += ["", f"Measured {foot(results)}. Medians; {LEGEND}.", ""]
    lines += [
        f"- {head_of(results, name)}: {note}." for name, notes in results.notes.items() for note in notes
    ]
    lines += ["", "| Promise | Measured | |", "|---|---:|---|"]
    lines += [
        f"| {verdict.promise} | {verdict.measured} | {_marked(verdict.outcome)} |"
        for verdict in verdicts(results)
    ]
    return "\n".join(lines) + "\n"


def _marked(outcome: str) -> str:
    return outcome if outcome == "held" else f"**{outcome}**"


def print_table(results: Results, console: Console) -> None:
    """Print the table, the notes and the verdicts."""
    table = Table(title="one call of 1 kB, answered with 0.7 kB", caption=f"{foot(results)}; {LEGEND}")
    table.add_column("")
    for server in servers_of(results):
        table.add_column(head_of(results, server), justify="right")
    for row in rows(results):
        table.add_row(*row)
    console.print(table)
    for name, notes in results.notes.items():
        for note in notes:
            console.print(f"{name}: {note}")
    if "headgate" not in servers_of(results):
        return
    judged = Table(title="promises")
    judged.add_column("")
    judged.add_column("measured", justify="right")
    judged.add_column("")
    for verdict in verdicts(results):
        outcome = f"[{_COLOURS.get(verdict.outcome, 'yellow')}]{verdict.outcome}[/]"
        judged.add_row(verdict.promise, verdict.measured, outcome)
    console.print(judged)
