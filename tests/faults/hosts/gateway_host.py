"""A `headgate up` on a host of its own, as an operator would run it there."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from demo.running import ADMIN_KEY
from tests.faults.hosts.network import Host

START_S_MAX = 90.0
END_S_MAX = 45.0
AGAIN_S_MAX = 10.0
PORT = 4400


class GatewayHost:
    """One host's Headgate. `api` speaks to its own control process."""

    def __init__(
        self, host: Host, folder: Path, database_url: str, config: Path, *, workers: int = 1
    ) -> None:
        self.host = host
        self.data = folder / f"data-{host.name}"
        self.config = config
        self.url = f"http://{host.address}:{PORT}"
        self.log = folder / f"headgate-{host.name}.log"
        self.api = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers={"authorization": f"Bearer {ADMIN_KEY}"},
            timeout=15,
            trust_env=False,
        )
        self.process: subprocess.Popen[str] | None = None
        self._database_url = database_url
        self._workers = workers
        self._up = threading.Event()
        self._reader: threading.Thread | None = None
        self.printed: list[str] = []

    def start(self) -> None:
        """Begin to start; `wait` waits until it serves."""
        words = [sys.executable, "-m", "headgate.cli.app", "up", "--host", self.host.address]
        words += ["--port", str(PORT), "--workers", str(self._workers), "--data", str(self.data)]
        words += ["--config", str(self.config), "--database-url", self._database_url]
        kept = {
            name: value
            for name, value in os.environ.items()
            if not re.search("_API_KEY$|_PROXY$|_proxy$", name)
        }
        self._up.clear()
        self.printed = []
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.host.command(*words),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.config.parent,
                env={**kept, "HEADGATE_ADMIN_KEY": ADMIN_KEY, "NO_COLOR": "1"},
            )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()

    def wait(self) -> None:
        """Wait until it serves. Raises RuntimeError with the end of its log."""
        if not self._up.wait(START_S_MAX) or not any("Headgate is up" in line for line in self.printed):
            raise RuntimeError(
                f"{self.host.name} did not start: {self.printed}\n{self.log.read_text()[-3000:]}"
            )

    def stop(self) -> int | None:
        """Drain and end it, as SIGTERM does; its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=END_S_MAX)
        except subprocess.TimeoutExpired:
            self.host.end_at_once()
            return self.process.wait(timeout=10)
        finally:
            self._close()

    def crash(self) -> None:
        """Everything on the host ends at this moment."""
        self.host.end_at_once()
        if self.process is not None:
            self.process.wait(timeout=10)
        self._close()

    def key(self, name: str, **fields: Any) -> dict[str, Any]:
        """Create a key and return what the API says of it."""
        answer = self.api.post("/keys", json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def get(self, path: str, **parameters: Any) -> Any:
        """Read a route. A connection that a failover has cut shows as a 503, with the word to try again."""
        deadline_s = time.monotonic() + AGAIN_S_MAX
        answer = self.api.get(path, params=parameters)
        while answer.status_code == 503 and time.monotonic() < deadline_s:
            time.sleep(0.2)
            answer = self.api.get(path, params=parameters)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def items(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        """Read a list, page after page."""
        found: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            page = self.get(path, limit=500, **parameters, **more)
            found += page["items"]
            if page["next"] is None:
                return found
            more = {"next": page["next"]}

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.printed.append(line.rstrip("\n"))
            if "/v1/chat/completions" in line:
                self._up.set()
        self._up.set()

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.join(timeout=10)
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
