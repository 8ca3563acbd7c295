"""A journal that is full is not filled further by the calls that it turns away."""

import uuid
from pathlib import Path

import pytest

from headgate.access.book import AccessBook
from headgate.access.model import Key
from headgate.config.compile import compile_snapshot
from headgate.config.environment import default_document
from headgate.config.secrets import Secrets
from headgate.core.identity import IdentitySource
from headgate.gateway.call import Call
from headgate.gateway.plane import Current, DataPlane
from headgate.gateway.record import finish
from headgate.journal.writer import JournalWriter
from headgate.meters.loop import LoopDetector
from headgate.meters.purse import Purse
from headgate.meters.rate import RateLimiter
from headgate.meters.shares import RateShares
from headgate.policy.egress import GuardedEgress
from headgate.store.clock import SystemClock
from headgate.store.database import Database
from headgate.wire.model import Route

CHAT = Route(dialect="openai-chat", operation="chat", path="/v1/chat/completions")
CLOCK = SystemClock()


def plane_on(journal: JournalWriter) -> DataPlane:
    database = Database("postgresql://nowhere.invalid/none")
    limiter = RateLimiter(CLOCK, processes=lambda: 1)
    snapshot = compile_snapshot(default_document({}))
    boot = journal.boot
    return DataPlane(
        clock=CLOCK,
        identities=IdentitySource(CLOCK),
        book=AccessBook(),
        purse=Purse(boot, database, CLOCK, processes=lambda: 1, on_alert=lambda _: None),
        limiter=limiter,
        shares=RateShares(limiter, boot, database, CLOCK, processes=lambda: 1),
        loops=LoopDetector(CLOCK),
        egress=GuardedEgress({}),
        journal=journal,
        current=Current(snapshot, Secrets.resolve(snapshot, {}), (), ()),
    )


@pytest.mark.parametrize(("total_bytes_max", "is_recorded"), [(0, False), (1 << 30, True)])
async def test_a_refused_call_is_recorded_where_there_is_room(
    tmp_path: Path, total_bytes_max: int, is_recorded: bool
) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4(), total_bytes_max=total_bytes_max)
    plane = plane_on(journal)
    identity, current = plane.identities.next().bytes, plane.current
    call = Call(identity, CHAT, current, current.snapshot, CLOCK.now_ms(), CLOCK.monotonic())
    call.key = Key(id="k1", name="k1", digest=b"")
    assert journal.healthy == is_recorded
    finish(plane, call, status=503, code="unavailable")
    assert (journal.total_bytes > 0) == is_recorded
    journal.close()
