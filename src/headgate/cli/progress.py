"""A bar for work that takes its time, on standard error; nothing at all where that is no terminal.

Read next: `scan_report`, which shows one for files and one for commits.
"""

import sys
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bars:
    """The bars of one command, taken away when its `with` block ends."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(file=sys.stderr),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def bar(self, what: str) -> Callable[[int, int | None], None]:
        """Add a bar; what it returns is told how much of how much is done, None where nobody knows."""
        task = self._bars.add_task(what, total=None)

        def tell(done: int, of: int | None) -> None:
            self._bars.update(task, completed=done, total=of)

        return tell
