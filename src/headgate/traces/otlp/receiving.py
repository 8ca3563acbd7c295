"""Takes requests of exporters in: bounded in memory, decoded beside the loop, answered once they are written.

Where there is no room, or the journal can't take it, exporters are told to come again: nothing is taken
halfway. Read next: `otlp.decoding`, `otlp.http`, `journal.writer`.
"""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final, Protocol

import msgspec

from headgate.access.caller import lesser_record
from headgate.access.model import Key, Project
from headgate.core.faults import InvalidRequest, RequestTooLarge, Unavailable
from headgate.traces.otlp.bounds import (
    BODY_S_MAX,
    DECODED_AT_ONCE_BYTES,
    DECODING_MAX,
    INFLATED_AT_ONCE_BYTES,
    INFLATED_BYTES_MAX,
    WAITING_BYTES_MAX,
)
from headgate.traces.otlp.decoding import Decode, Decoded, Form
from headgate.traces.otlp.reasons import Malformed, Reasons

ENCODINGS: Final = ("gzip", "deflate", "identity")
AGAIN_S: Final = 2.0
_WINDOW_GZIP: Final = 31
_WINDOW_ZLIB: Final = 15
_WINDOW_RAW: Final = -15


class BodyJournal(Protocol):
    """What of a journal is needed here; `journal.writer` has it."""

    @property
    def healthy(self) -> bool:
        """Whether anything new can be taken."""
        ...

    @property
    def bodies_dropped(self) -> int:
        """How many bodies were not kept since the start."""
        ...

    def append_body(self, kind: int, payload: bytes) -> bool:
        """Write an entry; say whether it is not dropped."""
        ...

    async def bodies_written(self) -> None:
        """Return when all bodies are with the operating system. Raises Unavailable."""
        ...


class Reception:
    """What the routes of one process share: the room for bodies, the turns of decoding, and the journal."""

    def __init__(self, journal: BodyJournal | None, project_named: Callable[[str], Project]) -> None:
        self._journal = journal
        self._project_named = project_named
        self._room_bytes = WAITING_BYTES_MAX
        self._decoding = asyncio.Semaphore(DECODING_MAX)

    @contextlib.asynccontextmanager
    async def reading(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
        """Read a body, and hold the room that it takes until its request is done. Raises Unavailable."""
        self._check_journal()
        pieces: list[bytes] = []
        held_bytes = 0
        try:
            async with asyncio.timeout(BODY_S_MAX):
                async for chunk in chunks:
                    if len(chunk) > self._room_bytes:
                        raise _crowded()
                    self._room_bytes -= len(chunk)
                    held_bytes += len(chunk)
                    pieces.append(chunk)
            yield b"".join(pieces)
        except TimeoutError:
            message = f"the body did not arrive within {BODY_S_MAX:.0f} s; send smaller batches"
            raise InvalidRequest(message) from None
        finally:
            self._room_bytes += held_bytes

    async def take(self, kind: int, decode: Decode, body: "Body", key: Key, received_ms: int) -> Reasons:
        """Decode a body and write what it holds; return what is to be said of the rest.

        Raises InvalidRequest for what is no message at all, RequestTooLarge and Unavailable.
        """
        # Nothing is taken while it is not known what may be recorded.
        record = lesser_record(self._project_named(key.project).record, key.record)
        key = msgspec.structs.replace(key, record=record)
        if body.is_small:
            decoded = body.decoded(decode, key, received_ms)
        else:
            async with self._decoding:
                decoded = await asyncio.to_thread(body.decoded, decode, key, received_ms)
        # What is not to be kept is read all the same, so that an exporter hears what is wrong with it.
        if decoded.entries and record != "none":
            await self._write(kind, decoded.entries)
        return decoded.reasons

    async def _write(self, kind: int, entries: list[bytes]) -> None:
        journal = self._check_journal()
        dropped = journal.bodies_dropped
        for entry in entries:
            if not journal.append_body(kind, entry):
                raise _full()
        await journal.bodies_written()
        if journal.bodies_dropped != dropped:
            # Perhaps another's; what was written comes again then, and counts once.
            raise _full()

    def _check_journal(self) -> BodyJournal:
        if self._journal is None or not self._journal.healthy:
            raise _full()
        return self._journal


class Body:
    """The body of one request, as it came."""

    __slots__ = ("_data", "_encoding", "_form")

    def __init__(self, data: bytes, encoding: str, form: Form) -> None:
        self._data = data
        self._encoding = encoding
        self._form: Form = form

    @property
    def is_small(self) -> bool:
        """Whether decoding it takes no longer than the loop may stand still."""
        most = DECODED_AT_ONCE_BYTES if self._encoding == "identity" else INFLATED_AT_ONCE_BYTES
        return len(self._data) <= most

    def decoded(self, decode: Decode, key: Key, received_ms: int) -> Decoded:
        """Inflate and decode it; blocks. Raises InvalidRequest and RequestTooLarge."""
        try:
            return decode(inflate(self._data, self._encoding), self._form, key, received_ms)
        except Malformed as error:
            raise InvalidRequest(str(error)) from None


def inflate(data: bytes, encoding: str) -> bytes:
    """Return a body without its encoding. Raises InvalidRequest and RequestTooLarge."""
    if encoding == "identity":
        return data
    window = _WINDOW_GZIP
    if encoding == "deflate":
        # Named so in HTTP, but sent with and without the frame of zlib: its first byte tells (RFC 1950).
        has_frame = len(data) > 1 and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        window = _WINDOW_ZLIB if has_frame else _WINDOW_RAW
    found = bytearray()
    rest = data
    try:
        while rest:
            inflater = zlib.decompressobj(window)
            found += inflater.decompress(rest, INFLATED_BYTES_MAX + 1 - len(found))
            if len(found) > INFLATED_BYTES_MAX:
                raise RequestTooLarge(f"the body inflates to more than {INFLATED_BYTES_MAX} bytes; send less")
            if not inflater.eof:
                raise InvalidRequest(f"the body is cut short: its {encoding} has no end")
            rest = inflater.unused_data if encoding == "gzip" else b""
    except zlib.error as error:
        raise InvalidRequest(f"the body is no {encoding}, as content-encoding says it is: {error}") from None
    return bytes(found)


def _crowded() -> Unavailable:
    return Unavailable("too much telemetry arrives at once; send it again shortly", retry_after_s=AGAIN_S)


def _full() -> Unavailable:
    return Unavailable("the journal takes nothing more just now; send it again", retry_after_s=AGAIN_S)
