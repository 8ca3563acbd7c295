"""Relays what is no model route to the control process on its unix socket, both directions streaming.

Trusts and adds nothing: the control process authenticates each request itself. Upgrade is refused.
"""

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from headgate.core.faults import ClientClosed, Failed, Fault, InvalidRequest, Unavailable
from headgate.core.fields import announced_bytes
from headgate.core.ports import Answer, Exchange, Headers, Origin, Outgoing, Timeouts, Transport

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
FORWARDED: Final = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}
)
_OF_THE_ANSWER: Final = HOP_BY_HOP | {b"content-length"}
ASKED_BYTES_MAX: Final = 65536
ASK_TIMEOUTS: Final = Timeouts(connect_s=5.0, first_byte_s=10.0, idle_s=10.0, total_s=20.0)
RELAY_TIMEOUTS: Final = Timeouts(connect_s=5.0, first_byte_s=None, idle_s=300.0, total_s=None)


class ControlRelay:
    """The control process as one more upstream."""

    __slots__ = ("_origin", "_transport")

    def __init__(self, transport: Transport, socket_path: str) -> None:
        self._transport = transport
        self._origin = Origin("unix", socket_path, 0)

    async def relay(self, exchange: Exchange) -> None:
        """Pass one request on and its answer back."""
        try:
            if exchange.header(b"upgrade") is not None:
                raise InvalidRequest("Upgrade is not offered here; use plain HTTP/1.1")
            answer = await self._transport.send(self._outgoing(exchange))
        except Failed:
            await _refuse(exchange, Unavailable("the control process does not answer; try again shortly"))
            return
        except InvalidRequest as fault:
            await _refuse(exchange, fault)
            return
        # A live tail may be silent for long: the control process is not to hold it for who has gone.
        exchange.on_gone(answer.close)
        try:
            await _pass_back(exchange, answer)
        except (Failed, ClientClosed):
            exchange.abort()
        finally:
            exchange.on_gone(None)
            answer.close()

    async def ask(self, exchange: Exchange, path: str) -> tuple[int, Headers, bytes]:
        """Ask the control process about who sent a request, by its headers alone; return what it answers.

        Raises Unavailable where it does not answer.
        """
        target = path.encode("ascii")
        outgoing = Outgoing(
            origin=self._origin,
            method="GET",
            target=target,
            headers=_passed(exchange),
            timeouts=ASK_TIMEOUTS,
        )
        try:
            answer = await self._transport.send(outgoing)
            try:
                headers = [(name, value) for name, value in answer.headers if name not in _OF_THE_ANSWER]
                return answer.status, headers, await answer.read(ASKED_BYTES_MAX)
            finally:
                answer.close()
        except Failed:
            raise Unavailable("the control process does not answer; try again shortly") from None

    def _outgoing(self, exchange: Exchange) -> Outgoing:
        headers = _passed(exchange)
        length = exchange.header(b"content-length")
        chunked = exchange.header(b"transfer-encoding") is not None
        announced = announced_bytes(length) if length is not None and length.isdigit() else None
        body: bytes | AsyncIterator[bytes] = exchange.chunks() if chunked or announced else b""
        return Outgoing(
            origin=self._origin,
            method=exchange.method,
            target=exchange.path.encode("latin-1") + (b"?" + exchange.query if exchange.query else b""),
            headers=headers,
            body=body,
            content_length=None if chunked else announced,
            timeouts=RELAY_TIMEOUTS,
        )


def _passed(exchange: Exchange) -> Headers:
    return [
        (name, value)
        for name, value in exchange.headers
        if name not in HOP_BY_HOP and name not in FORWARDED and name != b"content-length"
    ]


async def _pass_back(exchange: Exchange, answer: Answer) -> None:
    headers = [(name, value) for name, value in answer.headers if name not in HOP_BY_HOP]
    length = answer.header(b"content-length")
    if exchange.method == "HEAD":
        # The length is that of the body which GET would have: there is none here to measure.
        await exchange.start(answer.status, headers)
        await exchange.finish()
        return
    if length is not None and int(length) <= 65536:
        body = await answer.read(65536)
        headers = [(name, value) for name, value in headers if name != b"content-length"]
        await exchange.respond(answer.status, headers, body)
        return
    await exchange.start(answer.status, headers)
    while data := await answer.chunk():
        await exchange.send(data)
    await exchange.finish()


async def _refuse(exchange: Exchange, fault: Fault) -> None:
    error = {"error": {"code": fault.code, "message": fault.message, "hint": fault.hint, "request_id": None}}
    await exchange.respond(fault.status, [(b"content-type", b"application/json")], msgspec.json.encode(error))
