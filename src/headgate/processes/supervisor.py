"""The supervisor: holds the data folder, opens sockets, keeps the workers alive, and drains them in order.

Serves nothing itself and knows no slice but `store`, through the context manager that it is given.
Read next: `child`, `worker`.
"""

import asyncio
import logging
import os
import resource
import signal
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from pathlib import Path

import msgspec
import setproctitle

from headgate.core.faults import Misconfigured
from headgate.processes.banner import banner
from headgate.processes.child import Child, ChildFailed, ChildRules
from headgate.processes.folder import ADMIN_KEY_NAME, held, write_private
from headgate.processes.log import wants_json
from headgate.processes.preparing import Prepare
from headgate.processes.sockets import control_socket_path, listen, listen_unix
from headgate.processes.spec import Prepared, Role, UpOptions, WorkerSpec

log = logging.getLogger("headgate.processes")

OpenDatabase = Callable[[UpOptions], AbstractAsyncContextManager[str]]
"""Yields the URL of a database that runs meanwhile."""

DRAIN_SLACK_S = 15.0
"""What a worker gets beyond its drain to hand things over before it is killed."""


def forbid_cores() -> None:
    """Have this process and all that it starts leave no core file: its memory holds the keys of providers."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


class Supervisor:
    """What `headgate up` runs. `commands` start workers, which read their spec from standard input."""

    def __init__(
        self,
        options: UpOptions,
        prepare: Prepare,
        *,
        open_database: OpenDatabase,
        commands: Mapping[Role, Sequence[str]],
        rules: ChildRules | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self._options = options
        self._prepare = prepare
        self._open_database = open_database
        self._commands = commands
        self._rules = rules or ChildRules()
        self._say = say
        self._stopping = asyncio.Event()
        self._children: dict[Role, list[Child]] = {"control": [], "shipper": [], "gateway": []}
        self._folder = Path(options.data_dir)

    async def run(self) -> int:
        """Serve until a signal asks for the end; return the exit status.

        Raises Conflict when another `up` holds the folder, Misconfigured when the address is taken or a
        worker can't start.
        """
        self._check()
        setproctitle.setproctitle("headgate up")
        forbid_cores()
        with held(self._folder):
            self._hear_signals()
            async with AsyncExitStack() as stack:
                url = await stack.enter_async_context(self._open_database(self._options))
                prepared = await self._prepare(self._options, url)
                if prepared.minted_admin_key is not None:
                    write_private(self._folder / ADMIN_KEY_NAME, prepared.minted_admin_key + "\n")
                with ExitStack() as sockets:
                    await self._serve(url, prepared, sockets)
        return 0

    def stop(self) -> None:
        """Drain and end; a second call kills the workers."""
        if not self._stopping.is_set():
            log.info("draining; once more ends at once")
            self._stopping.set()
            return
        log.warning("ending at once")
        for child in self._all():
            child.kill()

    def pids(self, role: Role) -> list[int]:
        """The process ids of a role's present incarnations."""
        return [child.pid for child in self._children[role] if child.pid is not None]

    def _check(self) -> None:
        if (self._options.tls_cert is None) != (self._options.tls_key is None):
            raise Misconfigured("--tls-cert and --tls-key go together; one of them is missing")
        if self._options.workers < 1:
            raise Misconfigured(f"--workers is {self._options.workers}; at least one is needed")

    def _hear_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop)

    def _all(self) -> list[Child]:
        return [child for children in self._children.values() for child in children]

    async def _serve(self, url: str, prepared: Prepared, sockets: ExitStack) -> None:
        options = self._options
        listening = listen(options.host, options.port, options.workers)
        for opened in listening:
            sockets.callback(opened.close)
        path = control_socket_path(self._folder)
        control = listen_unix(path)
        sockets.callback(path.unlink, missing_ok=True)
        sockets.callback(control.close)
        port = int(listening[0].getsockname()[1])
        common = self._common(url, port, str(path))
        self._add("control", 0, common, control)
        self._add("shipper", 0, common, None)
        for index in range(options.workers):
            self._add("gateway", index + 1, common, listening[index % len(listening)])
        keeping = [asyncio.create_task(child.keep(), name=child.title) for child in self._all()]
        try:
            await self._watch(keeping, lambda: self._say(banner(options, prepared, port)))
        finally:
            await self._drain()
            await asyncio.wait(keeping)

    async def _watch(self, keeping: "list[asyncio.Task[None]]", announce: Callable[[], None]) -> None:
        """Wait for the end, announcing once that all serve. Raises Misconfigured if a child never came up."""
        asked = asyncio.create_task(self._stopping.wait())
        ready = asyncio.create_task(self._all_ready())
        try:
            waiting: set[asyncio.Task[object]] = {asked, ready, *keeping}
            while not asked.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if ready in done:
                    announce()
                for task in done & set(keeping):
                    failure = task.exception()
                    if isinstance(failure, ChildFailed):
                        raise Misconfigured(str(failure)) from failure
                    if failure is not None:
                        raise failure
        finally:
            asked.cancel()
            ready.cancel()
            await asyncio.wait({asked, ready})

    async def _all_ready(self) -> bool:
        for child in self._all():
            await child.ready.wait()
        return True

    async def _drain(self) -> None:
        """Gateways first, so that no call is cut; the shipper last, so that it ships what they wrote."""
        self._stopping.set()
        timeout_s = self._options.drain_s + DRAIN_SLACK_S
        order: tuple[Role, ...] = ("gateway", "control", "shipper")
        for role in order:
            children = self._children[role]
            await asyncio.gather(*(child.stop(timeout_s) for child in children))

    def _common(self, url: str, port: int, control_socket: str) -> WorkerSpec:
        options = self._options
        return WorkerSpec(
            role="control",
            number=0,
            boot=uuid.uuid4(),
            data_dir=str(self._folder.resolve()),
            database_url=url,
            embedded=options.database_url is None,
            config_path=options.config_path,
            host=options.host,
            port=port,
            listen_fds=(),
            control_socket=control_socket,
            tls_cert=options.tls_cert,
            tls_key=options.tls_key,
            workers=options.workers,
            heartbeat_fd=-1,
            parent_pid=os.getpid(),
            log_json=wants_json(options.log_json),
            drain_s=options.drain_s,
        )

    def _add(self, role: Role, number: int, common: WorkerSpec, opened: socket.socket | None) -> None:
        fixed = msgspec.structs.replace(
            common, role=role, number=number, listen_fds=() if opened is None else (opened.fileno(),)
        )

        def make_spec(heartbeat_fd: int) -> WorkerSpec:
            return msgspec.structs.replace(fixed, boot=uuid.uuid4(), heartbeat_fd=heartbeat_fd)

        self._children[role].append(Child(fixed.title, make_spec, self._commands[role], self._rules))
