"""Ends background tasks for certain, before Python 3.12 too.

There `asyncio.wait_for` swallows a cancellation that comes in the very moment in which what it waits for is
done; drivers and libraries use it. So a task that goes on is cancelled again.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Final

log = logging.getLogger("headgate.store")

AGAIN_S: Final = 0.5
TRIES: Final = 20


async def end_tasks(tasks: Iterable["asyncio.Future[Any]"]) -> None:
    """Cancel the tasks and wait until all have ended; what they raise stays theirs."""
    pending = {task for task in tasks if not task.done()}
    for _ in range(TRIES):
        if not pending:
            return
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
    log.error("%d tasks could not be ended", len(pending))
