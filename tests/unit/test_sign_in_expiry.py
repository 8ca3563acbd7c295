"""A cookie of a key that expires ends with the key, and then says when that was."""

import secrets

import pytest
from tests.unit.test_book import key_of

from headgate.access.book import AccessBook, KeyChange
from headgate.access.keys import mint
from headgate.access.sign_in import SignIns
from headgate.access.vault import Vault
from headgate.core.faults import InvalidKey

BEGIN_MS = 1_767_323_045_000
HOUR_MS = 3_600_000


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at_ms = BEGIN_MS

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic(self) -> float:
        return self.at_ms / 1000


def test_a_cookie_ends_with_its_key_and_says_when_that_was() -> None:
    clock, minted = Clock(), mint(secrets.token_bytes)
    book = AccessBook(max_stale_ms=100 * HOUR_MS)
    key = key_of(minted, expires_ms=BEGIN_MS + HOUR_MS)
    book.apply([KeyChange(id=key.id, seq=1, key=key)])
    book.contacted(BEGIN_MS)
    sign_ins = SignIns(Vault.random(), book, clock)
    cookie, lasts_s = sign_ins.seal(key, 12)
    assert lasts_s == 12 * 3600, "the browser keeps it, so that it can be told"
    clock.at_ms += HOUR_MS - 1
    assert sign_ins.key_of(cookie).id == key.id
    clock.at_ms += 1
    for refused in (
        lambda: sign_ins.key_of(cookie),
        lambda: sign_ins.authenticate(minted.text.reveal().encode()),
    ):
        with pytest.raises(InvalidKey, match=r"expired at 2026-01-02T04:04:05\.000Z"):
            refused()
    clock.at_ms = BEGIN_MS + 12 * HOUR_MS
    with pytest.raises(InvalidKey, match="signed in no longer"):
        sign_ins.key_of(cookie)
    with pytest.raises(InvalidKey, match="signed in no longer"):
        sign_ins.key_of(cookie[:-4])
