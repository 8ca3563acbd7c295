"""Takes in what has changed of live objects since they were read; everything anew from another server.

A standby that took over may lack the last changes, and have numbered others like them: sequences of two
servers can't be compared. Read next: `gateway.live`, `gateway.refresh`.
"""

import logging

from headgate.core.faults import Unavailable
from headgate.gateway.live import LiveState
from headgate.meters.epochs import OLDER, standing
from headgate.store.database import Connection
from headgate.store.live import LiveObjects

log = logging.getLogger("headgate.gateway")


async def catch_up(connection: Connection, live: LiveState) -> bool:
    """Apply what changed; say whether a meter may be among it.

    Raises Unavailable where a server answers that another has replaced.
    """
    seq, server = await LiveObjects.place(connection)
    found = standing(live.server, server)
    if found == "older":
        raise Unavailable(OLDER, retry_after_s=1.0)
    if found == "same" and seq >= live.seq:
        return live.apply(await LiveObjects.changes_since(connection, live.seq))
    if live.seq:
        log.warning("the database is another one, or went back to an older state: everything is read anew")
    changes = await LiveObjects.changes_since(connection, 0)
    live.forget()  # not before all that takes its place is there
    live.apply(changes)
    live.server = server
    return True
