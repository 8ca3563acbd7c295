"""Keeps a copy of a body for the record in bounded memory: whole up to a limit, then head, tail, digest."""

import hashlib
from collections import deque


class BodyCopy:
    """Takes the pieces of a body as they pass; `recorded` is at most the limit."""

    __slots__ = ("_digest", "_head", "_limit", "_tail", "_tail_bytes", "length")

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._head: list[bytes] = []
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._digest = None
        self.length = 0

    def add(self, data: bytes) -> None:
        """Take the next piece."""
        if not data:
            return
        self.length += len(data)
        if self._digest is None:
            self._head.append(data)
            if self.length > self._limit:
                self._begin_tail()
            return
        self._digest.update(data)
        self._push(data)

    def _begin_tail(self) -> None:
        whole = b"".join(self._head)
        self._digest = hashlib.sha256(whole)
        half = self._limit // 2
        self._head = [whole[:half]]
        self._push(whole[half:])

    def _push(self, data: bytes) -> None:
        half = self._limit - self._limit // 2
        self._tail.append(data[-half:])
        self._tail_bytes += len(self._tail[-1])
        while self._tail_bytes - len(self._tail[0]) >= half:
            self._tail_bytes -= len(self._tail.popleft())

    @property
    def recorded(self) -> bytes:
        """The whole body, or its head and its tail."""
        if self._digest is None:
            return b"".join(self._head)
        half = self._limit - self._limit // 2
        return b"".join(self._head) + b"".join(self._tail)[-half:]

    @property
    def digest(self) -> bytes:
        """SHA-256 of a body that was not kept whole, else empty."""
        return self._digest.digest() if self._digest is not None else b""
