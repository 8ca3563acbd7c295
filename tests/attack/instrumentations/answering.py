"""A provider with two answers, and where spans arrive: both on the loopback, in this process.

The provider asks for a tool until it was told what that gave, then answers; whole or as a stream. What it
said (`ASKED`, `ANSWERED`) is what every instrumentation is held to.
"""

import contextlib
import gzip
import json
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final, cast

MODEL: Final = "gpt-5-mini-2025-08-07"
ANSWER: Final = "It is 18 degrees and sunny in Paris."
CALL: Final = {
    "id": "call_weather1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
}


def usage(prompt: int, cached: int, completion: int, reasoning: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


ASKED: Final[dict[str, Any]] = {
    "id": "chatcmpl-asks1",
    "message": {"role": "assistant", "content": None, "refusal": None, "tool_calls": [CALL]},
    "finish_reason": "tool_calls",
    "usage": usage(120, 64, 40, 16),
}
ANSWERED: Final[dict[str, Any]] = {
    "id": "chatcmpl-answers2",
    "message": {"role": "assistant", "content": ANSWER, "refusal": None},
    "finish_reason": "stop",
    "usage": usage(180, 128, 24, 8),
}


class Handler(BaseHTTPRequestHandler):
    """Answers model calls and takes spans."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        pass

    def do_GET(self) -> None:
        self._send("application/json", b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path.endswith("/v1/traces"):
            cast("Answering", self.server).exported.append(body)
            self._send("application/x-protobuf", b"")
        elif self.path.endswith("/v1/logs"):
            cast("Answering", self.server).logged.append(body)
            self._send("application/x-protobuf", b"")
        elif self.path.endswith("/chat/completions"):
            self._chat(json.loads(body))
        else:
            self._send("application/json", b"{}")

    def _chat(self, asked: dict[str, Any]) -> None:
        answer = ANSWERED if asked["messages"][-1]["role"] == "tool" else ASKED
        head = {"id": answer["id"], "created": 1_790_000_000, "model": MODEL, "service_tier": "default"}
        if not asked.get("stream"):
            choice = {"index": 0, "message": answer["message"], "finish_reason": answer["finish_reason"]}
            whole = {**head, "object": "chat.completion", "choices": [choice], "usage": answer["usage"]}
            self._send("application/json", json.dumps(whole).encode())
            return
        deltas = list(_deltas(answer))
        chunks = [{**head, "object": "chat.completion.chunk", "choices": [delta]} for delta in deltas]
        if asked.get("stream_options", {}).get("include_usage"):
            chunks.append(
                {**head, "object": "chat.completion.chunk", "choices": [], "usage": answer["usage"]}
            )
        events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
        self._send("text/event-stream", f"{events}data: [DONE]\n\n".encode())

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _deltas(answer: dict[str, Any]) -> Generator[dict[str, Any]]:
    message = answer["message"]
    yield {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    for index, call in enumerate(message.get("tool_calls", [])):
        yield {"index": 0, "delta": {"tool_calls": [{"index": index, **call}]}, "finish_reason": None}
    for word in (message["content"] or "").split(" "):
        text = word if word == "It" else f" {word}"
        yield {"index": 0, "delta": {"content": text}, "finish_reason": None}
    yield {"index": 0, "delta": {}, "finish_reason": answer["finish_reason"]}


class Answering(ThreadingHTTPServer):
    """The provider and the collector at one address."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.exported: list[bytes] = []
        self.logged: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def answering() -> Generator[Answering]:
    """Serve until the block ends."""
    server = Answering()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
