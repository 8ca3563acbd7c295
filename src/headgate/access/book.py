"""What a gateway knows of keys: a table in memory, kept in step with the live objects, and a copy on disk.

Never asks the database: whoever polls it calls `apply` and `contacted`. Beyond `max_stale_ms` without contact
every key is refused, since a revocation might have been missed. Read next: `access.keys`, `access.store`.
"""

import hmac
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from headgate.access.keys import ID_FROM, ID_TO, PREFIX, digest_of, display_prefix, parse
from headgate.access.model import Key
from headgate.core.faults import InvalidKey, Unavailable
from headgate.core.pages import format_ms

MAX_STALE_MS = 5 * 60 * 1000
REVOKED_MAX = 100_000
FORMAT = 1

_PREFIX = PREFIX.encode()
_NO_DIGEST = bytes(32)


class KeyChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the access log: a key as it now stands, or None where it was revoked."""

    id: str
    seq: int
    key: Key | None


class BookState(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the copy on disk: digests, never secrets."""

    format: int = FORMAT
    seq: int
    contact_ms: int
    keys: tuple[Key, ...]
    revoked: tuple[str, ...]


class AccessBook:
    """All keys of the deployment, as of `seq`."""

    __slots__ = ("_by_digest", "_by_id", "_contact_ms", "_revoked", "_seq", "max_stale_ms")

    def __init__(self, *, max_stale_ms: int = MAX_STALE_MS) -> None:
        self._by_id: dict[str, Key] = {}
        self._by_digest: dict[bytes, Key] = {}
        self._revoked: dict[str, None] = {}
        self._seq = 0
        self._contact_ms: int | None = None
        self.max_stale_ms = max_stale_ms

    @property
    def seq(self) -> int:
        """The last change that was applied; 0 before the first."""
        return self._seq

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, identity: str) -> Key | None:
        """Return the key of that id, if it is neither unknown nor revoked."""
        return self._by_id.get(identity)

    def apply(self, changes: Iterable[KeyChange]) -> None:
        """Take changes in the order of their `seq`; one that is not newer than what is known is skipped."""
        for change in changes:
            if change.seq <= self._seq:
                continue
            old = self._by_id.pop(change.id, None)
            if old is not None and self._by_digest.get(old.digest) is old:
                del self._by_digest[old.digest]
            if change.key is None:
                self._revoked[change.id] = None
                if len(self._revoked) > REVOKED_MAX:
                    del self._revoked[next(iter(self._revoked))]
            else:
                self._revoked.pop(change.id, None)
                self._by_id[change.id] = change.key
                self._by_digest[change.key.digest] = change.key
            self._seq = change.seq

    def replace(self, keys: Iterable[Key], *, seq: int) -> None:
        """Forget all and take these keys as of `seq`: after a first load, or when the database went back."""
        self._by_id = {key.id: key for key in keys}
        self._by_digest = {key.digest: key for key in self._by_id.values()}
        self._revoked = {}
        self._seq = seq

    def contacted(self, now_ms: int, seq: int | None = None) -> None:
        """Note that the database was reached, and that all its changes up to `seq` have been applied."""
        self._contact_ms = now_ms
        if seq is not None and seq > self._seq:
            self._seq = seq

    def stale_ms(self, now_ms: int) -> int | None:
        """Return how long ago the database was last reached; None if never."""
        return None if self._contact_ms is None else max(0, now_ms - self._contact_ms)

    def authenticate(self, presented: bytes, now_ms: int) -> Key:
        """Return the key whose text was presented.

        Raises InvalidKey when it is malformed, unknown, revoked or expired, and Unavailable when the
        database was out of reach for longer than `max_stale_ms`; neither shows the secret.
        """
        contact_ms = self._contact_ms
        if contact_ms is None or now_ms - contact_ms > self.max_stale_ms:
            raise self._too_stale(now_ms)
        digest = digest_of(presented)
        key = None
        if presented.startswith(_PREFIX):
            key = self._by_id.get(presented[ID_FROM:ID_TO].decode("ascii", "replace"))
        if key is None:
            # A text that the operator chose has no id in it. Finding it by its digest gives nothing away.
            key = self._by_digest.get(digest)
        fits = hmac.compare_digest(digest, key.digest if key is not None else _NO_DIGEST)
        if key is None or not (fits or key.has_earlier(digest, now_ms)):
            raise self._refusal(presented)
        _check_expiry(key, now_ms)
        return key

    def standing(self, identity: str, now_ms: int) -> Key:
        """Return the key of an id that was authenticated before, if it still stands.

        Raises InvalidKey when it is unknown, revoked or expired, and Unavailable as `authenticate` does.
        """
        if self._contact_ms is None or now_ms - self._contact_ms > self.max_stale_ms:
            raise self._too_stale(now_ms)
        key = self._by_id.get(identity)
        if key is None:
            raise InvalidKey(f"the key {display_prefix(identity)} is revoked or gone; sign in with another")
        _check_expiry(key, now_ms)
        return key

    def _too_stale(self, now_ms: int) -> Unavailable:
        stale_ms = self.stale_ms(now_ms)
        if stale_ms is None:
            return Unavailable("keys are not loaded yet; try again in a moment", retry_after_s=1)
        return Unavailable(
            f"the database was last reached {stale_ms // 1000} s ago, so keys can't be checked any more; "
            "calls go on once it is back",
            retry_after_s=5,
        )

    def _refusal(self, presented: bytes) -> InvalidKey:
        identity = parse(presented)
        if identity in self._revoked:
            return InvalidKey(f"the key {display_prefix(identity)} is revoked; ask for a new one")
        return InvalidKey(
            f"the key {display_prefix(identity)} is unknown here, or was rotated; check that it is this "
            "server's, and its newest text"
        )

    def save(self, path: Path) -> None:
        """Write the state beside `path` and move it into place, readable by the owner only. Blocks."""
        if self._contact_ms is None:
            return
        state = BookState(
            seq=self._seq,
            contact_ms=self._contact_ms,
            keys=tuple(self._by_id.values()),
            revoked=tuple(self._revoked),
        )
        beside = path.with_name(f"{path.name}.{os.getpid()}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)

    def load(self, path: Path, now_ms: int) -> bool:
        """Take the state from disk if there is one and nothing newer is known; say whether it was taken.

        The time of the last contact comes along, so that a restart gains no time. A file that is damaged or
        of another format is left alone. Blocks.
        """
        try:
            state = msgspec.json.decode(path.read_bytes(), type=BookState)
        except (FileNotFoundError, msgspec.MsgspecError):
            return False
        if state.format != FORMAT or state.seq < self._seq or self._contact_ms is not None:
            return False
        self._by_id = {key.id: key for key in state.keys}
        self._by_digest = {key.digest: key for key in state.keys}
        self._revoked = dict.fromkeys(state.revoked)
        self._seq = state.seq
        self._contact_ms = min(state.contact_ms, now_ms)
        return True


def _check_expiry(key: Key, now_ms: int) -> None:
    """Refuse a key that has expired, and say when: only who has its text, or signed in with it, is told."""
    if key.expires_ms is not None and now_ms >= key.expires_ms:
        at = format_ms(key.expires_ms)
        raise InvalidKey(f"the key {display_prefix(key.id)} ({key.name}) expired at {at}; ask for a new one")
