"""Hosts of their own on this machine: network namespaces on two bridges, one for clients, one for databases.

A host's line to the databases can be cut without its clients noticing: taken off the bridge, its packets
vanish both ways and nobody is told (silent); made unreachable, every attempt fails at once (loud). Names hold
the process id of the test run, so that runs beside each other don't meet, and what a run that was killed left
behind is found and removed by the next. Needs root and iproute2.
"""

import contextlib
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path

PREFIX = "hgd"
_NUMBERS = itertools.count()
_NAME = re.compile(rf"\b{PREFIX}([0-9a-f]{{6}})[0-9a-f][a-z0-9]*\b")
NAMED = Path("/run/netns")
ENDED_S_MAX = 15.0


class NetworkFailed(Exception):
    """A command that makes or changes the network has failed."""


def ip(*arguments: str) -> str:
    """Run `ip` and return what it prints. Raises NetworkFailed."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NetworkFailed(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def reason_against() -> str | None:
    """Why namespaces can't be made here; None where they can. Installs iproute2 on Debian where it lacks."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None and shutil.which("apt-get") is not None:
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", "iproute2"],
        ):
            subprocess.run(command, capture_output=True, check=False, timeout=300)
    if shutil.which("ip") is None:
        return "network namespaces need iproute2"
    try:
        with Network() as network:
            network.host("a")
    except (NetworkFailed, OSError) as error:
        return f"network namespaces can't be made here: {error}"
    return None


class Host:
    """One namespace with an address that clients know and one on the databases' bridge."""

    def __init__(self, network: "Network", name: str, number: int) -> None:
        self.name = name
        self.namespace = f"{network.name}{name}"
        self.address = f"{network.public}.{number}"
        self.store_address = f"{network.store}.{number}"
        self._bridge = network.store_bridge
        self._near = {"public": f"{network.name}{name}p", "store": f"{network.name}{name}s"}
        self._lines = (
            ("public", network.public_bridge, self.address),
            ("store", network.store_bridge, self.store_address),
        )

    def make(self) -> None:
        """Make the namespace and its two lines."""
        ip("netns", "add", self.namespace)
        ip("-n", self.namespace, "link", "set", "lo", "up")
        for kind, bridge, address in self._lines:
            near = self._near[kind]
            ip("link", "add", near, "type", "veth", "peer", "name", kind, "netns", self.namespace)
            ip("link", "set", near, "master", bridge, "up")
            ip("-n", self.namespace, "addr", "add", f"{address}/24", "dev", kind)
            ip("-n", self.namespace, "link", "set", kind, "up")

    def command(self, *words: str) -> list[str]:
        """Return the command that runs `words` on this host."""
        return ["ip", "netns", "exec", self.namespace, *words]

    def cut(self) -> None:
        """From now on packets between this host and the databases' bridge vanish."""
        ip("link", "set", self._near["store"], "nomaster")

    def mend(self) -> None:
        """Undo `cut`."""
        ip("link", "set", self._near["store"], "master", self._bridge, "up")

    def refuse(self, other: "Host") -> None:
        """From now on every attempt to reach `other` fails at once."""
        ip("-n", self.namespace, "route", "add", "unreachable", f"{other.store_address}/32")

    def accept(self, other: "Host") -> None:
        """Undo `refuse`."""
        ip("-n", self.namespace, "route", "del", "unreachable", f"{other.store_address}/32")

    def processes(self) -> list[int]:
        """Process ids of all that runs on this host."""
        return processes_in(self.namespace)

    def end_at_once(self) -> None:
        """Kill everything that runs on this host, as when its power fails."""
        end(self.processes)

    def remove(self) -> None:
        """Kill everything on it, and take the host away."""
        if (NAMED / self.namespace).exists():
            self.end_at_once()
            ip("netns", "del", self.namespace)
        for near in self._near.values():
            with contextlib.suppress(NetworkFailed):  # gone with its other end
                ip("link", "del", near)


class Network:
    """Two bridges that this machine is on, too, at `.1`; all hosts are removed at the end."""

    def __init__(self) -> None:
        self.name = f"{PREFIX}{os.getpid() & 0xFFFFFF:06x}{next(_NUMBERS) % 16:x}"
        self.public_bridge = f"{self.name}brp"
        self.store_bridge = f"{self.name}brs"
        self.public, self.store = _free_networks()
        self.hosts: list[Host] = []

    def __enter__(self) -> "Network":
        sweep()
        try:
            for bridge, network in ((self.public_bridge, self.public), (self.store_bridge, self.store)):
                ip("link", "add", bridge, "type", "bridge")
                ip("addr", "add", f"{network}.1/24", "dev", bridge)
                ip("link", "set", bridge, "up")
        except NetworkFailed:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def gateway(self) -> str:
        """This machine's address as hosts see it, on the clients' bridge."""
        return f"{self.public}.1"

    def host(self, name: str) -> Host:
        """Make a host; its name is a letter or two."""
        made = Host(self, name, 10 + len(self.hosts))
        self.hosts.append(made)
        made.make()
        return made

    def remove(self) -> None:
        """Take away all hosts, with all that runs on them, and the bridges."""
        for host in self.hosts:
            host.remove()
        self.hosts.clear()
        for bridge in (self.public_bridge, self.store_bridge):
            with contextlib.suppress(NetworkFailed):  # never made
                ip("link", "del", bridge)


def processes_in(namespace: str) -> list[int]:
    """Process ids of all that runs in a namespace."""
    return [int(pid) for pid in ip("netns", "pids", namespace).split()]


def _free_networks() -> tuple[str, str]:
    """Two networks of 254 addresses that no interface here is on."""
    taken = ip("-4", "addr") + ip("-4", "route")
    chosen: list[str] = []
    draw = random.SystemRandom()
    while len(chosen) < 2:
        one = f"10.{draw.randrange(128, 250)}.{draw.randrange(0, 255)}"
        if f"{one}." not in taken and one not in chosen:
            chosen.append(one)
    return chosen[0], chosen[1]


def sweep() -> None:
    """Remove what runs of tests that were killed have left behind."""
    for namespace in sorted(found.name for found in NAMED.iterdir()) if NAMED.exists() else ():
        if _is_left_behind(namespace):
            end(partial(processes_in, namespace))
            ip("netns", "del", namespace)
    for line in ip("-o", "link").splitlines():
        name = line.split(": ")[1].partition("@")[0]
        if _is_left_behind(name):
            with contextlib.suppress(NetworkFailed):  # gone with its other end
                ip("link", "del", name)


def _is_left_behind(name: str) -> bool:
    found = _NAME.fullmatch(name)
    return found is not None and not Path(f"/proc/{int(found[1], 16)}").exists()


def end(processes: Callable[[], Sequence[int]]) -> None:
    """Kill the processes that `processes` names, until there are none."""
    deadline_s = time.monotonic() + ENDED_S_MAX
    while found := processes():
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline_s:
            raise NetworkFailed(f"these processes do not end: {found}")
        time.sleep(0.02)


@contextlib.contextmanager
def silence(*hosts: Host) -> Generator[None]:
    """Cut the hosts off from the databases for the length of a block."""
    for host in hosts:
        host.cut()
    try:
        yield
    finally:
        for host in hosts:
            host.mend()
