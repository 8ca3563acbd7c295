"""Starts a real `headgate up` on a free loopback port with a configuration, and ends it by process id.

Used by the tour (`make demo`) and by the tests that need the whole system.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import httpx

from demo.scratch import scratch_folder
from headgate.store.embedded import EmbeddedPostgres

START_S_MAX = 60.0
COMMAND_S_MAX = 60.0
ADMIN_KEY = "an-admin-key-for-tours-and-tests"


class Running:
    """A `headgate up` that serves, its address, and its control API."""

    def __init__(
        self, process: subprocess.Popen[str], reader: threading.Thread, url: str, folder: Path, log: Path
    ) -> None:
        self.process = process
        self._reader = reader
        self.url = url
        self.folder = folder
        self.log = log
        self.admin_key = ADMIN_KEY
        self.api = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"authorization": f"Bearer {ADMIN_KEY}"},
            timeout=30,
            trust_env=False,
        )

    @property
    def config_path(self) -> Path:
        """The headgate.toml that it watches."""
        return self.folder / "headgate.toml"

    def database_url(self) -> str:
        """The address of its embedded database."""
        return EmbeddedPostgres(self.folder / "data").url

    def make_key(self, name: str = "tour", **fields: Any) -> str:
        """Create a key and return its text."""
        answer = self.api.post("/keys", json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    def get(self, path: str, **parameters: Any) -> Any:
        """Read a route of the control API."""
        answer = self.api.get(path, params=parameters)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def requests(self, **parameters: Any) -> list[dict[str, Any]]:
        """All records, newest first, through every page."""
        items: list[dict[str, Any]] = []
        following: str | None = None
        while True:
            page = self.get(
                "/requests", limit=500, **parameters, **({"next": following} if following else {})
            )
            items += page["items"]
            following = page["next"]
            if following is None:
                return items

    def wait_for_requests(
        self, count: int, timeout_s: float = 20.0, **parameters: Any
    ) -> list[dict[str, Any]]:
        """Wait until at least that many records are there."""
        deadline = time.monotonic() + timeout_s
        while True:
            items = self.requests(**parameters)
            if len(items) >= count or time.monotonic() > deadline:
                return items
            time.sleep(0.1)

    def worker_pids(self, role: str) -> list[int]:
        """Process ids of the workers whose title holds `role`, such as `gateway 1`."""
        listed = subprocess.run(
            ["ps", "--ppid", str(self.process.pid), "-o", "pid=,args="],
            capture_output=True,
            text=True,
            check=False,
        )
        return [
            int(line.split(None, 1)[0]) for line in listed.stdout.splitlines() if f"headgate {role}" in line
        ]

    def command(self, *arguments: str, status: int = 0) -> str:
        """Run `headgate` against it; return what it prints, on standard error where it is to fail."""
        done = self.headgate(*arguments)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    def headgate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `headgate` against it, whatever its status."""
        return subprocess.run(
            [sys.executable, "-m", "headgate.cli.app", *arguments],
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
            env={**os.environ, "HEADGATE_URL": self.url, "HEADGATE_KEY": ADMIN_KEY, "NO_COLOR": "1"},
        )

    def stop(self) -> int:
        """Ask it to drain and end; kill it if that takes too long. Returns its exit status."""
        self.api.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=45)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(timeout=10)
        finally:
            self._reader.join(timeout=10)
            if self.process.stdout is not None:
                self.process.stdout.close()


@contextlib.contextmanager
def headgate(
    config: str | None = None,
    *,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    database_url: str | None = None,
) -> Generator[Running]:
    """Run Headgate for the length of a `with` block, on a port that the kernel chooses."""
    with contextlib.ExitStack() as stack:
        place = folder or Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="hg-", dir=scratch_folder(), ignore_cleanup_errors=True)
            )
        )
        command = [sys.executable, "-m", "headgate.cli.app", "up", "--port", "0", "--workers", str(workers)]
        command += ["--data", str(place / "data")]
        if config is not None:
            (place / "headgate.toml").write_text(config)
            command += ["--config", str(place / "headgate.toml")]
        if database_url is not None:
            command += ["--database-url", database_url]
        running = _start(command, place, environment or {})
        try:
            yield running
        finally:
            running.stop()


def _start(command: list[str], place: Path, environment: Mapping[str, str]) -> Running:
    keep = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(("_API_KEY", "_PROXY", "_proxy"))
    }
    log = place / "headgate.log"
    with log.open("a") as log_file:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
            cwd=place,
            env={**keep, "HEADGATE_ADMIN_KEY": ADMIN_KEY, "NO_COLOR": "1", **environment},
        )
    assert process.stdout is not None
    lines: list[str] = []
    found: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            address = re.search(r"https?://[\w.\[\]:]+?:(\d+)", line)
            if address and not found:
                found.append(address.group(0))
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    if not ready.wait(START_S_MAX) or not found:
        # Asked first: a supervisor that is killed leaves its database running.
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
        process.stdout.close()
        tail = log.read_text()[-4000:]
        raise RuntimeError(f"headgate did not start: {''.join(lines)}\n{tail}")
    return Running(process, reader, found[0], place, log)


def chat(url: str, key: str, model: str, text: str = "Say hello.", **fields: Any) -> httpx.Response:
    """Make one chat call and return the answer, whatever its status."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    return httpx.post(
        f"{url}/v1/chat/completions",
        content=json.dumps(body),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        timeout=60,
        trust_env=False,
        verify=False,  # loopback, without TLS: certificates need not be loaded for each call
    )
