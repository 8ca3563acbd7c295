"""One raw connection to a server: sends any bytes, and reads answers strictly, one after another.

Reads HTTP by its own few lines, so that it shares no parser with what it tests.
"""

import re
import socket
import time
from types import TracebackType
from typing import Self

import msgspec

_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [\x20-\x7e]*\Z")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\xff](?:[\x20-\xff\t]*[\x21-\xff])?|)\Z")


class Broken(Exception):
    """What came is no whole, well-formed answer."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. Header names are in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    interim: int = 0

    def header(self, name: str) -> str | None:
        """Return the only field of that name; two are as good as none."""
        values = [value for field, value in self.headers if field == name]
        return values[0] if len(values) == 1 else None


class RawLine:
    """A connection. Everything that waits does so for at most `wait_s`."""

    def __init__(
        self, address: tuple[str, int] | str, *, wait_s: float = 5.0, receive_bytes: int = 0
    ) -> None:
        unix = isinstance(address, str)
        self.socket = socket.socket(socket.AF_UNIX if unix else socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(wait_s)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(address)
        if not unix:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wait_s = wait_s
        self.reset = False
        self._received = bytearray()
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all; a server that has closed meanwhile is noted, not raised."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, TimeoutError):
            self.reset = True

    def shut(self) -> None:
        """Say that no more will be sent."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.reset = True

    def silent(self, for_s: float) -> bool:
        """Whether nothing comes, not even an end, for so long."""
        if self._received or self._ended:
            return False
        self.socket.settimeout(for_s)
        try:
            return not self._more(fail_late=False)
        finally:
            self.socket.settimeout(self.wait_s)

    def ended(self) -> bool:
        """Whether the server closes within the wait without another byte. Raises Broken for more bytes."""
        if self._received or (not self._ended and self._more()):
            raise Broken(f"bytes after the last answer: {bytes(self._received[:200])!r}")
        return self._ended

    def read_to_end(self) -> bytes:
        """Return all that comes until the server closes, as it comes."""
        while self._more():
            pass
        return bytes(self._received)

    def answer(self, *, without_body: bool = False) -> Answer | None:
        """Return the next final answer, None where the server closes in place of one."""
        interim = 0
        while True:
            if not self._received and (self._ended or not self._more()):
                if interim:
                    raise Broken("the connection ended after an interim answer")
                return None
            status, headers = self._head()
            if status >= 200:
                break
            interim += 1
        body = b"" if without_body or status in (204, 304) else self._body(headers)
        return Answer(status=status, headers=headers, body=body, interim=interim)

    def _head(self) -> tuple[int, list[tuple[str, str]]]:
        while b"\r\n\r\n" not in self._received:
            self._need_more("a head")
        head, _, _ = bytes(self._received).partition(b"\r\n\r\n")
        del self._received[: len(head) + 4]
        first, *lines = head.split(b"\r\n")
        status = _STATUS.match(first)
        if status is None:
            raise Broken(f"no status line: {first[:200]!r}")
        headers: list[tuple[str, str]] = []
        for line in lines:
            field = _FIELD.match(line)
            if field is None:
                raise Broken(f"no header field: {line[:200]!r}")
            headers.append((field[1].decode("ascii").lower(), field[2].decode("latin-1")))
        return int(status[1]), headers

    def _body(self, headers: list[tuple[str, str]]) -> bytes:
        lengths = [value for name, value in headers if name == "content-length"]
        codings = [value for name, value in headers if name == "transfer-encoding"]
        if len(lengths) + len(codings) > 1:
            raise Broken(f"two framings: {headers}")
        if lengths:
            return self._exactly(int(lengths[0]))
        if codings:
            return self._chunked()
        while self._more():
            pass
        body = bytes(self._received)
        self._received.clear()
        return body

    def _chunked(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._received:
                self._need_more("a chunk's size")
            line = bytes(self._received).partition(b"\r\n")[0]
            del self._received[: len(line) + 2]
            if not re.fullmatch(rb"[0-9A-Fa-f]+", line):
                raise Broken(f"no chunk size: {line[:100]!r}")
            piece = self._exactly(int(line, 16) + 2)
            if piece[-2:] != b"\r\n":
                raise Broken("a chunk without its end")
            if len(piece) == 2:
                return body
            body += piece[:-2]

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            self._need_more(f"{size} bytes")
        piece = bytes(self._received[:size])
        del self._received[:size]
        return piece

    def _need_more(self, what: str) -> None:
        if not self._more():
            raise Broken(f"ended inside {what}: {bytes(self._received[:200])!r}")

    def _more(self, *, fail_late: bool = True) -> bool:
        """Receive some; False at the end. A server that is silent for too long is broken."""
        before = time.monotonic()
        try:
            piece = self.socket.recv(65536)
        except TimeoutError:
            if not fail_late:
                return False
            silent_s = time.monotonic() - before
            raise Broken(f"silence for {silent_s:.1f} s after {bytes(self._received[:200])!r}") from None
        except ConnectionError:
            self.reset = True
            piece = b""
        if not piece:
            self._ended = True
            return not fail_late
        self._received += piece
        return True
