"""Questions to a judge, several at a time: what is paid is kept in batches, and the budget ends it.

Read next: `judge_asking`, `judge_pairs`.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TypeVar

import msgspec

from headgate.checks.answering import Halted
from headgate.cli.client import Json

Done = TypeVar("Done")


class Spent(msgspec.Struct, kw_only=True):
    """What questions came to: those without a verdict, the cost, and why they ended early."""

    unusable: int = 0
    cost_pico_usd: int = 0
    dearest: int = 0
    ended: str = ""

    def pay(self, cost_pico_usd: int) -> None:
        """Add what one piece of work has cost."""
        self.cost_pico_usd += cost_pico_usd
        self.dearest = max(self.dearest, cost_pico_usd)

    def lasts(self, budget: int | None, under_way: int) -> bool:
        """Whether a budget lasts for one more, where that and those under way cost what the dearest did."""
        return budget is None or self.cost_pico_usd + (under_way + 1) * self.dearest <= budget


def in_batches(
    made: Generator[Done],
    spent: Spent,
    *,
    count: Callable[[Done], Sequence[Json]],
    keep: Callable[[list[Json]], None],
    size: int,
    advance: Callable[[int], None],
) -> None:
    """Count each piece of work as it comes, and keep what `count` makes of it, so many at a time."""
    done: list[Json] = []
    try:
        with closing(made):
            for number, each in enumerate(made, 1):
                done += count(each)
                advance(number)
                if len(done) >= size:
                    keep(done)
                    done = []
    except Halted as halted:
        spent.ended = f"{halted.message}; {halted.hint}"
    finally:
        keep(done)  # what is paid, whatever ended it
