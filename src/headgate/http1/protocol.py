"""The server's side of one connection: uvicorn's httptools protocol with what it leaves open.

It bounds incomplete heads, stalled requests, refused bodies and unread answers, answers malformed requests in
JSON, never inside another answer, and tells when the client has gone. Never here: what is served
(`exchange`). Read next: `checks`.
"""

import asyncio
import http
from collections.abc import Callable
from typing import Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from headgate.core.fields import first_field
from headgate.http1.checks import MALFORMED, Refusal, head_too_large
from headgate.http1.limits import ServerLimits, is_padding
from headgate.http1.targets import split_target

CONNECTION_KEY: Final = "headgate.connection"
TARGET_KEY: Final = "headgate.target"


class ClientConnection(HttpToolsProtocol):
    """One connection of a client. `lost` is set once it is gone."""

    def __init__(
        self, config: Config, state: ServerState, limits: ServerLimits, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(config, state, {}, loop)
        self.limits = limits
        self.lost = asyncio.Event()
        self._on_lost: Callable[[], None] | None = None
        self._begun = False
        self._head_open = False
        self._message_open = False
        self._broken = False
        self._head_bytes = 0
        self._discarded_bytes = 0
        self._body_bytes = 0
        self._message_bytes = 0
        self._last_data_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None

    # -- the exchange's side

    @property
    def congested(self) -> bool:
        """Whether the client has not yet read enough of what was written."""
        return self.flow.write_paused

    def tell_when_lost(self, callback: Callable[[], None] | None) -> None:
        """Call back once the connection is lost, soon where it is already; None takes that back."""
        self._on_lost = callback
        if callback is not None and self.lost.is_set():
            self.loop.call_soon(self._tell_lost)

    def _tell_lost(self) -> None:
        callback, self._on_lost = self._on_lost, None
        if callback is not None:
            callback()

    def abort(self) -> None:
        """Cut the connection at once."""
        if not self.lost.is_set():
            self.transport.abort()

    # -- asyncio's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections_max:
            transport.abort()
            return
        self._last_data_at = self.loop.time()
        self._watch = self.loop.call_later(self.limits.stalled_request_s, self._look_for_stall)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let everyone who waits for the client know."""
        self.lost.set()
        self._tell_lost()
        for timer in (self._watch, self._linger, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        for cycle, _ in self.pipeline:
            cycle.disconnected = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, then look at what is still open."""
        parser: httptools.HttpRequestParser | None = self.parser
        if self._broken or parser is None:
            return
        self._unset_keepalive_if_required()
        self._last_data_at = self.loop.time()
        head_was_open = self._head_open
        message_before = self.cycle if self._message_open and not head_was_open else None
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._broken = True  # the request itself is refused by its head
            return
        except httptools.HttpParserError:
            self._refuse(MALFORMED)
            return
        if self._head_open and head_was_open:
            # What came with the head's first bytes may belong to the request before it, and is not counted.
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.header_bytes_max:
                self._refuse(head_too_large(self.limits))
                return
        if self._message_open and not self._head_open and self.cycle is message_before:
            # As with heads, what came with other messages before it is not counted.
            self._message_bytes += len(data)
            if is_padding(self._message_bytes, self._body_bytes):
                self.abort()
                return
        if self._watch is None and self._message_open:
            self._watch = self.loop.call_later(self.limits.stalled_request_s, self._look_for_stall)

    # -- the parser's side

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["state"][CONNECTION_KEY] = self  # type: ignore[typeddict-item]
        self._begun = self._head_open = self._message_open = True
        self._head_bytes = 0
        self._discarded_bytes = self._body_bytes = self._message_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field of the head. Trailers come too: nobody has checked them, so nobody sees them."""
        if self._head_open:
            super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        """The head is here; uvicorn starts the exchange."""
        self._head_open = False
        parser = self.parser
        assert parser is not None
        if parser.get_http_version() == "1.0":
            self.expect_100_continue = False
        host = first_field(self.headers, b"host") or b""
        state = self.scope["state"]  # type: ignore[typeddict-item]
        short = len(self.url) <= self.limits.target_bytes_max
        state[TARGET_KEY] = split_target(self.url, parser.get_method(), host) if short else None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, or drop it where the answer has been given without it."""
        self._body_bytes += len(body)
        if self.cycle.response_complete:
            self._discarded_bytes += len(body)
            if self._discarded_bytes > self.limits.discarded_body_bytes_max:
                self.abort()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here as a whole."""
        self._message_open = False
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        cycle = self.cycle
        cycle.more_body = False
        if cycle.keep_alive and self.parser is not None and not self.parser.should_keep_alive():
            cycle.keep_alive = False  # a trailer said so, and the parser heeds it
            if cycle.response_complete:
                self.transport.close()
        super().on_message_complete()

    # -- uvicorn's side

    def on_response_complete(self) -> None:
        """The answer is written: see that it is read, and that the rest of the request ends soon."""
        super().on_response_complete()
        rest_of_request = self.cycle.response_complete and self.cycle.more_body
        if (self.transport.is_closing() or rest_of_request) and not self.lost.is_set():
            wait_s = self.limits.linger_s if rest_of_request else self.limits.unread_answer_s
            if self._linger is None:
                self._linger = self.loop.call_later(wait_s, self.abort)

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that has been idle for long; cut it if its last answer was not read either."""
        if self.transport.get_write_buffer_size():
            self.abort()
        else:
            super().timeout_keep_alive_handler()

    # -- inside

    def _look_for_stall(self) -> None:
        self._watch = None
        if self._begun and not self._message_open:
            return
        wait_s = self._last_data_at + self.limits.stalled_request_s - self.loop.time()
        if self.flow.read_paused:
            wait_s = self.limits.stalled_request_s
        if wait_s <= 0.001:
            self.abort()
        else:
            self._watch = self.loop.call_later(wait_s, self._look_for_stall)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer a request that can't be parsed on, unless another answer is on its way."""
        self._broken = True
        self._message_open = False
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            self._write_refusal(refusal)
        elif not cycle.more_body:
            cycle.keep_alive = False  # the good requests are answered, then the connection ends
        elif self.pipeline or cycle.response_started:
            self.abort()
        else:
            cycle.disconnected = True
            cycle.message_event.set()
            self._write_refusal(refusal)

    def _write_refusal(self, refusal: Refusal) -> None:
        body = refusal.body()
        phrase = http.HTTPStatus(refusal.status).phrase.encode("ascii")
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%b" % (refusal.status, phrase, len(body), body)
        )
        self.transport.close()
