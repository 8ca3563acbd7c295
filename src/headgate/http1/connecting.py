"""Opens connections: direct, over a unix socket, through a proxy, with TLS.

Never here: reuse (`pool`) and what is sent once a connection stands (`connection`).
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, cast

from headgate.core.faults import UpstreamError, UpstreamTimeout
from headgate.core.ports import Origin
from headgate.http1.connection import Connection
from headgate.http1.heads import authority_host
from headgate.http1.proxies import Proxy
from headgate.http1.tls import TlsSettings, client_context

_TUNNEL_ANSWER_BYTES_MAX: Final = 16 * 1024


class Connector:
    """Opens connections for a pool; keeps one TLS context for each CA file."""

    __slots__ = ("_contexts", "_tls")

    def __init__(self, tls: TlsSettings) -> None:
        self._tls = tls
        self._contexts: dict[str | None, ssl.SSLContext] = {}

    async def connect(
        self, make: Callable[[], Connection], origin: Origin, proxy: Proxy | None, timeout_s: float
    ) -> Connection:
        """Return a connection that stands, TLS verified.

        Raises UpstreamError or UpstreamTimeout with `sent` false; no byte of the request has left.
        """
        where = origin_text(origin)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._connect(make, origin, proxy)
        except TimeoutError:
            raise UpstreamTimeout(
                f"no connection to {where} within {timeout_s:g} s; check address and network", sent=False
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise UpstreamError(
                f"the certificate of {where} is not trusted ({error.verify_message}); "
                "set the provider's CA file if it has an authority of its own",
                sent=False,
            ) from error
        except ssl.SSLError as error:
            raise UpstreamError(f"TLS with {where} failed ({error.reason or error})", sent=False) from error
        except (OSError, UnicodeError) as error:
            raise UpstreamError(f"no connection to {where} ({error})", sent=False) from error

    async def _connect(
        self, make: Callable[[], Connection], origin: Origin, proxy: Proxy | None
    ) -> Connection:
        loop = asyncio.get_running_loop()
        if origin.scheme == "unix":
            _, connection = await loop.create_unix_connection(make, origin.host)
            return connection
        if origin.scheme not in ("http", "https"):
            raise UpstreamError(f"scheme {origin.scheme!r} is not HTTP", sent=False)
        context = await self._context_for(origin) if origin.scheme == "https" else None
        host = origin.host.strip("[]")
        if proxy is None:
            transport, connection = await loop.create_connection(
                make, host, origin.port, ssl=context, server_hostname=host if context else None
            )
        elif context is None:
            transport, connection = await loop.create_connection(make, proxy.host, proxy.port)
        else:
            transport, connection = await _tunnelled(make, origin, proxy, context)
        _keep_alive(transport)
        return connection

    async def _context_for(self, origin: Origin) -> ssl.SSLContext:
        ca_file = self._tls.ca_file_for(origin)
        context = self._contexts.get(ca_file)
        if context is None:
            # Reading the authorities takes tens of milliseconds, too long for the loop.
            context = await asyncio.to_thread(client_context, ca_file)
            self._contexts[ca_file] = context
        return context


def origin_text(origin: Origin) -> str:
    """Return an origin as messages name it."""
    if origin.scheme == "unix":
        return f"unix:{origin.host}"
    return f"{origin.scheme}://{origin.host}:{origin.port}"


def _keep_alive(transport: asyncio.BaseTransport) -> None:
    """Let the kernel probe the line: a model may think for minutes, and routers forget silent lines."""
    line = cast("socket.socket | None", transport.get_extra_info("socket"))
    if line is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)


async def _tunnelled(
    make: Callable[[], Connection], origin: Origin, proxy: Proxy, context: ssl.SSLContext
) -> tuple[asyncio.BaseTransport, Connection]:
    """Ask the proxy for a tunnel (RFC 9110, section 9.3.6), then speak TLS with the origin through it."""
    loop = asyncio.get_running_loop()
    authority = b"%b:%d" % (authority_host(origin.host.strip("[]")), origin.port)
    plain, tunnel = await loop.create_connection(_Tunnel, proxy.host, proxy.port)
    try:
        authorization = b"proxy-authorization: %b\r\n" % proxy.authorization if proxy.authorization else b""
        plain.write(b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (authority, authority, authorization))
        status = await tunnel.opened
        if not 200 <= status < 300:
            raise UpstreamError(
                f"the proxy {proxy.host}:{proxy.port} refused a tunnel to {origin_text(origin)} "
                f"with status {status}; check HTTPS_PROXY",
                sent=False,
            )
        connection = make()
        transport = await loop.start_tls(plain, connection, context, server_hostname=origin.host.strip("[]"))
    except BaseException:
        plain.abort()
        raise
    if transport is None:
        raise UpstreamError(f"TLS with {origin_text(origin)} failed: the tunnel was closed", sent=False)
    connection.connection_made(transport)
    return transport, connection


class _Tunnel(asyncio.Protocol):
    """Waits for a proxy's answer to CONNECT."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._received = bytearray()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self.opened.done():
            return
        if b"\r\n\r\n" in self._received:
            status = bytes(self._received[9:12])
            is_http = self._received.startswith(b"HTTP/1.") and status.isdigit()
            self.opened.set_result(int(status) if is_http else 502)
        elif len(self._received) > _TUNNEL_ANSWER_BYTES_MAX:
            self.opened.set_result(502)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(exc or ConnectionResetError("the proxy closed the connection"))
            # Nobody may be waiting any more; an exception that is never looked at would be reported.
            self.opened.exception()
