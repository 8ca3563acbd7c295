"""A provider that keeps books: what each call costs by its own count, under the name that the call carries.

It bills a call as soon as it has arrived whole, so that no crash of Headgate's gets anything for free. One
thread, one loopback port, paths /v1/... Models choose what it does:

    model             answers after 0 to 60 ms; a stream takes as long
    dribble           answers at once, 32 bytes at a time
    steady-N          a stream of N tokens, 100 a second, that is generated (and billed) for half a second
                      more once nobody listens
"""

import asyncio
import json
import random
from typing import Any

from tests.flow.server_thread import ServerThread, read_json

INPUT_PICO_USD = 10_000_000
OUTPUT_PICO_USD = 40_000_000
"""A token's price: 10 and 40 USD a million, as PRICES says."""

PRICES = """
[prices."{provider}/{model}"]
input = "10"
output = "40"
"""

NOTICED_AFTER_S = 0.5
TOKENS_PER_S = 100.0


def pico_usd(input_tokens: int, output_tokens: int) -> int:
    return input_tokens * INPUT_PICO_USD + output_tokens * OUTPUT_PICO_USD


class Bookkeeper(ServerThread):
    """`billed` by the call's name in pico-USD; `calls` counts how often each has arrived."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__("bookkeeper")
        self.billed: dict[str, int] = {}
        self.calls: dict[str, int] = {}
        self._random = random.Random(seed)

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        await self._answer(await read_json(reader), writer)
        return True

    def _bill(self, name: str, input_tokens: int, output_tokens: int) -> None:
        self.billed[name] = self.billed.get(name, 0) + pico_usd(input_tokens, output_tokens)

    async def _answer(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        name, model = str(body.get("user")), str(body["model"])
        self.calls[name] = self.calls.get(name, 0) + 1
        input_tokens = self._random.randint(5, 60)
        if model.startswith("steady-"):
            await self._steady(name, input_tokens, int(model.partition("-")[2]), writer)
            return
        output_tokens = self._random.randint(1, int(body.get("max_tokens", 40)))
        self._bill(name, input_tokens, output_tokens)
        wait_s = self._random.uniform(0, 0.06)
        if body.get("stream"):
            events = [*(_delta(f"word{number} ") for number in range(3)), _FINISH]
            events += [_usage(input_tokens, output_tokens), _DONE]
            pieces = [_STREAM_HEAD, *map(_chunk, events), b"0\r\n\r\n"]
        else:
            answer = json.dumps(_completion(input_tokens, output_tokens)).encode()
            pieces = [_WHOLE_HEAD % len(answer) + answer]
        if model == "dribble":
            wait_s = 0.0
            pieces = [whole[at : at + 32] for whole in pieces for at in range(0, len(whole), 32)]
        for piece in pieces:
            await asyncio.sleep(wait_s / len(pieces))
            writer.write(piece)
            await writer.drain()

    async def _steady(self, name: str, input_tokens: int, tokens: int, writer: asyncio.StreamWriter) -> None:
        """Generate token by token; go on, and bill on, for a while after the line is gone."""
        self._bill(name, input_tokens, 0)
        writer.write(_STREAM_HEAD)
        gone_s: float | None = None
        made = 0
        for number in range(tokens):
            if gone_s is None:
                writer.write(_chunk(_delta(f"{number} ")))
                gone_s = self.loop.time() if writer.transport.is_closing() else None
            elif self.loop.time() - gone_s > NOTICED_AFTER_S:
                break
            made += 1
            self._bill(name, 0, 1)
            await asyncio.sleep(1 / TOKENS_PER_S)
        if gone_s is not None:
            raise ConnectionResetError
        for event in (_FINISH, _usage(input_tokens, made), _DONE):
            writer.write(_chunk(event))
        writer.write(b"0\r\n\r\n")
        await writer.drain()


_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_WHOLE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_FINISH = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
_DONE = b"data: [DONE]\n\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _delta(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"


def _usage_of(input_tokens: int, output_tokens: int) -> dict[str, int]:
    total = input_tokens + output_tokens
    return {"prompt_tokens": input_tokens, "completion_tokens": output_tokens, "total_tokens": total}


def _usage(input_tokens: int, output_tokens: int) -> bytes:
    chunk: dict[str, Any] = {"id": "c", "choices": [], "usage": _usage_of(input_tokens, output_tokens)}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _completion(input_tokens: int, output_tokens: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": "hello"}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "model",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": _usage_of(input_tokens, output_tokens),
    }
