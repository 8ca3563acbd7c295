"""A server that is being measured: its processes by what they do, and how it is asked. Holds nothing else.

Read next: `servers` for those that there are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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
class Backlog:
    """What the journal holds that the database does not, at one moment, and the rows that it does hold."""

    journal_bytes: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A server under test, ready to be asked."""

    name: str
    port: int
    gateway: frozenset[int]
    asks: Mapping[Kind, Ask]
    parts: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])
    """Processes beside the gateway, by what they do: shipper, postgres, control."""

    backlog: Callable[[], Backlog] | None = None
    ports: Mapping[Kind, int] = field(default_factory=dict[Kind, int])
    """Where kinds are answered that are not answered on `port`."""

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
