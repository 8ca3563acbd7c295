"""A client that sees an answer's very bytes: one connection a call, only HTTP's framing taken off."""

import asyncio
import json
from typing import Any

import msgspec


class RawAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Status, headers (names in lower case) and body. `whole`: the framing said that the body is complete."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool


async def call(
    port: int, path: str, body: Any, key: str, *, method: str = "POST", timeout_s: float = 60.0
) -> RawAnswer:
    """Make one call and read the answer to the end of its connection.

    Raises ConnectionResetError where the connection ended before the answer's head did.
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"{method} {path} HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        f"authorization: Bearer {key}",
        "content-type: application/json",
        f"content-length: {len(content)}",
        "connection: close",
        "",
        "",
    ]
    async with asyncio.timeout(timeout_s):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write("\r\n".join(lines).encode() + content)
            await writer.drain()
            wire = await reader.read(-1)
            if b"\r\n\r\n" not in wire:
                raise ConnectionResetError("the connection ended without an answer")
            return answer_of(wire)
        finally:
            writer.close()


def answer_of(wire: bytes) -> RawAnswer:
    """Take an answer's framing off."""
    head, _, rest = wire.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    whole = True
    if headers.get("transfer-encoding") == "chunked":
        rest, whole = _joined(rest)
    elif "content-length" in headers:
        whole = len(rest) == int(headers["content-length"])
    return RawAnswer(status=int(status.split(" ")[1]), headers=headers, body=rest, whole=whole)


def _joined(wire: bytes) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    position = 0
    while (end := wire.find(b"\r\n", position)) >= 0:
        size = int(wire[position:end].partition(b";")[0], 16)
        if size == 0:
            return b"".join(parts), True
        parts.append(wire[end + 2 : end + 2 + size])
        position = end + 2 + size + 2
    return b"".join(parts), False
