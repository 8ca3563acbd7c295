"""What `headgate up` was asked for, and what a worker is told on its standard input.

Never in a worker's arguments: these values hold a database URL, which may hold a password.
Read next: `supervisor`, which writes specs, and `worker`, which reads them.
"""

import uuid
from typing import BinaryIO, Literal

import msgspec

from headgate.core.faults import Misconfigured

Role = Literal["control", "shipper", "gateway"]

SPEC_BYTES_MAX = 64 * 1024


class UpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What `headgate up` was asked for. `port` 0 takes a free one; `log_json` None asks the terminal."""

    data_dir: str = "headgate-data"
    config_path: str | None = None
    host: str = "127.0.0.1"
    port: int = 4400
    workers: int = 1
    database_url: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    log_json: bool | None = None
    drain_s: float = 30.0


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What `main` found or made before any worker starts.

    `minted_admin_key` is set only when this start made it; it is shown once and kept in DIR/admin.key.
    `example_model` stands in the line to paste.
    """

    minted_admin_key: str | None = None
    example_model: str = "mock/mock"


class WorkerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that one worker process is told. `number` counts gateways from 1 and is 0 for the other roles.

    `boot` names this incarnation. `listen_fds` are listening sockets made by the supervisor: the shared port
    for a gateway, the unix socket at `control_socket` for control, none for the shipper. The worker writes
    its beats to `heartbeat_fd`.
    """

    role: Role
    number: int
    boot: uuid.UUID
    data_dir: str
    database_url: str
    embedded: bool
    config_path: str | None
    host: str
    port: int
    listen_fds: tuple[int, ...]
    control_socket: str
    tls_cert: str | None
    tls_key: str | None
    workers: int
    heartbeat_fd: int
    parent_pid: int
    log_json: bool
    drain_s: float = 30.0

    @property
    def title(self) -> str:
        """The name in `ps` and in logs, such as `gateway 1`."""
        return f"{self.role} {self.number}" if self.number else self.role


def read_spec(stream: BinaryIO) -> WorkerSpec:
    """Read the JSON that the supervisor wrote. Raises Misconfigured when it is something else."""
    try:
        return msgspec.json.decode(stream.read(SPEC_BYTES_MAX), type=WorkerSpec)
    except msgspec.DecodeError as fault:
        raise Misconfigured(
            f"a worker process reads its spec from standard input, and this is none ({fault}); "
            "start it with `headgate up`"
        ) from fault
