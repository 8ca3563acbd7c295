"""The results as a table for people, on a terminal and in Markdown. Pure but for printing.

Read next: `results`, `verdicts`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.results import Memory, Results, Shipping

NONE = "-"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: what stands above it, and what it says of a server."""

    head: str
    cell: Callable[[Results, str], str]


def _number(value: float | None, digits: int = 0) -> str:
    return NONE if value is None else f"{value:,.{digits}f}"


def _shipping(results: Results, server: str) -> Shipping | None:
    runs = [run.shipping for run in results.closed_of(server, "json") if run.shipping]
    return sorted(runs, key=lambda run: run.shipper_us)[len(runs) // 2] if runs else None


def _beside(results: Results, server: str) -> str:
    shipping = _shipping(results, server)
    return f"{shipping.shipper_us:.0f} + {shipping.postgres_us:.0f}" if shipping else NONE


def _backlog(results: Results, server: str) -> str:
    shipping = _shipping(results, server)
    if shipping is None:
        return NONE
    left = "" if shipping.drained else "+"
    return (
        f"{shipping.backlog_records:,} ({shipping.backlog_bytes / 1e6:.1f} MB, {shipping.drain_s:.1f}{left} s)"
    )


def _added(results: Results, server: str) -> str:
    rates = sorted({run.rate for run in results.opened if run.server == server})
    if not rates:
        return NONE
    rate = rates[-1]
    added = results.added_ms(server, rate)
    if added is None:
        return NONE
    at = "" if rate == results.half_load_rate else f" at {rate:,.0f}/s"
    return f"{added[0]:.2f} / {added[1]:.2f}{at}"


def _stream(kind: str) -> Callable[[Results, str], str]:
    def cell(results: Results, server: str) -> str:
        per_s, cpu = results.per_s(server, kind), results.cpu_us(server, kind)  # type: ignore[arg-type]
        return NONE if per_s is None or cpu is None else f"{per_s:,.0f} · {cpu:,.0f}"

    return cell


def _memory_of(results: Results, server: str) -> Sequence[Memory]:
    return [memory for memory in results.memory if memory.server == server]


def _memory(results: Results, server: str) -> str:
    return " → ".join(f"{memory.gateway_pss_mb:.0f}" for memory in _memory_of(results, server)) or NONE


def _system(results: Results, server: str) -> str:
    found = _memory_of(results, server)
    return f"{found[-1].system_pss_mb:.0f}" if found else NONE


def _instructions(results: Results, server: str) -> str:
    counted = results.instructions.get(server)
    return NONE if counted is None else f"{counted / 1e3:,.0f}k"


COLUMNS: tuple[Column, ...] = (
    Column(head="calls/s", cell=lambda results, server: _number(results.per_s(server, "json"))),
    Column(head="CPU/call µs", cell=lambda results, server: _number(results.cpu_us(server, "json"))),
    Column(head="instructions/call", cell=_instructions),
    Column(head="shipper + PostgreSQL µs/call", cell=_beside),
    Column(head="backlog at the end", cell=_backlog),
    Column(head="added p50 / p99 ms", cell=_added),
    Column(head="streams/s · CPU µs, whole", cell=_stream("whole")),
    Column(head="per event", cell=_stream("event")),
    Column(head="paced", cell=_stream("paced")),
    Column(head="gateway MB", cell=_memory),
    Column(head="system MB", cell=_system),
)


def servers_of(results: Results) -> list[str]:
    """The servers that were measured, in their order."""
    return list(dict.fromkeys(memory.server for memory in results.memory))


def rows(results: Results) -> list[list[str]]:
    """The table's cells: a row a server, its name first."""
    return [[server, *(column.cell(results, server) for column in COLUMNS)] for server in servers_of(results)]


def print_table(results: Results, console: Console) -> None:
    """Print the table, turned where the terminal is narrow: a row a figure, a column a server."""
    cells = rows(results)
    table = Table(title=f"calls of 1 kB, {results.date}")
    table.add_column("")
    for row in cells:
        table.add_column(row[0], justify="right")
    for index, column in enumerate(COLUMNS):
        table.add_row(column.head, *(row[index + 1] for row in cells))
    console.print(table)
