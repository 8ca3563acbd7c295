"""TLS verified towards providers, and the ways through a proxy, with real certificates and real proxies."""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
import trustme
from tests.flow.http1_scripted import (
    Script,
    always,
    on_both_loops,
    post,
    read_head,
    read_request,
    scripted,
    whole,
)

from headgate.core.faults import Misconfigured, UpstreamError
from headgate.core.ports import Origin
from headgate.http1.pool import HttpTransport
from headgate.http1.proxies import ProxySettings
from headgate.http1.tls import TlsSettings, client_context, server_context

AUTHORITY = trustme.CA()
STRANGER = trustme.CA()


@contextlib.contextmanager
def ca_file(authority: trustme.CA) -> Generator[str]:
    with authority.cert_pem.tempfile() as path:
        yield path


def context_for(*names: str) -> ssl.SSLContext:
    certificate = AUTHORITY.issue_cert(*names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    return context


@on_both_loops
async def test_tls_is_verified_and_kept() -> None:
    with ca_file(AUTHORITY) as trusted:
        async with scripted(always(whole(b"private")), tls=context_for("127.0.0.1")) as server:
            transport = HttpTransport(tls=TlsSettings(ca_file=trusted))
            for _ in range(20):
                answer = await transport.send(post(server.origin, b"x" * 100_000))
                assert await answer.read(100) == b"private"
            assert (server.connections, transport.connections_opened) == (1, 1)
            await transport.close()


@on_both_loops
async def test_a_ca_file_counts_for_its_origin_only() -> None:
    with ca_file(AUTHORITY) as trusted, ca_file(STRANGER) as strange:
        async with scripted(always(whole(b"private")), tls=context_for("127.0.0.1")) as server:
            transport = HttpTransport(tls=TlsSettings(ca_file=strange, ca_files={server.origin: trusted}))
            assert await (await transport.send(post(server.origin))).read(100) == b"private"
            await transport.close()
            transport = HttpTransport(
                tls=TlsSettings(ca_files={Origin("https", "elsewhere.example", 443): trusted})
            )
            with pytest.raises(UpstreamError, match="is not trusted") as caught:
                await transport.send(post(server.origin))
            assert caught.value.sent is False
            assert transport.connections_open == 0


@on_both_loops
async def test_strange_authorities_and_wrong_names_are_refused() -> None:
    with ca_file(AUTHORITY) as trusted, ca_file(STRANGER) as strange:
        for file, name in ((strange, "127.0.0.1"), (trusted, "other.example")):
            async with scripted(always(whole(b"private")), tls=context_for(name)) as server:
                transport = HttpTransport(tls=TlsSettings(ca_file=file))
                with pytest.raises(UpstreamError, match="is not trusted") as caught:
                    await transport.send(post(server.origin))
                assert caught.value.sent is False
                assert transport.connections_open == 0


@on_both_loops
async def test_tls_to_a_plain_port_is_an_error() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with scripted(script) as server:
        transport = HttpTransport()
        with pytest.raises(UpstreamError) as caught:
            await transport.send(post(Origin("https", "127.0.0.1", server.origin.port)))
        assert caught.value.sent is False


def test_unusable_files_are_named() -> None:
    with tempfile.TemporaryDirectory() as folder:
        missing = Path(folder, "missing.pem")
        with pytest.raises(Misconfigured, match=r"missing\.pem"):
            client_context(str(missing))
        with pytest.raises(Misconfigured, match=r"missing\.pem"):
            server_context(missing)


def tunnel_to(port: int, heads: list[bytes], *, status: bytes = b"200 Connection established") -> Script:
    """A proxy that takes CONNECT to any name and leads to a port on loopback."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        heads.append(await read_head(reader))
        writer.write(b"HTTP/1.1 " + status + b"\r\nvia: test\r\n\r\n")
        if not status.startswith(b"200"):
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        finally:
            far_writer.transport.abort()

    return script


@on_both_loops
async def test_https_goes_through_a_tunnel() -> None:
    heads: list[bytes] = []
    with ca_file(AUTHORITY) as trusted:
        async with (
            scripted(always(whole(b"far")), tls=context_for("provider.example")) as server,
            scripted(tunnel_to(server.origin.port, heads)) as proxy,
        ):
            proxies = ProxySettings.from_mapping(
                {"HTTPS_PROXY": f"http://us%40er:pa:ss@127.0.0.1:{proxy.origin.port}"}
            )
            transport = HttpTransport(tls=TlsSettings(ca_file=trusted), proxies=proxies)
            for _ in range(5):
                answer = await transport.send(post(Origin("https", "provider.example", 443), b"y" * 100_000))
                assert await answer.read(100) == b"far"
            assert (proxy.connections, server.connections) == (1, 1)
            assert heads == [
                b"CONNECT provider.example:443 HTTP/1.1\r\nhost: provider.example:443\r\n"
                b"proxy-authorization: Basic dXNAZXI6cGE6c3M=\r\n\r\n"
            ]
            wrong = Origin("https", "wrong.example", 443)
            with pytest.raises(UpstreamError, match="not trusted") as caught:
                await transport.send(post(wrong))
            assert caught.value.sent is False
            await transport.close()
            await proxy.until_closed(2)


@on_both_loops
async def test_a_refused_tunnel_is_an_error_before_anything_left() -> None:
    heads: list[bytes] = []
    async with scripted(tunnel_to(1, heads, status=b"407 Proxy Authentication Required")) as proxy:
        proxies = ProxySettings.from_mapping({"https_proxy": f"127.0.0.1:{proxy.origin.port}"})
        transport = HttpTransport(proxies=proxies)
        with pytest.raises(UpstreamError, match="status 407") as caught:
            await transport.send(post(Origin("https", "provider.example", 443)))
        assert caught.value.sent is False
        assert transport.connections_open == 0
        assert b"proxy-authorization" not in heads[0]


@on_both_loops
async def test_http_goes_through_a_proxy_in_absolute_form() -> None:
    heads: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            heads.append((await read_request(reader))[0])
            writer.write(whole(b"through"))

    async with scripted(script) as proxy:
        proxies = ProxySettings.from_mapping({"HTTP_PROXY": f"http://u:p@127.0.0.1:{proxy.origin.port}/"})
        transport = HttpTransport(proxies=proxies)
        for _ in range(2):
            answer = await transport.send(post(Origin("http", "provider.example", 8080), target=b"/a?b=c"))
            assert await answer.read(100) == b"through"
        assert proxy.connections == 1
        assert heads[0].startswith(
            b"POST http://provider.example:8080/a?b=c HTTP/1.1\r\nhost: provider.example:8080\r\n"
        )
        assert b"\r\nproxy-authorization: Basic dTpw\r\n" in heads[0]
        await transport.close()


@on_both_loops
async def test_a_loopback_provider_is_reached_without_the_proxy() -> None:
    async with scripted(always(whole(b"near"))) as server, scripted(always(whole(b"proxy"))) as proxy:
        transport = HttpTransport(
            proxies=ProxySettings.from_mapping({"HTTP_PROXY": f"http://127.0.0.1:{proxy.origin.port}"})
        )
        assert await (await transport.send(post(server.origin))).read(100) == b"near"
        assert proxy.connections == 0
        await transport.close()
