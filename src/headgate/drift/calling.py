"""Calls that Headgate makes to models by itself: over its own port and with a key, like everybody's.

So they are admitted, metered and recorded as any call. Read next: `drift.running`.
"""

from typing import Final, Protocol

import msgspec

from headgate.core.fields import first_field
from headgate.core.labels import UNRESTRICTED
from headgate.core.ports import Egress, Origin, Outgoing, Timeouts
from headgate.core.secret import Secret

CHAT: Final = b"/v1/chat/completions"
EMBEDDINGS: Final = b"/v1/embeddings"
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
TIMEOUTS: Final = Timeouts(connect_s=5.0, first_byte_s=300.0, idle_s=60.0, total_s=300.0)


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. `call` is the id of the record; `cost_usd` empty where no price is known."""

    status: int
    body: bytes
    call: str
    cost_usd: str


class OwnCalls(Protocol):
    """Makes calls to models through the gateways of this deployment."""

    async def chat(self, key: Secret, body: bytes) -> Answered:
        """Make one chat call. Raises UpstreamError or UpstreamTimeout where no gateway answers."""
        ...

    async def embeddings(self, key: Secret, body: bytes) -> Answered:
        """Ask for embeddings. Raises as `chat`."""
        ...


class CallsToGateway:
    """Implements `OwnCalls` over the port that clients use."""

    def __init__(self, egress: Egress, origin: Origin) -> None:
        self._egress = egress
        self._origin = origin

    async def chat(self, key: Secret, body: bytes) -> Answered:
        """Make one chat call."""
        return await self._answered(CHAT, key, body)

    async def embeddings(self, key: Secret, body: bytes) -> Answered:
        """Ask for embeddings."""
        return await self._answered(EMBEDDINGS, key, body)

    async def _answered(self, target: bytes, key: Secret, body: bytes) -> Answered:
        outgoing = Outgoing(
            origin=self._origin,
            method="POST",
            target=target,
            headers=[
                (b"authorization", b"Bearer " + key.reveal().encode()),
                (b"content-type", b"application/json"),
            ],
            body=body,
            content_length=len(body),
            timeouts=TIMEOUTS,
        )
        answer = await self._egress.send(outgoing, regions=frozenset(), label=UNRESTRICTED)
        try:
            content = await answer.read(ANSWER_BYTES_MAX)
        finally:
            answer.close()
        return Answered(
            status=answer.status,
            body=content,
            call=_said(answer.headers, b"x-headgate-request-id"),
            cost_usd=_said(answer.headers, b"x-headgate-cost-usd"),
        )


def _said(headers: list[tuple[bytes, bytes]], name: bytes) -> str:
    return (first_field(headers, name) or b"").decode("latin-1")
