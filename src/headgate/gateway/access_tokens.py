"""Access tokens of Google's, each asked for with an assertion and used for most of an hour.

Asks through the egress, one question at a time, and never for a call that an unspent token serves. Never
writes a token anywhere. Source: RFC 7523; Google Identity, "Using OAuth 2.0 for server to server
applications". Read next: `gateway.signing`.
"""

import asyncio
from typing import Final
from urllib.parse import urlencode

import msgspec

from headgate.config.credentials import ServiceAccount
from headgate.config.values import read_url
from headgate.core.faults import Failed, Refused, UpstreamError
from headgate.core.labels import UNRESTRICTED
from headgate.core.ports import Clock, Egress, Outgoing, Timeouts
from headgate.core.secret import MASK, Secret
from headgate.gateway.signing import AssertionSigner

GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TIMEOUTS: Final = Timeouts(connect_s=5.0, first_byte_s=10.0, idle_s=5.0, total_s=15.0)
ANSWER_BYTES_MAX: Final = 64 * 1024
LIFE_S_MAX: Final = 3600.0
AHEAD_S: Final = 300.0
"""So long before its end a token is exchanged, by one call; the others go on with the old one."""
LAST_S: Final = 30.0
"""So long before its end it is used no more."""
PAUSE_S: Final = 1.0
"""After a failure nobody asks again for so long."""
WORDS_MAX: Final = 300


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: float = LIFE_S_MAX


class _Refusal(msgspec.Struct):
    error: str = ""
    error_description: str = ""


class AccessTokens:
    """The token of one service account, kept while it is good."""

    def __init__(
        self, account: ServiceAccount, signer: AssertionSigner, egress: Egress, clock: Clock
    ) -> None:
        self._signer = signer
        self._egress = egress
        self._clock = clock
        self._origin, path = read_url(account.token_uri)
        self._target = path.encode("ascii") or b"/"
        self._asking = asyncio.Lock()
        self._token: Secret | None = None
        self._ends = 0.0
        self._failure: str | None = None
        self._paused_until = 0.0

    async def token(self) -> Secret:
        """A token that is good for half a minute at least. Raises UpstreamError where none can be had, of
        which nothing of the call itself was sent."""
        left_s = self._ends - self._clock.monotonic()
        if self._token is not None and (left_s > AHEAD_S or (left_s > LAST_S and self._is_busy())):
            return self._token
        async with self._asking:
            left_s = self._ends - self._clock.monotonic()
            if self._token is not None and left_s > AHEAD_S:
                return self._token
            try:
                return await self._renewed()
            except UpstreamError:
                if self._token is not None and left_s > LAST_S:
                    return self._token
                raise

    def forget(self, token: Secret) -> None:
        """Use that token no more: a provider has refused it. What took its place in the meantime stays."""
        if self._token is token:
            self._token = None

    def _is_busy(self) -> bool:
        return self._asking.locked() or self._clock.monotonic() < self._paused_until

    async def _renewed(self) -> Secret:
        asked = self._clock.monotonic()
        if self._failure is not None and asked < self._paused_until:
            raise UpstreamError(self._failure, sent=False)
        try:
            granted = await self._ask()
        except UpstreamError as error:
            self._failure, self._paused_until = error.message, self._clock.monotonic() + PAUSE_S
            raise
        life_s = min(max(granted.expires_in, 0.0), LIFE_S_MAX)
        self._token, self._ends, self._failure = Secret(granted.access_token), asked + life_s, None
        return self._token

    async def _ask(self) -> _Granted:
        assertion = self._signer.assertion(now_ms=self._clock.now_ms())
        body = urlencode({"grant_type": GRANT, "assertion": assertion.reveal()}).encode()
        outgoing = Outgoing(
            origin=self._origin,
            method="POST",
            target=self._target,
            headers=[
                (b"content-type", b"application/x-www-form-urlencoded"),
                (b"accept", b"application/json"),
                (b"accept-encoding", b"identity"),
            ],
            body=body,
            content_length=len(body),
            timeouts=TIMEOUTS,
        )
        try:
            # Nothing of a caller's is in it, so that no label has a say.
            answer = await self._egress.send(outgoing, regions=frozenset(), label=UNRESTRICTED)
            try:
                said = await answer.read(ANSWER_BYTES_MAX)
            finally:
                answer.close()
        except (Failed, Refused) as fault:
            raise UpstreamError(f"no access token could be had: {fault.message}", sent=False) from None
        if answer.status != 200:
            said = said.replace(assertion.reveal().encode(), MASK.encode())
            raise UpstreamError(
                f"no access token could be had: Google answered {answer.status}{_reason(said)}", sent=False
            )
        return _granted(said)


def _granted(said: bytes) -> _Granted:
    try:
        granted = msgspec.json.decode(said, type=_Granted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamError("no access token could be had: the answer holds none", sent=False) from None
    token = granted.access_token
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UpstreamError("no access token could be had: it is none that a header can carry", sent=False)
    return granted


def _reason(said: bytes) -> str:
    try:
        refusal = msgspec.json.decode(said, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    words = " ".join(word for word in (refusal.error, refusal.error_description) if word)[:WORDS_MAX]
    return f" ({''.join(one if one.isprintable() else '?' for one in words)})" if words else ""
