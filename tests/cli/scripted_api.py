"""A control API whose answers are written down: what the command line is tested against."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

Asked = tuple[str, str, dict[str, str], Any]
"""Method, path, query and body of a request that arrived."""


class ScriptedApi:
    """Answers by method and path; `asked` holds what arrived, `bearer` the last key."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}
        self.asked: list[Asked] = []
        self.bearer: str | None = None
        self.url = ""
        self.heads: Callable[[int], dict[str, str]] = lambda number: {}
        """Further headers of an answer, by how many requests have arrived."""

    def on(self, method: str, path: str, body: Any, status: int = 200) -> None:
        """Answer this from now on; a body may be a function of what was asked."""
        self.answers[method, path] = (status, body)

    def items(self, path: str, *items: Any) -> None:
        """Answer a list."""
        self.on("GET", path, {"items": list(items), "next": None})

    def take(self, method: str, target: str, content: bytes) -> tuple[int, bytes]:
        parts = urlsplit(target)
        body = json.loads(content) if content else None
        self.asked.append((method, parts.path, dict(parse_qsl(parts.query)), body))
        status, answer = self.answers.get(
            (method, parts.path),
            (
                404,
                {"error": {"code": "not_found", "message": f"there is no {parts.path}", "hint": "list them"}},
            ),
        )
        if isinstance(answer, Script):
            answer = answer.next()
        elif callable(answer):
            answer = answer(body)
        return status, b"" if answer is None else json.dumps(answer).encode()


class Script:
    """Answers that follow each other; the last one stays."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def next(self) -> Any:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@contextmanager
def serving(api: ScriptedApi) -> Generator[ScriptedApi]:
    """Serve it on the loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            api.bearer = self.headers.get("authorization")
            status, body = api.take(self.command, self.path, self.rfile.read(length))
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            for name, value in api.heads(len(api.asked)).items():
                self.send_header(name, value)
            with suppress(ConnectionError):  # who asked may have gone, such as by Ctrl-C
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def surround(monkeypatch: pytest.MonkeyPatch, api: ScriptedApi, folder: Path) -> None:
    """Run commands in this folder; the environment holds the scripted server's address and a key alone."""
    for name in list(os.environ):
        if name.startswith("HEADGATE_") and name != "HEADGATE_UPDATE_SNAPSHOTS":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HEADGATE_URL", api.url)
    monkeypatch.setenv("HEADGATE_KEY", "hg_test_key")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(folder)


def interrupted(
    api: ScriptedApi, folder: Path, *arguments: str, path: str, after: int
) -> tuple[int, bytes, bytes]:
    """Run a command, and press Ctrl-C when a path is asked after so many times; that has no answer before.

    Return its status and what it printed on both streams.
    """
    reached, let_go = threading.Event(), threading.Event()

    def take(method: str, target: str, content: bytes, own: Any = api.take) -> Any:
        if target == path and sum(each[1] == path for each in api.asked) == after:
            reached.set()
            let_go.wait(60)
        return own(method, target, content)

    api.take = take
    with subprocess.Popen(
        [sys.executable, "-m", "headgate.cli.app", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Wherever the tests were started: what runs in the background may be deaf to it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert reached.wait(60)
        process.send_signal(signal.SIGINT)
        shown, said = process.communicate(timeout=45)
        let_go.set()
    return process.returncode, shown, said
