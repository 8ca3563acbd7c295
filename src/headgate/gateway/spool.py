"""Uploads that are too large to keep in memory: spooled to disk before admission, sent again on fallback.

The file has no name from its first moment on, so that nothing of it outlives the process.
"""

import asyncio
import hashlib
import mmap
import tempfile
from collections.abc import AsyncIterator
from typing import IO, Final

from headgate.core.faults import RequestTooLarge
from headgate.core.ports import Exchange
from headgate.wire.model import CallFacts, Route
from headgate.wire.multipart_form import Form, read_form
from headgate.wire.reading import read_call

IN_MEMORY_BYTES_MAX: Final = 1024 * 1024
PIECE_BYTES: Final = 256 * 1024


class SpooledUpload:
    """A multipart body on disk, and what its form says."""

    __slots__ = ("_file", "_map", "digest", "form", "length")

    def __init__(self, file: IO[bytes], length: int, content_type: bytes, digest: bytes) -> None:
        self.digest = digest
        self._file = file
        self._map = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ)
        self.length = length
        self.form: Form = read_form(content_type, self._map)

    def length_with(self, model: str | None) -> int:
        """How many bytes it has with another model in it."""
        if model is None:
            return self.length
        return self.length - (self.form.model_end - self.form.model_start) + len(model.encode())

    async def pieces(self, model: str | None) -> AsyncIterator[bytes]:
        """Read the body in pieces, with another model in place of its own if one is given."""
        if model is None:
            spans = [(0, self.length)]
        else:
            spans = [(0, self.form.model_start), (self.form.model_end, self.length)]
        for number, (start, end) in enumerate(spans):
            if number and model is not None:
                yield model.encode()
            for position in range(start, end, PIECE_BYTES):
                yield await asyncio.to_thread(self._read, position, min(end, position + PIECE_BYTES))

    def _read(self, start: int, end: int) -> bytes:
        return self._map[start:end]

    def head(self, length: int) -> bytes:
        """The first bytes, for the record."""
        return self._map[:length]

    def close(self) -> None:
        """Give the disk space back."""
        self._map.close()
        self._file.close()


async def read_upload(
    exchange: Exchange, route: Route, limit_bytes: int, folder: str | None
) -> tuple[CallFacts, SpooledUpload | None]:
    """Read a multipart call: from memory while it is small, else from a nameless file in `folder`.

    Raises RequestTooLarge beyond the limit, InvalidRequest for what is no form.
    """
    kept: list[bytes] = []
    length = 0
    digest = hashlib.sha256()
    file: IO[bytes] | None = None
    try:
        async for data in exchange.chunks():
            length += len(data)
            if length > limit_bytes:
                raise RequestTooLarge(f"the body has more than {limit_bytes} bytes; send less")
            kept.append(data)
            if length > IN_MEMORY_BYTES_MAX:
                file = file or await asyncio.to_thread(tempfile.TemporaryFile, dir=folder)
                data = b"".join(kept)
                await asyncio.to_thread(file.write, data)
                await asyncio.to_thread(digest.update, data)
                kept.clear()
        if file is None:
            return read_call(route, exchange.headers, b"".join(kept)), None
        await asyncio.to_thread(file.flush)
        content_type = exchange.header(b"content-type") or b""
        upload = await asyncio.to_thread(SpooledUpload, file, length, content_type, digest.digest())
    except BaseException:
        if file is not None:
            file.close()
        raise
    form = upload.form
    facts = CallFacts(
        route=route,
        model=form.model,
        body=upload.head(IN_MEMORY_BYTES_MAX),
        stream=form.stream,
        choices=form.choices,
        media=form.media,
        user=form.user,
        messages=1,
    )
    return facts, upload
