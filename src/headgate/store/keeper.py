"""Starts the embedded PostgreSQL again when it ends by itself: a crash, the kernel short of memory, a kill.

While it is away gateways go on with what they have. Never starts one that was stopped on purpose.
Read next: `store.embedded`.
"""

import asyncio
import logging
from typing import Final

from headgate.core.faults import Fault
from headgate.store.embedded import EmbeddedPostgres

log = logging.getLogger("headgate.store")

LOOK_S: Final = 0.5
BACKOFF_S_MAX: Final = 10.0


async def keep(server: EmbeddedPostgres) -> None:
    """Look every half second, and start the server where it has ended, until cancelled."""
    wait_s = LOOK_S
    while True:
        await asyncio.sleep(wait_s)
        try:
            if await asyncio.to_thread(server.revive):
                log.warning("the embedded PostgreSQL had ended by itself, and is started again")
            wait_s = LOOK_S
        except Exception as error:  # a job's border: whatever it is, the server is still to be kept
            if isinstance(error, Fault | OSError):
                log.error("the embedded PostgreSQL has ended and does not start: %s", error)
            else:
                log.exception("the embedded PostgreSQL could not be looked after; it is tried again")
            wait_s = min(wait_s * 2, BACKOFF_S_MAX)
