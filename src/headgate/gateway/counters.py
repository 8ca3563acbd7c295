"""What a gateway process counts, as Prometheus text. Bounded: label values beyond a cap become `other`.

Format: Prometheus exposition format 0.0.4. Read next: `gateway.service`, which writes it for control.
"""

from bisect import bisect_left
from typing import Final

import msgspec

from headgate.core.money import PICO_PER_USD
from headgate.gateway.call import Call
from headgate.gateway.health import Health
from headgate.journal.writer import JournalWriter
from headgate.meters.purse import PurseState

BUCKETS_MS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000, 300_000)
SERIES_MAX: Final = 1000


class Histogram:
    """Counts of durations under fixed edges, in milliseconds."""

    __slots__ = ("counts", "sum_ms")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_MS) + 1)
        self.sum_ms = 0

    def add(self, value_ms: int) -> None:
        """Count one duration."""
        self.sum_ms += value_ms
        self.counts[bisect_left(BUCKETS_MS, value_ms)] += 1


class Totals(msgspec.Struct):
    """What a target's calls have used: tokens in and out, and cost."""

    input: int = 0
    output: int = 0
    cost_pico_usd: int = 0


class Counters:
    """Calls, tokens and cost by target and status since the process began."""

    __slots__ = ("calls", "durations", "first_tokens", "open_calls", "tasks", "totals")

    def __init__(self) -> None:
        self.calls: dict[tuple[str, int, str], int] = {}
        self.totals: dict[str, Totals] = {}
        self.durations = Histogram()
        self.first_tokens = Histogram()
        self.open_calls = 0
        self.tasks = 0
        """How many tasks the gateway's loop had when it was last looked at."""

    def call_ended(self, call: Call, *, status: int, code: str, duration_ms: int) -> None:
        """Count a call that has ended."""
        target = call.answered_target or "none"
        series = (target, status, code)
        count = self.calls.get(series, 0)
        if not count and len(self.calls) >= SERIES_MAX:
            target = "other"
            series = (target, status, code if len(self.calls) < 2 * SERIES_MAX else "")
            count = self.calls.get(series, 0)
        self.calls[series] = count + 1
        self.durations.add(duration_ms)
        if call.first_token_ms is not None:
            self.first_tokens.add(call.first_token_ms)
        totals = self.totals.get(target)
        if totals is None:
            totals = self.totals[target] = Totals()
        totals.input += call.usage.total_input
        totals.output += call.usage.total_output
        totals.cost_pico_usd += call.cost_pico_usd or 0

    def exposition(self, health: Health, purse: PurseState, journal: JournalWriter, gateway: str) -> str:
        """Write all series, with the gateway's name as a label."""
        own = f'gateway="{_escape(gateway)}"'
        lines = ["# TYPE headgate_calls_total counter"]
        lines += [
            f'headgate_calls_total{{{own},target="{_escape(target)}",status="{status}",code="{_escape(code)}"}}'
            f" {count}"
            for (target, status, code), count in sorted(self.calls.items())
        ]
        lines.append("# TYPE headgate_tokens_total counter")
        lines += [
            f'headgate_tokens_total{{{own},target="{_escape(target)}",type="{kind}"}} {count}'
            for target, totals in sorted(self.totals.items())
            for kind, count in (("input", totals.input), ("output", totals.output))
        ]
        lines.append("# TYPE headgate_cost_usd_total counter")
        lines += [
            f'headgate_cost_usd_total{{{own},target="{_escape(target)}"}} {_usd(totals.cost_pico_usd)}'
            for target, totals in sorted(self.totals.items())
            if totals.cost_pico_usd
        ]
        lines += _histogram("headgate_call_duration_seconds", own, self.durations)
        lines += _histogram("headgate_first_token_seconds", own, self.first_tokens)
        lines.append("# TYPE headgate_target_calls_in_flight gauge")
        lines += [
            f'headgate_target_calls_in_flight{{{own},target="{_escape(name)}"}} {seen.calls_in_flight}'
            for name, seen in sorted(health.items())
        ]
        lines += ["# TYPE headgate_calls_open gauge", f"headgate_calls_open{{{own}}} {self.open_calls}"]
        lines += ["# TYPE headgate_tasks gauge", f"headgate_tasks{{{own}}} {self.tasks}"]
        lines += [
            "# TYPE headgate_reserved_usd gauge",
            f"headgate_reserved_usd{{{own}}} {_usd(purse.reserved)}",
        ]
        lines += ["# TYPE headgate_overrun_usd_total counter"]
        lines += [f"headgate_overrun_usd_total{{{own}}} {_usd(purse.overrun)}"]
        lines += _journal(own, journal)
        return "\n".join(lines) + "\n"


def _journal(own: str, journal: JournalWriter) -> list[str]:
    return [
        "# TYPE headgate_bodies_dropped_total counter",
        f"headgate_bodies_dropped_total{{{own}}} {journal.bodies_dropped}",
        "# TYPE headgate_journal_bytes gauge",
        f"headgate_journal_bytes{{{own}}} {journal.total_bytes}",
        "# TYPE headgate_journal_healthy gauge",
        f"headgate_journal_healthy{{{own}}} {int(journal.healthy)}",
    ]


def _histogram(name: str, own: str, histogram: Histogram) -> list[str]:
    lines = [f"# TYPE {name} histogram"]
    total = 0
    for edge_ms, count in zip(BUCKETS_MS, histogram.counts, strict=False):
        total += count
        lines.append(f'{name}_bucket{{{own},le="{edge_ms / 1000:g}"}} {total}')
    total += histogram.counts[-1]
    lines.append(f'{name}_bucket{{{own},le="+Inf"}} {total}')
    lines.append(f"{name}_sum{{{own}}} {histogram.sum_ms / 1000:.3f}")
    lines.append(f"{name}_count{{{own}}} {total}")
    return lines


def _usd(pico_usd: int) -> str:
    return f"{pico_usd / PICO_PER_USD:.12f}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
