"""Sends the command line's requests over one connection, with what Python itself brings.

Loads in a fifth of the time of a fuller client: commands are many and short. Follows no redirect, uses no
proxy, decodes nothing. Read next: `client`, which says what to ask and explains what went wrong.
"""

import http.client
import select
import socket
import ssl
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlencode, urlsplit

import msgspec

READ_BYTES: Final = 1 << 16


class NoAnswer(Exception):
    """No answer came: the text says why."""


class TooSlow(NoAnswer):
    """No answer came in time."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a server answered."""

    status: int
    content: bytes
    headers: Mapping[str, str] = {}
    """By their names in lower case."""

    @property
    def is_success(self) -> bool:
        """Whether it did what it was asked."""
        return is_success(self.status)


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """An answer whose lines come one after the other."""

    status: int
    lines: Iterator[str]


class Streamed(msgspec.Struct, frozen=True, kw_only=True):
    """An answer whose bytes come one piece after the other."""

    status: int
    pieces: Iterator[bytes]


def is_success(status: int) -> bool:
    """Whether a status says that it worked."""
    return 200 <= status < 300


class Connection:
    """One connection to a server, opened when it is needed. Raises NoAnswer, or TooSlow."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self._url = url
        self._headers = headers
        self._timeout_s = timeout_s
        self._open: http.client.HTTPConnection | None = None
        self._is_aborted = False

    def close(self) -> None:
        """Close it."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def abort(self) -> None:
        """End it for good, from another thread: whoever waits for an answer, or is yet to, gets none."""
        self._is_aborted = True  # before the look at the socket, which may be opened just now
        opened = self._open
        if opened is not None and opened.sock is not None:
            with suppress(OSError):
                opened.sock.shutdown(socket.SHUT_RDWR)

    def ask(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request, with further headers, and return the whole answer."""
        with self._explained():
            target = f"{path}?{urlencode(query)}" if query else path
            response = self._send(method, target, body, headers or {})
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, content=response.read(), headers=told)

    @contextmanager
    def opened(self, method: str, path: str, body: bytes, accept: str) -> Generator[Opened]:
        """Send a request and read its answer line by line; the connection ends with the block."""
        try:
            with self._explained():
                response = self._send(method, path, body, {"accept": accept})
            yield Opened(status=response.status, lines=self._lines(response))
        finally:
            self.close()

    @contextmanager
    def streamed(self, target: str) -> Generator["Streamed"]:
        """Ask for something long and read it as it comes; the connection ends with the block."""
        try:
            with self._explained():
                response = self._send("GET", target, None, {})
            yield Streamed(status=response.status, pieces=self._pieces(response))
        finally:
            self.close()

    def _pieces(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        with self._explained():
            while piece := response.read1(READ_BYTES):
                yield piece
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)

    def _lines(self, response: http.client.HTTPResponse) -> Iterator[str]:
        left = b""
        with self._explained():
            # Not line by line: that takes an answer which breaks off for one that has ended.
            while piece := response.read1(READ_BYTES):
                *whole, left = (left + piece).split(b"\n")
                yield from (line.decode("utf-8", "replace").rstrip("\r") for line in whole)
            if response.length:
                raise http.client.IncompleteRead(left, response.length)
        if left:
            yield left.decode("utf-8", "replace")

    def _send(
        self, method: str, target: str, body: bytes | None, more: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        typed = {} if body is None else {"content-type": "application/json"}
        connection, prefix = self._connection()
        connection.request(method, prefix + target, body=body, headers={**self._headers, **typed, **more})
        if self._is_aborted:
            raise ConnectionAbortedError("it was closed")
        return connection.getresponse()

    def _connection(self) -> tuple[http.client.HTTPConnection, str]:
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise http.client.InvalidURL("it is no http:// or https:// address")
        known = self._open
        if known is not None and known.sock is not None and select.select([known.sock], [], [], 0)[0]:
            self.close()  # the server has closed it meanwhile: nothing else comes unasked
        if self._open is None and parts.scheme == "http":
            self._open = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self._timeout_s)
        elif self._open is None:
            trusted = ssl.create_default_context()
            self._open = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=self._timeout_s, context=trusted
            )
        assert self._open is not None
        return self._open, parts.path.rstrip("/")

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except TimeoutError as error:
            self.close()
            raise TooSlow(str(error)) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise NoAnswer(str(error) or type(error).__name__) from error
