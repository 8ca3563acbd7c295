"""Listening sockets that outlive the workers which accept on them.

A worker that dies leaves its queue of connections to its successor, because the supervisor holds the socket.
"""

import os
import socket
import sys
import tempfile
from pathlib import Path

from headgate.core.faults import Misconfigured

BACKLOG = 2048
UNIX_PATH_BYTES_MAX = 100


def kernel_balances() -> bool:
    """Whether sockets of one port share its connections evenly: on Linux, not on macOS."""
    return sys.platform == "linux"


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """Open `count` listening sockets on one port, or a single one where the kernel does not balance.

    Port 0 takes a free port. Raises Misconfigured when the address is taken or is none of this machine.
    """
    shared = count > 1 and kernel_balances()
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With SO_REUSEPORT a port that another program of ours serves would be joined in silence: ask first.
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            address = (address[0], probe.getsockname()[1], *address[2:])
        return [_listening(family, address, shared=shared) for _ in range(count if shared else 1)]
    except OSError as error:
        raise Misconfigured(
            f"can't listen on {host}:{port} ({error.strerror}); choose another with --host and --port, "
            "or stop the program that has it"
        ) from error


def _listening(family: int, address: tuple[object, ...], *, shared: bool) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    opened.bind(address)
    opened.listen(BACKLOG)
    opened.setblocking(False)
    return opened


def listen_unix(path: Path) -> socket.socket:
    """Open a listening unix socket with mode 0600, in place of one left behind."""
    path.unlink(missing_ok=True)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        opened.bind(str(path))
    finally:
        os.umask(before)
    opened.listen(BACKLOG)
    opened.setblocking(False)
    return opened


def control_socket_path(folder: Path) -> Path:
    """Return where control listens: in the data folder, or in a private one where that path is too long."""
    path = folder.resolve() / "control.sock"
    if len(os.fsencode(path)) <= UNIX_PATH_BYTES_MAX:
        return path
    return Path(tempfile.mkdtemp(prefix="headgate-")) / "control.sock"
