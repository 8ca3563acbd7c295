"""Traces as they come in and grow: what is new of the newest ones, again and again.

A trace is sent when it is first seen, and again when more of it has arrived or been settled. Read next:
`reading.listing`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from litestar.response import ServerSentEventMessage

from headgate.access.roles import Visible
from headgate.core.faults import Fault
from headgate.records.http import FOLLOWED_BACK, FOLLOWED_PAGE, KEEP_ALIVE_S, SEEN_MAX, Followers
from headgate.store.database import Database
from headgate.traces.reading.listing import list_traces
from headgate.traces.reading.model import TraceFilters

POLL_S: Final = 0.5


class NewestTraces:
    """Asks for the newest traces, again and again."""

    def __init__(self, database: Database, seen: Visible, filters: TraceFilters) -> None:
        self._database = database
        self._seen = seen
        self._filters = filters
        self._sent: dict[tuple[str, str], bytes] = {}

    async def changed(self) -> list[bytes]:
        """Return those of the last hour that are new or have changed since the last time, oldest first."""
        begin = datetime.now(UTC) - FOLLOWED_BACK
        if self._filters.begin is not None:
            begin = max(begin, self._filters.begin)
        filters = msgspec.structs.replace(self._filters, begin=begin)
        async with self._database.connection() as connection:
            page = await list_traces(connection, self._seen.project_ids, filters, limit=FOLLOWED_PAGE)
        found: list[bytes] = []
        for item in reversed(page.items):
            place, said = (item.project, item.trace_id), msgspec.json.encode(item)
            if self._sent.get(place) != said:
                self._sent[place] = said
                found.append(said)
        while len(self._sent) > SEEN_MAX:
            del self._sent[next(iter(self._sent))]
        return found


async def follow_newest(
    newest: NewestTraces, check: Callable[[], object], following: Followers
) -> AsyncIterator[ServerSentEventMessage]:
    """Send what is new, until `check` refuses the key."""
    following.count += 1
    try:
        await newest.changed()
        yield ServerSentEventMessage(comment="following", data=None)
        quiet_s = 0.0
        while True:
            await asyncio.sleep(POLL_S)
            quiet_s += POLL_S
            check()
            for said in await newest.changed():
                quiet_s = 0.0
                yield ServerSentEventMessage(data=said.decode(), event="trace")
            if quiet_s >= KEEP_ALIVE_S:
                quiet_s = 0.0
                yield ServerSentEventMessage(comment="still here", data=None)
    except Fault as fault:
        error = {"code": fault.code, "message": fault.message, "hint": fault.hint}
        yield ServerSentEventMessage(data=msgspec.json.encode({"error": error}).decode(), event="error")
    finally:
        following.count -= 1
