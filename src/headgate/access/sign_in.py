"""Signing in from a browser: a sealed cookie that stands for one key, for a bounded time.

The cookie holds a key's id and digest, never its text, and ends with the key, which is looked up at each
request. A page elsewhere can't use it: a request that presents it has to carry a header of the console's
own, which a browser sends to its own server only. Model routes never look at cookies.
Read next: `access.gate`, which takes it, and `access.sign_in_http`.
"""

from typing import Final

import msgspec

from headgate.access.book import AccessBook
from headgate.access.model import Key
from headgate.access.vault import Vault
from headgate.core.faults import InvalidKey, Misconfigured, NotAllowed
from headgate.core.ports import Clock
from headgate.core.secret import Secret

HOURS_DEFAULT: Final = 12
HOURS_MAX: Final = 24 * 30
CONSOLE_HEADER: Final = "x-headgate-console"
"""What the console sends along with each request; a page of another origin would have to be allowed to."""

_PURPOSE: Final = "console sign-in"
_HOUR_MS: Final = 3_600_000
_COOKIE_CHARACTERS_MAX: Final = 2048


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a cookie says: a key, as it stood when it signed in, and until when."""

    key: str
    digest: bytes
    until_ms: int


class SignIns:
    """Makes cookies of keys, and finds the key of a cookie again."""

    def __init__(self, vault: Vault, book: AccessBook, clock: Clock) -> None:
        self._vault = vault
        self._book = book
        self._clock = clock
        # Browsers send cookies to every port of a host: two servers on one host don't overwrite each other's.
        self.cookie_name = f"headgate_{vault.name}"

    def authenticate(self, presented: bytes) -> Key:
        """Return the key whose text was presented. Raises InvalidKey and Unavailable."""
        return self._book.authenticate(presented, self._clock.now_ms())

    def seal(self, key: Key, hours: int) -> tuple[str, int]:
        """Return the cookie of a key, and for how many seconds a browser is to keep it.

        It ends with the key at the latest, but isn't forgotten with it: who comes back is told what ended.
        """
        lasts_ms = min(hours, HOURS_MAX) * _HOUR_MS
        ticket = Ticket(key=key.id, digest=key.digest, until_ms=self._clock.now_ms() + lasts_ms)
        return self._vault.seal(Secret(msgspec.json.encode(ticket).decode()), _PURPOSE), lasts_ms // 1000

    def key_of(self, cookie: str) -> Key:
        """Return the key that a cookie stands for.

        Raises InvalidKey when it is none of ours, has ended, or its key is revoked or expired; Unavailable
        while keys are not known.
        """
        now_ms = self._clock.now_ms()
        refusal = InvalidKey("you are signed in no longer; sign in again")
        if len(cookie) > _COOKIE_CHARACTERS_MAX:
            raise refusal
        try:
            ticket = msgspec.json.decode(self._vault.open(cookie, _PURPOSE).reveal(), type=Ticket)
        except (Misconfigured, msgspec.MsgspecError):
            raise refusal from None
        if now_ms >= ticket.until_ms:
            raise refusal
        key = self._book.standing(ticket.key, now_ms)
        if key.digest != ticket.digest:
            raise refusal
        return key


def check_own_page(fetched_from: str | None, header: str | None) -> None:
    """Refuse a request with a cookie that a page of another origin may have caused. Raises NotAllowed."""
    if header is None or fetched_from not in (None, "same-origin"):
        raise NotAllowed(
            f"a request that is signed in by a cookie comes from the console itself, with {CONSOLE_HEADER}; "
            "send a key as `Authorization: Bearer` from anywhere else"
        )
