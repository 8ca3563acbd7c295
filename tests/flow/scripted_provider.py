"""A provider whose every byte a test decides, in a thread of its own: what it received, and what it answers.

A reply is a row of steps: bytes are written, numbers are seconds to wait, and the words below do as they say.
Which reply a call gets depends on the first segment of its path (the provider's name) and on its model.
"""

import asyncio
import json
import re
import threading
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import unquote

from tests.flow.server_thread import ServerThread

Word = Literal["cut", "wait"]
"""`cut` aborts the connection; `wait` keeps it silent until the other side goes, 20 seconds at most."""
Step = bytes | float | Word
Reply = Sequence[Step]

PROVIDERS = """
[providers.a]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/a/v1"
regions = ["eu"]

[providers.b]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/b/v1"
regions = ["us"]
"""
"""Two names of one scripted provider, in two regions; `port` is where it listens."""

_MODEL = re.compile(rb'"model"\s*:\s*"([^"]+)"|name="model"\r\n\r\n([^\r]+)|/models?/([^:?/ ]+)[:/]')


class Received:
    """One request as it arrived."""

    def __init__(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.hung_up = threading.Event()
        """Set once the other side is gone, or the answer is over."""

    def header(self, name: str) -> str | None:
        return next((value for field, value in self.headers if field == name), None)


def head(status: int, *lines: str, kind: str = "application/json") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} Status", f"content-type: {kind}", *lines, "", ""]).encode()


def whole(body: bytes, status: int = 200, *lines: str, kind: str = "application/json") -> bytes:
    return head(status, f"content-length: {len(body)}", *lines, kind=kind) + body


def answer(value: object, status: int = 200, *lines: str) -> Reply:
    return (whole(json.dumps(value).encode(), status, *lines),)


def error(status: int, message: str = "no", *lines: str, **more: object) -> Reply:
    return answer({"error": {"message": message, "type": "t", "code": None, **more}}, status, *lines)


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def stream(*parts: Step, end: bool = True, kind: str = "text/event-stream") -> Reply:
    """A chunked stream; bytes among the parts are pieces of its body."""
    steps: list[Step] = [head(200, "transfer-encoding: chunked", "x-request-id: req-stream", kind=kind)]
    for part in parts:
        steps.append(chunked(part) if isinstance(part, bytes) else part)
    return (*steps, b"0\r\n\r\n") if end else steps


def completion(text: str = "hello", usage: dict[str, Any] | None = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage or {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30},
    }


def delta(text: str, **more: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"id": "c", "choices": [choice], **more}).encode() + b"\n\n"


def usage_chunk(prompt: int, output: int) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
    return b"data: " + json.dumps({"id": "c", "choices": [], "usage": usage}).encode() + b"\n\n"


FINISH = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


class ScriptedProvider(ServerThread):
    """Many providers on one loopback port."""

    def __init__(self) -> None:
        super().__init__("scripted provider")
        self._replies: dict[tuple[str, str], list[Reply]] = {}
        self._received: dict[tuple[str, str], list[Received]] = {}

    def on(self, provider: str, model: str, *replies: Reply) -> None:
        """Answer calls of that model one after the other with these; the last one again and again."""
        self._replies[provider, model] = list(replies)

    def received(self, provider: str, model: str) -> list[Received]:
        """What has arrived for that model so far."""
        return list(self._received.get((provider, model), ()))

    def everything(self) -> dict[tuple[str, str], list[Received]]:
        """All that has arrived so far, by provider and model."""
        return {place: list(requests) for place, requests in self._received.items()}

    def refusal(self, request: Received) -> Reply | None:
        """What is answered to a request that proves nothing; None where it may be served."""
        del request
        return None

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        pairs = [line.partition(": ") for line in lines[1:] if line]
        headers = [(name.lower(), value) for name, _, value in pairs]
        length = int(next((value for name, value in headers if name == "content-length"), "0"))
        body = await reader.readexactly(length)
        found = _MODEL.search(target.encode() + b"\n" + body)
        model = unquote(next(group for group in found.groups() if group).decode()) if found else ""
        place = target.split("/")[1], model
        request = Received(method, target, headers, body)
        self._received.setdefault(place, []).append(request)
        reply = self.refusal(request)
        if reply is None:
            replies = self._replies.get(place) or [answer(completion())]
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        try:
            return await _play(reply, reader, writer)
        finally:
            request.hung_up.set()


async def _play(reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    for step in reply:
        if isinstance(step, bytes):
            writer.write(step)
            await writer.drain()
        elif step == "cut":
            writer.transport.abort()
            return False
        elif step == "wait":
            await asyncio.wait([asyncio.ensure_future(reader.read(1))], timeout=20)
            return False
        else:
            assert not isinstance(step, str)
            await asyncio.sleep(step)
    return True
