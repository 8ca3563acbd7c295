"""A server that is being measured: its processes by what they do, and how it is asked. Holds nothing else.

Read next: `servers` for those that there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bench.machine import tree
from bench.payloads import Kind


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One call: where to, with what headers, and its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def raw(self, port: int) -> bytes:
        """The call as HTTP/1.1 bytes."""
        lines = [f"POST {self.path} HTTP/1.1", f"host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"content-length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What the journal holds at one moment: bytes that the database does not have, of them accounting, and
    the bytes of accounting that were written so far."""

    journal_bytes: int = 0
    accounting_bytes: int = 0
    written_bytes: int = 0


class Journal(Protocol):
    """The way of a server's records to its database."""

    def waiting(self) -> Waiting:
        """See what waits; cheap enough to be asked while a run is measured."""
        ...

    def count_records(self) -> int:
        """Count the records that the database has; takes a while, so never while a run is measured."""
        ...

    def why_refused(self) -> str:
        """Read why the last call was refused that was; empty where the records don't say."""
        ...


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A server under test, ready to be asked."""

    name: str
    port: int
    gateway: frozenset[int]
    asks: Mapping[Kind, Ask]
    parts: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])
    """Processes beside the gateway, by what they do: shipper, postgres, control, and watching (the
    database's own process for the bench, which is charged to nobody)."""

    journal: Journal | None = None
    ports: Mapping[Kind, int] = field(default_factory=dict[Kind, int])
    """Where kinds are answered that are not answered on `port`."""

    is_brief: bool = False
    """Kept full and no more: neither latency nor memory after many calls."""

    version: str = ""
    notes: tuple[str, ...] = ()

    def port_of(self, kind: Kind) -> int:
        """Where calls of a kind go."""
        return self.ports.get(kind, self.port)

    def part(self, name: str) -> frozenset[int]:
        """A part's processes with those that it has started since, but for what is another part."""
        others = {pid for other, pids in self.parts.items() if other != name for pid in pids}
        return tree(self.parts.get(name, frozenset())) - others - self.gateway

    def everything(self) -> frozenset[int]:
        """All processes of the server."""
        roots = self.gateway.union(*self.parts.values()) if self.parts else self.gateway
        return tree(roots)


JSON_HEADERS = {"content-type": "application/json"}
