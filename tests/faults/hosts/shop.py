"""A stand-in provider that all hosts reach: bills each call the moment it has arrived.

One thread, one address. What a call costs is decided by its name (the `user` of its body) and its
`max_tokens`, so that a test can reckon it. Models: `quick` answers at once, `slow-N` after N milliseconds.
"""

import asyncio
import json
import threading
import zlib
from typing import Any

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


class Shop:
    """`billed`: pico-USD by the call's name; `times` by model: when each call arrived (loop's clock)."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = 0
        self.billed: dict[str, int] = {}
        self.arrived: list[tuple[float, str, str]] = []
        """Of each call: when it arrived (`time.monotonic`), its model and its name."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name="shop")
        self._listening = threading.Event()

    def __enter__(self) -> "Shop":
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def base_url(self) -> str:
        return f"http://{self.address}:{self.port}/v1"

    def bill(self, prefix: str) -> int:
        """What the calls whose names begin so have cost, in pico-USD."""
        return sum(cost for name, cost in self.billed.items() if name.startswith(prefix))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, self.address, 0, limit=2**20, backlog=512)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                body: dict[str, Any] = json.loads(await reader.readexactly(length))
                answer = await self._answer(body)
                head_bytes = (
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                )
                writer.write(head_bytes % len(answer) + answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            writer.close()

    async def _answer(self, body: dict[str, Any]) -> bytes:
        name, model = str(body.get("user")), str(body["model"])
        output = output_tokens_of(name, int(body["max_tokens"]))
        cost = INPUT_TOKENS * INPUT_PICO_USD + output * OUTPUT_PICO_USD
        self.billed[name] = self.billed.get(name, 0) + cost
        self.arrived.append((self._loop.time(), model, name))
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
