"""A stand-in for the server that an application reports to: keeps what comes, and answers as scripted."""

import contextlib
import gzip
import json
import threading
import time
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WAIT_S = 20.0


class SpanCollector:
    """What came in, span by span and feedback by feedback."""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[dict[str, Any]] = []
        self.feedback: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        """Given one after the other; then 200."""
        self.stalls = threading.Event()
        """While set, nothing is answered."""
        self._changed = threading.Condition()

    def take(self, path: str, headers: dict[str, str], content: bytes) -> tuple[int, dict[str, Any]]:
        with self._changed:
            self.requests.append((path, headers))
            status, answer = self.answers.pop(0) if self.answers else (200, {})
            if status == 200:
                body = json.loads(gzip.decompress(content) if "gzip" in headers.values() else content)
                self.feedback += body.get("items", [])
                self.spans += [span_of(each) for each in spans_in(body)]
            self._changed.notify_all()
        return status, answer

    def wait_for(self, fits: Callable[[], bool]) -> None:
        """Wait until what came fits."""
        with self._changed:
            assert self._changed.wait_for(fits, WAIT_S), (self.requests, self.spans)

    def wait_for_spans(self, *names: str) -> list[dict[str, Any]]:
        """Return these spans once all have come, in this order."""
        self.wait_for(lambda: {each["name"] for each in self.spans} >= set(names))
        return [next(each for each in self.spans if each["name"] == name) for name in names]


def spans_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for resource in body.get("resourceSpans", []):
        for scope in resource["scopeSpans"]:
            found += [{**each, "resource": resource["resource"], **scope} for each in scope["spans"]]
    return found


def span_of(said: dict[str, Any]) -> dict[str, Any]:
    """A span with its attributes as a plain mapping."""
    attributes = {each["key"]: value_of(each["value"]) for each in said["attributes"]}
    resource = {each["key"]: value_of(each["value"]) for each in said["resource"]["attributes"]}
    return {**said, "attributes": attributes, "resource": resource}


def value_of(said: dict[str, Any]) -> Any:
    [(kind, value)] = said.items()
    match kind:
        case "arrayValue":
            return [value_of(each) for each in value["values"]]
        case "intValue":
            return int(value)
        case _:
            return value


@contextlib.contextmanager
def collecting() -> Generator[SpanCollector]:
    """Serve a collector on a port of its own."""
    collector = SpanCollector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            until = time.monotonic() + WAIT_S
            while collector.stalls.is_set() and time.monotonic() < until:
                time.sleep(0.01)
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer = collector.take(self.path, headers, content)
            body = json.dumps(answer).encode()
            with contextlib.suppress(ConnectionError):  # who stopped waiting
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield collector
    finally:
        collector.stalls.clear()
        server.shutdown()
        server.server_close()
        thread.join()
