"""A host of its own for an agent: a network namespace that reaches Headgate, and nobody else.

Needs root. Read next: `agent_runs`.
"""

import asyncio
import contextlib
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.hosts.network import Host, Network, reason_against
from tests.faults.privileges import lack
from tests.flow.server_thread import ServerThread

RUN_S_MAX = 120.0


class Line(ServerThread):
    """Carries each connection to a server on this machine's loopback, which other hosts don't reach."""

    def __init__(self, address: str, url: str) -> None:
        super().__init__("line to the gateway", address)
        parts = urlsplit(url)
        self._to = parts.hostname, parts.port

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        near, far = await asyncio.open_connection(*self._to)
        try:
            await asyncio.gather(_carry(reader, far), _carry(near, writer))
        finally:
            far.close()
        return False


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):  # gone meanwhile
        writer.write_eof()


class AgentHost:
    """Where agents run. `url` is Headgate's address there."""

    def __init__(self, host: Host, url: str) -> None:
        self._host = host
        self.url = url

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program to its end, in this environment and no other. It is killed if that takes too long."""
        return subprocess.run(
            self._host.command(*command),
            cwd=folder,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_S_MAX,
            check=False,
        )


@contextlib.contextmanager
def agent_host(gateway_url: str) -> Generator[AgentHost]:
    """Make such a host for the length of a `with` block; all that still runs there is ended with it."""
    reason = reason_against()
    if reason is not None:
        lack(reason)
    with Network() as network:
        host = network.host("a")
        with Line(network.gateway, gateway_url) as line:
            yield AgentHost(host, f"http://{network.gateway}:{line.port}")
