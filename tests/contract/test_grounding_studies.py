"""Studies of contexts in the database: what many replays tell is worked out off the loop."""

import asyncio
import random
import time
import uuid

from headgate.grounding.studied import StudiedCall, StudiedPiece
from headgate.grounding.studies import (
    BATCH_MAX,
    CALLS_MAX,
    NewReplays,
    NewStudy,
    add_replays,
    begin_study,
    find_study,
    get_study,
)
from headgate.store.database import Database

PIECES = 12


def call(number: int, source: random.Random) -> StudiedCall:
    pieces = [
        StudiedPiece(
            piece=f"piece {place}",
            kind=source.choice(("document", "tool_result")),
            name=f"source {source.randrange(40)}",
            document=f"{source.randrange(3000):016x}",
            place=place,
            of=PIECES,
            did=source.choice(("helped", "used", "nothing shows")),
            difference=source.uniform(-1, 1),
            change=source.uniform(-1, 1),
        )
        for place in range(1, PIECES + 1)
    ]
    return StudiedCall(subject=f"call {number}", pieces=pieces)


async def longest_wait_s(of: asyncio.Task[object]) -> float:
    """How long the loop did nothing else, at the most, while a task went on."""
    longest_s, before_s = 0.0, time.monotonic()
    while not of.done():
        await asyncio.sleep(0.005)
        now_s = time.monotonic()
        longest_s, before_s = max(longest_s, now_s - before_s), now_s
    return longest_s


async def test_a_large_study_is_worked_out_while_others_are_served(database: Database) -> None:
    source = random.Random(2)
    async with database.transaction() as connection:
        identity = await begin_study(connection, uuid.uuid4(), "default", "k1", NewStudy(definition={"a": 1}))
        for start in range(0, CALLS_MAX, BATCH_MAX):
            study = await find_study(connection, ["default"], identity)
            calls = [call(number, source) for number in range(start, start + BATCH_MAX)]
            await add_replays(connection, study, NewReplays(calls=calls))
    async with database.connection() as connection:
        began_s = time.monotonic()
        reading = asyncio.create_task(get_study(connection, ["default"], identity))
        longest_s = await longest_wait_s(reading)
        took_s = time.monotonic() - began_s
    found = await reading
    assert (found.findings.cases, found.findings.pieces) == (CALLS_MAX, PIECES * CALLS_MAX)
    assert longest_s < took_s / 2
