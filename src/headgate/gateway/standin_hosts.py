"""The mock and replay providers of a snapshot, as one transport: the origin's host is the provider's name."""

import asyncio
from pathlib import Path

from headgate.catalog.model import MockSettings, Provider
from headgate.config.snapshot import Snapshot
from headgate.core.faults import UpstreamError
from headgate.core.ports import Answer, Outgoing, Transport
from headgate.standins.exchanges import FIXTURES, load_exchanges
from headgate.standins.mock import MockTransport
from headgate.standins.replay import ReplayTransport


class StandinHosts:
    """A `core.ports.Transport` for the schemes `mock` and `replay`."""

    __slots__ = ("_made", "_providers")

    def __init__(self) -> None:
        self._providers: dict[str, Provider] = {}
        self._made: dict[str, tuple[Provider, Transport]] = {}

    def update(self, snapshot: Snapshot) -> None:
        """Serve the stand-ins of this snapshot; those that did not change go on where they were."""
        self._providers = {
            name: provider
            for name, provider in snapshot.providers.items()
            if provider.kind in ("mock", "replay")
        }

    async def send(self, outgoing: Outgoing) -> Answer:
        """Answer by the provider that the origin names. Raises UpstreamError for one that is gone."""
        name = outgoing.origin.host
        provider = self._providers.get(name)
        if provider is None:
            raise UpstreamError(f"{name} is no stand-in of the snapshot in force", sent=False)
        made = self._made.get(name)
        if made is None or made[0] != provider:
            made = provider, await asyncio.to_thread(_make, provider)
            self._made[name] = made
        return await made[1].send(outgoing)

    async def close(self) -> None:
        """There is nothing to close."""


def _make(provider: Provider) -> Transport:
    if provider.kind == "replay":
        path = Path(provider.replay_file) if provider.replay_file else FIXTURES
        return ReplayTransport(load_exchanges(path), seed=provider.mock.seed if provider.mock else 1)
    return MockTransport(provider.mock or MockSettings())
