"""Live objects that this version can't read: refused or kept as they were, never the end of the process."""

import msgspec

from headgate.access.book import AccessBook
from headgate.gateway.live import LiveState
from headgate.meters.model import Budget, Scope
from headgate.store.live import LiveObject

BUDGET = Budget(
    id="b1", name="one", scope=Scope(), limit_pico_usd=10**12, window="total", managed_by="console"
)


def change(seq: int, kind: str, identity: str, body: bytes | None) -> LiveObject:
    return LiveObject(kind=kind, id=identity, seq=seq, body=body)


def test_a_meter_that_cant_be_read_stays_as_it_was_and_is_named() -> None:
    live = LiveState(AccessBook())
    assert live.apply([change(1, "budget", "b1", msgspec.json.encode(BUDGET))])
    assert live.apply([change(2, "budget", "b1", b'{"limit": "a new idea"}')])
    assert live.budgets == {"b1": BUDGET}
    assert live.unread == {("budget", "b1")}
    assert live.seq == 2
    live.apply(
        [change(3, "rate_limit", "r1", b"\xff"), change(4, "budget", "b1", msgspec.json.encode(BUDGET))]
    )
    assert live.unread == {("rate_limit", "r1")}
    live.apply([change(5, "rate_limit", "r1", None)])
    assert live.unread == set()


def test_a_key_that_cant_be_read_is_no_key() -> None:
    live = LiveState(AccessBook())
    live.apply([change(1, "key", "k1", b'{"id": 5}')])
    assert len(live.book) == 0
    assert live.seq == 1
    assert live.unread == set()
