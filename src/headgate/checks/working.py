"""Does pieces of work several at a time, in threads, and hands over what comes of each as it comes.

Knows nothing of what the work is; it may raise Halted where it can't go on. Read next: `checks.running`.
"""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from headgate.checks.answering import Halted

Piece = TypeVar("Piece")
Done = TypeVar("Done")


def work(
    pieces: Iterable[Piece],
    do: Callable[[Piece], Done],
    may_begin: Callable[[int], bool],
    *,
    at_once: int,
) -> Generator[Done]:
    """Yield what comes of each piece, whichever is done first.

    `may_begin` is asked before each, with how many are under way; once it says no, none is begun any more.
    What is under way is awaited then, and also where a piece raises Halted, which is raised at the end.
    Whoever closes it, or presses Ctrl-C, waits for nothing.
    """
    executor = ThreadPoolExecutor(at_once, thread_name_prefix="work")
    pending: set[Future[Done]] = set()
    halted: Halted | None = None
    following = iter(pieces)
    goes_on = True
    try:
        while True:
            while goes_on and len(pending) < at_once:
                try:
                    piece = next(following)
                except StopIteration:
                    goes_on = False
                    break
                goes_on = may_begin(len(pending))
                if goes_on:
                    pending.add(executor.submit(do, piece))
            if not pending:
                break
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                error = future.exception()
                if isinstance(error, Halted):
                    halted, goes_on = error, False
                else:
                    yield future.result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    if halted is not None:
        raise halted
