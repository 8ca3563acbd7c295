"""A stand-in provider that all hosts reach: bills each call the moment it has arrived.

One thread, one address. What a call costs is decided by its name (the `user` of its body) and its
`max_tokens`, so that a test can reckon it. Models: `quick` answers at once, `slow-N` after N milliseconds.
"""

import asyncio
import json
import zlib
from typing import Any

from tests.flow.server_thread import ServerThread, read_json

INPUT_TOKENS = 50
INPUT_PICO_USD = 10_000_000
OUTPUT_PICO_USD = 40_000_000
PRICE = """
[prices."{target}"]
input = "10"
output = "40"
"""
"""What a token costs: 10 and 40 USD a million."""


def output_tokens_of(name: str, most: int) -> int:
    """How many tokens the call of that name gets: 1 to `most`, spread evenly."""
    return 1 + zlib.crc32(name.encode()) % most


class Shop(ServerThread):
    """`billed`: pico-USD by the call's name."""

    def __init__(self, address: str) -> None:
        super().__init__("shop", address)
        self.billed: dict[str, int] = {}
        self.arrived: list[tuple[float, str, str]] = []
        """Of each call: when it arrived (`time.monotonic`), its model and its name."""

    def bill(self, prefix: str) -> int:
        """What the calls whose names begin so have cost, in pico-USD."""
        return sum(cost for name, cost in self.billed.items() if name.startswith(prefix))

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        answer = await self._answer(await read_json(reader))
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(answer) + answer)
        await writer.drain()
        return True

    async def _answer(self, body: dict[str, Any]) -> bytes:
        name, model = str(body.get("user")), str(body["model"])
        output = output_tokens_of(name, int(body["max_tokens"]))
        cost = INPUT_TOKENS * INPUT_PICO_USD + output * OUTPUT_PICO_USD
        self.billed[name] = self.billed.get(name, 0) + cost
        self.arrived.append((self.loop.time(), model, name))
        if model.startswith("slow-"):
            await asyncio.sleep(int(model.partition("-")[2]) / 1000)
        usage = {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": output,
            "total_tokens": INPUT_TOKENS + output,
        }
        message = {"role": "assistant", "content": "hello"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [choice],
            "usage": usage,
        }
        return json.dumps(answer).encode()
