"""One connection to an origin: writes a request, parses the answer, keeps the time.

An `asyncio.Protocol` on llhttp (`httptools`). Everything happens in callbacks; the caller's own task waits in
`exchange`, and no further task is made. Never here: which connection serves which request (`pool`).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, Protocol, cast

import httptools

from headgate.core.faults import Failed, InvalidRequest, UpstreamError, UpstreamTimeout
from headgate.core.ports import Outgoing
from headgate.http1.answer import ReceivedAnswer
from headgate.http1.limits import WRITE_AT_ONCE_BYTES_MAX, ClientLimits

_NEVER: Final = float("inf")
_SLACK_S: Final = 0.001
"""Timers may fire a little before their time."""


class Home(Protocol):
    """Where a connection goes when its answer is complete."""

    def released(self, connection: "Connection") -> None:
        """The connection can serve the next request."""
        ...

    def lost(self, connection: "Connection") -> None:
        """The connection is gone."""
        ...


class Connection(asyncio.Protocol):
    """One connection, serving one request at a time. `origin_text` names it in messages."""

    __slots__ = (
        "_answer",
        "_close_delimited",
        "_excess",
        "_first_byte_at",
        "_head_bytes",
        "_home",
        "_idle_s",
        "_keep",
        "_limits",
        "_loop",
        "_parser",
        "_reading_paused",
        "_sent",
        "_sent_at",
        "_timer",
        "_timer_at",
        "_total_at",
        "_transport",
        "_uploading",
        "_without_body",
        "_write_paused",
        "counted",
        "last_byte_at",
        "origin_text",
        "served",
    )

    def __init__(self, home: Home, origin_text: str, limits: ClientLimits) -> None:
        self.origin_text = origin_text
        self.counted = False
        self.served = 0
        self.last_byte_at = 0.0
        self._home = home
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: ReceivedAnswer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = _NEVER
        self._write_paused = False
        self._reading_paused = False
        self._sent = False
        self._uploading = False

    # -- the pool's side

    @property
    def usable(self) -> bool:
        """Whether a request can be written now."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Close an idle connection politely."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection; an answer under way fails."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.fail(self._broken("was cut before the answer was complete"))
        if self._transport is not None:
            self._transport.abort()

    async def exchange(self, outgoing: Outgoing, head: bytes, started_at: float) -> ReceivedAnswer:
        """Send the request and return once status and headers of the answer are here.

        Raises UpstreamError or UpstreamTimeout, and what an iterated body raises; the connection is then
        cut. Raises StaleConnection where the pool may try once more.
        """
        answer = self._answer = ReceivedAnswer(self)
        self._prepare(outgoing, started_at)
        try:
            body = outgoing.body
            if isinstance(body, bytes) and len(body) <= WRITE_AT_ONCE_BYTES_MAX:
                self._write(head + body if body else head)
            else:
                self._uploading = True
                await self._upload(answer, outgoing, head)
            self._sent_at = self._loop.time()
            first_byte_s = outgoing.timeouts.first_byte_s
            self._first_byte_at = _NEVER if first_byte_s is None else self._sent_at + first_byte_s
            self._arm()
            while not answer.headers_complete:
                if answer.fault is not None:
                    raise StaleConnection(answer.fault) if answer.stale else answer.fault
                await answer.wait()
        except BaseException:
            # The answer may be complete and the connection serve someone else by now.
            if self._answer is answer:
                self.abort()
            raise
        return answer

    def _prepare(self, outgoing: Outgoing, started_at: float) -> None:
        timeouts = outgoing.timeouts
        self.served += 1
        self._idle_s = _NEVER if timeouts.idle_s is None else timeouts.idle_s
        self._total_at = _NEVER if timeouts.total_s is None else started_at + timeouts.total_s
        self._first_byte_at = _NEVER
        self._without_body = outgoing.method == "HEAD"
        self._close_delimited = False
        self._excess = False
        self._keep = False
        self._sent = False
        self._uploading = False
        self._head_bytes = 0
        self._sent_at = 0.0
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)

    # -- writing

    def _write(self, data: bytes | memoryview) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            if self._sent:
                return  # `connection_lost` follows, and says why
            raise self._broken("was closed before the request could be sent")
        self._sent = True
        transport.write(data)

    async def _upload(self, answer: ReceivedAnswer, outgoing: Outgoing, head: bytes) -> None:
        """Send a large or iterated body, as fast as the other side takes it.

        Stops early when the answer comes early; `_uploading` then stays set, and the connection is not used
        again.
        """
        body = outgoing.body
        self._write(head)
        self._arm()
        if isinstance(body, bytes):
            view = memoryview(body)
            for start in range(0, len(body), WRITE_AT_ONCE_BYTES_MAX):
                if not await self._writable(answer):
                    return
                self._write(view[start : start + WRITE_AT_ONCE_BYTES_MAX])
        elif not await self._upload_pieces(answer, body, outgoing.content_length):
            return
        self._uploading = False

    async def _upload_pieces(
        self, answer: ReceivedAnswer, body: AsyncIterator[bytes], content_length: int | None
    ) -> bool:
        size = 0
        async for piece in body:
            if not piece:
                continue
            if not await self._writable(answer):
                return False
            size += len(piece)
            if content_length is None:
                self._write(b"%x\r\n%b\r\n" % (len(piece), piece))
            elif size <= content_length:
                self._write(piece)
            else:
                break
        if content_length is not None and size != content_length:
            raise InvalidRequest(
                f"the body does not have the {content_length} bytes announced; correct content-length"
            )
        if not await self._writable(answer):
            return False
        if content_length is None:
            self._write(b"0\r\n\r\n")
        return True

    async def _writable(self, answer: ReceivedAnswer) -> bool:
        """Wait until more can be written; False when the answer has come or failed already."""
        if self._write_paused:
            self.last_byte_at = self._loop.time()
            self._arm()
        while True:
            if answer.headers_complete or answer.fault is not None:
                return False
            if not self._write_paused:
                return True
            await answer.wait()

    def pause_writing(self) -> None:
        """The other side takes no more for now."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """The other side takes more again."""
        self._write_paused = False
        if self._answer is not None:
            self._answer.wake()

    # -- reading

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, once TLS is up where it is used."""
        self._transport = cast("asyncio.Transport", transport)
        self.last_byte_at = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, then act on what it found: never inside its callbacks."""
        answer = self._answer
        parser = self._parser
        if answer is None or parser is None:
            self.abort()  # bytes that nobody asked for would be taken for the next request's answer
            return
        answer.received = True
        self.last_byte_at = self._loop.time()
        head_was_open = not answer.headers_complete
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # A good answer with bytes after it is good; those bytes end the connection, not the call.
            if answer.complete:
                self._keep = False
            else:
                self._fail(self._broken(f"sent what is not HTTP/1.1 ({str(error)[:100]})"))
                return
        if head_was_open and not self._head_within_limits(answer, len(data)):
            return
        if answer.complete:
            self._finish(answer)
            return
        if answer.unread_bytes > self._limits.unread_bytes_max and not self._reading_paused:
            self._pause_reading()
        if head_was_open and answer.headers_complete:
            self._arm()
        if answer.headers_complete or answer.fault is not None:
            answer.wake()

    def drained(self) -> None:
        """The reader has taken everything; let more come."""
        if self._reading_paused:
            self._reading_paused = False
            self.last_byte_at = self._loop.time()
            if self._transport is not None:
                self._transport.resume_reading()
            self._arm()

    def _pause_reading(self) -> None:
        if self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """End of the other side's bytes: the transport closes, `connection_lost` judges."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer: by its nature where it lasts until the end of the connection, else with a fault."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._parser = None
        answer, self._answer = self._answer, None
        if answer is not None:
            if answer.headers_complete and self._close_delimited and exc is None:
                answer.finish()
            else:
                answer.stale = (
                    self.served > 1
                    and not answer.received
                    and (not self._sent or self._uploading or self._recently_sent())
                )
                reason = f" ({exc})" if exc is not None else ""
                answer.fail(self._broken(f"was closed before the answer was complete{reason}"))
        self._home.lost(self)

    def _recently_sent(self) -> bool:
        return self._loop.time() - self._sent_at <= self._limits.stale_retry_s

    def _head_within_limits(self, answer: ReceivedAnswer, data_bytes: int) -> bool:
        """Count the head: roughly while it is incomplete, exactly when it is complete."""
        limits = self._limits
        self._head_bytes += data_bytes
        size = self._head_bytes
        if size > limits.header_bytes_max and answer.headers_complete:
            size = sum(len(name) + len(value) + 4 for name, value in answer.headers)
        if size <= limits.header_bytes_max and len(answer.headers) <= limits.header_fields_max:
            return True
        answer.headers_complete = False
        self._fail(
            self._broken(
                f"sent headers beyond {limits.header_bytes_max} bytes or {limits.header_fields_max} fields"
            )
        )
        return False

    def _finish(self, answer: ReceivedAnswer) -> None:
        self._answer = None
        answer.finish()
        self.drained()
        transport = self._transport
        if transport is None:
            return
        if self._keep and not self._excess and not self._uploading and not transport.is_closing():
            self._home.released(self)
        else:
            transport.close()

    def _fail(self, fault: Failed) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.complete = False
            answer.fail(fault)
        if self._transport is not None:
            self._transport.abort()

    def _broken(self, what: str) -> UpstreamError:
        return UpstreamError(f"the connection to {self.origin_text} {what}", sent=self._sent)

    # -- the parser's callbacks

    def on_message_begin(self) -> None:
        """A head begins: the answer's, or another one after an interim answer."""
        answer = self._answer
        if answer is None or answer.complete:
            self._excess = True
        else:
            answer.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; trailers are left out."""
        answer = self._answer
        if answer is not None and not answer.headers_complete:
            answer.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Decide how the body ends (RFC 9112, section 6.3); interim answers are passed over."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None or answer.headers_complete:
            return
        status = parser.get_status_code()
        if status < 200:
            return
        answer.status = status
        answer.headers_complete = True
        if self._without_body:
            answer.complete = True
            self._keep = parser.should_keep_alive()
            self._parser = None  # it expects a body that does not come
            return
        has_length = False
        coding = b""
        for name, value in answer.headers:
            if name == b"content-length":
                has_length = True
            elif name == b"transfer-encoding":
                coding = value.lower()
        self._close_delimited = not coding.endswith(b"chunked") if coding else not has_length

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        answer = self._answer
        if answer is None or answer.complete:
            self._excess = True
        else:
            answer.append(data)

    def on_message_complete(self) -> None:
        """The message ends. Keep-alive must be asked here: afterwards llhttp has forgotten it."""
        answer, parser = self._answer, self._parser
        if answer is not None and parser is not None and answer.headers_complete and not answer.complete:
            answer.complete = True
            self._keep = parser.should_keep_alive()

    # -- time

    def _due(self, answer: ReceivedAnswer) -> float:
        """When the answer is late, in the loop's seconds."""
        if answer.headers_complete:
            late_at = _NEVER if self._reading_paused else self.last_byte_at + self._idle_s
        elif self._uploading:
            late_at = self.last_byte_at + self._idle_s if self._write_paused else _NEVER
        else:
            late_at = self._first_byte_at
        return min(late_at, self._total_at)

    def _arm(self) -> None:
        """See that a timer fires no later than the answer is due.

        A timer that fires earlier looks again, so that in a row of quick requests none is ever set anew.
        """
        answer = self._answer
        if answer is None:
            return
        due = self._due(answer)
        if due == _NEVER or (self._timer is not None and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._loop.call_at(due, self._look_at_the_time)

    def _look_at_the_time(self) -> None:
        self._timer = None
        answer = self._answer
        if answer is None:
            return
        now = self._loop.time() + _SLACK_S
        if now < self._due(answer):
            self._arm()
            return
        if now >= self._total_at:
            what = "did not complete its answer within the total time allowed"
        elif answer.headers_complete:
            what = f"sent nothing for {self._idle_s:g} s in the middle of its answer"
        elif self._uploading:
            what = f"took none of the request's body for {self._idle_s:g} s"
        else:
            what = "did not begin to answer in time"
        self._fail(UpstreamTimeout(f"{self.origin_text} {what}", sent=self._sent))


class StaleConnection(Exception):
    """A kept connection was closed by the other side before a byte of the answer; the pool may try anew."""

    def __init__(self, fault: Failed) -> None:
        super().__init__(fault.message)
        self.fault = fault
