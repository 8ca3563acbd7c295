"""The least time that code takes: for what lasts microseconds, where a disturbed run says nothing."""

import time
from collections.abc import Callable


def least_us(work: Callable[[], object], *, rounds: int = 200, calls: int = 50) -> float:
    """Return the processor time of one call, in microseconds, of the quickest round of so many calls."""
    best = float("inf")
    for _ in range(rounds):
        began_s = time.process_time()
        for _ in range(calls):
            work()
        best = min(best, time.process_time() - began_s)
    return best / calls * 1e6
