"""Raises the alarm of a watch: puts together what changed, what people did, and whom it touches.

Read next: `drift.findings`, `drift.sentences`.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

import msgspec

from headgate.core.entries import Alert
from headgate.drift.findings import Value, find, since_when
from headgate.drift.sentences import changed, how_sure, touching
from headgate.drift.store import NewAlarm, changed_by_hand, raise_alarm, touched
from headgate.drift.watching import Promise, Watch
from headgate.store.database import Connection

log = logging.getLogger("headgate.drift")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where something changed: the watch, and how a sentence about it begins."""

    kind: str
    watch: str
    target: str
    words: str
    project: str = ""


async def raise_change(
    connection: Connection,
    place: Place,
    watch: Watch,
    promise: Promise,
    values: Sequence[Value],
    *,
    until: datetime,
) -> Alert:
    """Write down the alarm of a watch that has come to one; return the alert that tells of it."""
    since = since_when(watch, values)
    earlier = [value.at for value in values if value.at < since]
    projects = (place.project,) if place.project else None
    finding = msgspec.structs.replace(
        find(watch, promise, values, since),
        touches=await touched(connection, place.target, projects),
        by_hand=await changed_by_hand(connection, max(earlier, default=since), until),
    )
    sentence = (
        f"{place.words} since about {since:%Y-%m-%d %H:%M} UTC: "
        f"{changed(finding)}; {how_sure(finding)}; it touches {touching(finding)}"
    )
    if finding.by_hand:
        sentence += f"; changed by hand at the same time: {finding.by_hand[0]}"
    log.warning("%s", sentence)
    return await raise_alarm(
        connection,
        NewAlarm(
            kind=place.kind,
            watch=place.watch,
            target=place.target,
            project=place.project,
            since=since,
            sentence=sentence,
            finding=finding,
        ),
    )
