"""A stand-in provider that keeps its own books, in exact prices, in a process of its own.

    python -m bench.overspend_provider --seed 7 --latency 0.06

It bills a call in full once it has arrived whole: who hangs up later, or is killed, pays all the same, as at
providers that do not notice. Answers POST .../chat/completions and GET /bill; prints its address as JSON.
Imports nothing of Headgate's: what it bills must not depend on what is attacked. Read next:
`bench.overspend_clients`.
"""

import argparse
import asyncio
import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

PRICES_USD = {"large": ("10", "40"), "small": ("2.5", "10"), "gpt-4o": ("2.5", "10")}
"""USD a million input and output tokens, by model; as the attacked are told."""

PICO_USD = {
    "large": (10_000_000, 40_000_000),
    "small": (2_500_000, 10_000_000),
    "gpt-4o": (2_500_000, 10_000_000),
}
"""The same in pico-USD a token."""

_NAME = re.compile(r"\[call (\S+) of (\S+) and (\S+) up to (\d+)\]")


def content(call: str, key: str, user: str, output_max: int, least_part: float = 0.0) -> str:
    """The message of a call: who makes it, and from which part of `output_max` on is generated."""
    least = max(1, int(output_max * least_part))
    return f"[call {call} of {key} and {user} up to {output_max}] at least {least}: go on, step by step."


def usage_of(seed: int, text: str) -> tuple[int, int]:
    """Input and output tokens of the call with that message: the same whenever it is asked again."""
    found = _NAME.search(text)
    least = re.search(r"at least (\d+)", text)
    assert found and least, text
    chance = random.Random(f"{seed}/{found[1]}")
    return len(text) // 4, chance.randint(int(least[1]), int(found[4]))


def cost_of(seed: int, text: str, model: str) -> int:
    """What the call costs in truth, in pico-USD."""
    used = usage_of(seed, text)
    return sum(tokens * price for tokens, price in zip(used, PICO_USD[model], strict=True))


class Books:
    """What was billed, in pico-USD: in all, by model, key and user; and how often each call has arrived."""

    def __init__(self) -> None:
        self.billed: dict[str, Counter[str]] = {"all": Counter(), "model": Counter()}
        self.billed |= {"key": Counter(), "user": Counter(), "call": Counter()}
        self.arrived: Counter[str] = Counter()

    def enter(self, text: str, model: str, cost: int) -> None:
        """Bill one call."""
        found = _NAME.search(text)
        assert found
        self.arrived[found[1]] += 1
        places = {"all": "", "model": model, "key": found[2], "user": found[3], "call": found[1]}
        for by, name in places.items():
            self.billed[by][name] += cost


class Provider:
    """Answers calls over plain HTTP/1.1 on the loopback."""

    def __init__(self, seed: int, latency_s: float, error_rate: float) -> None:
        self.books = Books()
        self._seed = seed
        self._latency_s = latency_s
        self._error_rate = error_rate
        self._chance = random.Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until its other side goes."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                found = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(found[1])) if found else b""
                if head.startswith("GET"):
                    bill = {"billed": self.books.billed, "arrived": self.books.arrived}
                    writer.write(_whole(200, bill))
                else:
                    await self._answer(json.loads(body), writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _answer(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        text = json.dumps(body["messages"], ensure_ascii=False)
        model = str(body["model"])
        wait_s = self._chance.uniform(0, self._latency_s)
        if self._chance.random() < self._error_rate:
            await asyncio.sleep(wait_s)
            writer.write(_whole(500, {"error": {"message": "out of order", "type": "server_error"}}))
            return
        said = _text_of(body["messages"])
        self.books.enter(text, model, cost_of(self._seed, said, model))
        usage = _usage(*usage_of(self._seed, said))
        if not body.get("stream"):
            await asyncio.sleep(wait_s)
            writer.write(_whole(200, _completion(model, usage)))
            return
        writer.write(_STREAM_HEAD)
        for piece in (*(_delta(model, f"step {at} ") for at in range(4)), _finish(model)):
            await asyncio.sleep(wait_s / 5)
            writer.write(piece)
            await writer.drain()
        if body.get("stream_options"):
            writer.write(_event({**_chunk(model), "choices": [], "usage": usage}))
        writer.write(_framed(b"data: [DONE]\n\n") + b"0\r\n\r\n")


def _text_of(messages: list[dict[str, Any]]) -> str:
    last = messages[-1]["content"]
    return last if isinstance(last, str) else "".join(str(part.get("text", "")) for part in last)


_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _whole(status: int, value: object) -> bytes:
    body = json.dumps(value).encode()
    head = (
        f"HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(value: object) -> bytes:
    return _framed(b"data: " + json.dumps(value).encode() + b"\n\n")


def _chunk(model: str) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}


def _delta(model: str, text: str) -> bytes:
    delta = {"role": "assistant", "content": text}
    return _event({**_chunk(model), "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})


def _finish(model: str) -> bytes:
    delta: dict[str, str] = {}
    return _event({**_chunk(model), "choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]})


def _usage(taken: int, given: int) -> dict[str, int]:
    return {"prompt_tokens": taken, "completion_tokens": given, "total_tokens": taken + given}


def _completion(model: str, usage: dict[str, int]) -> dict[str, object]:
    message = {"role": "assistant", "content": "done"}
    return {
        **_chunk(model),
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage,
    }


class Bill:
    """What a provider has billed so far, as it says."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.by: dict[str, dict[str, int]] = value["billed"]
        self.arrived: dict[str, int] = value["arrived"]

    @property
    def pico_usd(self) -> int:
        """The sum of all."""
        return self.by["all"].get("", 0)


class Running:
    """A provider that runs in a process of its own."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.seed = seed

    @property
    def base_url(self) -> str:
        """What the attacked are told."""
        return f"{self.url}/v1"

    def bill(self) -> Bill:
        """Ask for the books."""
        with urlopen(f"{self.url}/bill", timeout=20) as answer:  # the loopback's
            return Bill(json.load(answer))


@contextmanager
def provider(seed: int = 7, *, latency_s: float = 0.06, error_rate: float = 0.0) -> Generator[Running]:
    """Run a provider for the length of a `with` block."""
    command = [sys.executable, "-m", "bench.overspend_provider", "--seed", str(seed)]
    command += ["--latency", str(latency_s), "--error-rate", str(error_rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Running(json.loads(process.stdout.readline())["url"], seed)
        finally:
            process.terminate()


async def _run(arguments: argparse.Namespace) -> None:
    served = Provider(arguments.seed, arguments.latency, arguments.error_rate)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0, limit=2**20, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Read the command line and serve until the process is told to end."""
    parser = argparse.ArgumentParser(prog="bench.overspend_provider")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--latency", type=float, default=0.06, help="the longest, in seconds")
    parser.add_argument("--error-rate", type=float, default=0.0)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
