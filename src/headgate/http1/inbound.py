"""One connection of a client: bytes in, exchanges in order out. The core of our own server.

llhttp (through `httptools`) splits the bytes; this makes an `InboundExchange` of each head, hands it the
body, and begins the exchanges one after another. Incomplete heads, stalled requests, refused bodies and
unread answers are bounded; malformed requests are answered in JSON and never inside another answer; whoever
waits for the client hears when it has gone.

How it is cheap: no object but the exchange and its task is made for a request, no timer (the server sweeps
all connections by one), no lock and no event; headers are collected as they come and looked at through one
dict.

Never here: what is served, dialects, sockets. Read next: `inbound_line` (its writing half), `known_head`,
`inbound_exchange`, `checks`, `http_server`.
"""

import asyncio
from collections import deque
from typing import Final

import httptools

from headgate.core.ports import Headers
from headgate.http1.answer_head import refused_answer
from headgate.http1.checks import MALFORMED, METHODS, Refusal, head_too_large, refusal_of, target_too_long
from headgate.http1.inbound_exchange import InboundExchange
from headgate.http1.inbound_line import House, InboundLine
from headgate.http1.known_head import HeadMemory, KnownHead
from headgate.http1.limits import is_padding
from headgate.http1.targets import split_target

_FED_BYTES_MAX: Final = 32 * 1024
"""The parser gets so much at once, so that a burst of tiny requests can't become thousands of exchanges."""
_QUEUED_MAX: Final = 32
"""Requests sent ahead of their answers that are parsed; what comes after them is kept as bytes."""
_HELD_BYTES_MAX: Final = 64 * 1024
"""Of such bytes so many are kept before reading pauses. Until then a hang-up is still seen."""
_TARGETS_KNOWN_MAX: Final = 256
_TARGET_KNOWN_BYTES_MAX: Final = 128
_HOSTS_KNOWN_MAX: Final = 64
_METHODS: Final = {method.encode("ascii"): method for method in METHODS}


class Inbound(InboundLine):
    """One connection; a `Line` to its exchanges."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        # The request that is arriving.
        self._url = b""
        self._fields: Headers = []
        self._head_bytes = 0
        self._body_bytes = 0
        self._message_bytes = 0
        self._incoming: InboundExchange | None = None
        self._memory = HeadMemory()
        self._plain_bytes_left = 0
        # The one that is being answered, and those after it.
        self._active: InboundExchange | None = None
        self._queue: deque[InboundExchange] = deque()
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._paused = False
        # The end.
        self._draining = False
        self._last = False
        self._cut_at: float | None = None
        # Time, by the server's sweep.
        self._head_since: float | None = None
        self._served = False

    # -- asyncio's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many."""
        self.transport = transport
        if not self.house.opened(self):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, then begin what is complete enough to begin."""
        self._since = self.house.now
        memory = self._memory
        if self._deaf:
            self._discard(len(data))
        elif self._plain_bytes_left:
            self._take_plain(data)
        elif (
            memory.between
            and memory.known is not None
            and self._active is None
            and not self._held
            and self._repeated(memory.known, data)
        ):
            return
        elif self._held or len(data) > _FED_BYTES_MAX or len(self._queue) >= _QUEUED_MAX:
            self._hold(data)
            self._feed_held()
        else:
            self._feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let everyone who waits for the client know."""
        self._parser = None  # which held us, as we held it
        self._give_up()
        self.house.closed(self)

    # -- the parser's side

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field of the head, or of a trailer."""
        self._fields.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """The head is here: make an exchange of it."""
        parser = self._parser
        assert parser is not None
        fields, self._fields = self._fields, []
        index = dict(fields)
        named = parser.get_method()
        method = _METHODS.get(named)
        keeps = parser.should_keep_alive()
        house = self.house
        target = house.targets.get(self._url) or self._target(named, index.get(b"host", b""))
        exchange = InboundExchange(self, method or "", target or ("", b""), fields, index)
        # A message that may be followed by another and does not say so can only be HTTP/1.1.
        version = "1.1" if keeps and b"connection" not in index else parser.get_http_version()
        exchange.keeps = keeps and version == "1.1"
        exchange.old = version != "1.1"
        if (
            target is None
            or method is None
            or version != "1.1"
            or len(index) != len(fields)
            or len(fields) > house.limits.header_fields_max
            or len(self._url) > house.limits.target_bytes_max
            or self._head_bytes > house.limits.header_bytes_max
            or index.get(b"host") not in house.hosts
            or b"transfer-encoding" in index
            or b"upgrade" in index
        ):
            self._check(exchange, named.decode("ascii"), version, target is not None)
        if b"expect" in index and index[b"expect"].lower() == b"100-continue":
            exchange.expects = not exchange.old
        self._url = b""
        self._head_bytes = 0
        self._body_bytes = 0
        self._message_bytes = 0
        self._head_since = None
        self._incoming = exchange
        self._queue.append(exchange)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body, or drop it where the answer has been given without it."""
        exchange = self._incoming
        assert exchange is not None
        self._body_bytes += len(body)
        if exchange.ended or exchange.refusal is not None:
            self._discard(len(body))
        else:
            exchange.add(body)

    def on_message_complete(self) -> None:
        """The request is here as a whole."""
        exchange, self._incoming = self._incoming, None
        assert exchange is not None
        exchange.complete = True
        exchange.wake()
        if exchange.ended and exchange.keeps and not self._deaf:
            self._cut_at = None  # what was still owed of the answered request has come
        if self._fields:
            # Trailers: nobody has checked them, so nobody sees them. The parser does heed `connection`.
            self._fields.clear()
            if self._parser is not None and not self._parser.should_keep_alive():
                exchange.keeps = False
                if exchange.ended:
                    self._end(clean=True)
        self._discarded_bytes = 0
        if not exchange.keeps:
            self._last = True

    # -- the exchange's side

    def want(self) -> None:
        """Read on: a handler waits for the body."""
        if self._held:
            # The rest of this very body may be among them, and nothing more need ever come.
            asyncio.get_running_loop().call_soon(self._feed_held)
        elif self._paused:
            self._resume_reading()

    def answered(self, exchange: InboundExchange) -> None:
        """The answer is written: end the connection, or go on to the next exchange."""
        self._active = None
        self._served = True
        self._since = self.house.now
        if not exchange.keeps:
            self._end(clean=exchange.complete)
            return
        if not exchange.complete:
            self._cut_at = self.house.now + self.house.limits.linger_s
            exchange.discard()
        if self._queue:
            self._begin()
        elif self._held:
            asyncio.get_running_loop().call_soon(self._feed_held)
        elif self._paused:
            self._resume_reading()

    # -- the server's side

    def drain(self) -> None:
        """Take no further request: end now if idle, else with the last answer that is owed."""
        self._draining = True
        if self._active is None and not self._queue:
            self._deaf = True
            self.transport.close()
        else:
            self.keeps = bool(self._queue)

    def forget(self) -> None:
        """Look at everything anew: other limits hold."""
        self._memory.known = None

    def sweep(self, now: float, late_s: float) -> None:
        """Cut the connection where it has stood still for too long; `late_s` is how old times may be."""
        limits = self.house.limits
        if self._cut_at is not None:
            if now >= self._cut_at + late_s:
                self.abort()
            return
        if self.congested:
            self._look_for_reader(now, limits.unread_answer_s + late_s)
            return
        if self._held:
            waits_s = None  # what is waited for is here, and its turn comes
        elif self._incoming is not None:
            waits_s = limits.stalled_request_s if not self._paused else None
        elif self._active is not None:
            waits_s = None
        elif self._head_since is not None:
            waits_s = limits.stalled_request_s
            if now - self._head_since > limits.head_s + late_s:
                self.abort()
                return
        else:
            waits_s = limits.keep_alive_s if self._served else limits.stalled_request_s
        if waits_s is not None and now - self._since > waits_s + late_s:
            if self.transport.get_write_buffer_size() or not self._served:
                self.abort()
            else:
                self._deaf = True
                self.transport.close()

    # -- inside: reading

    def _repeated(self, known: KnownHead, data: bytes) -> bool:
        """Take a request whose head has come before, without the parser. False for any other."""
        found = known.read(data)
        self._memory.matched(found is not None)
        if found is None:
            return False
        end, digits = found
        left = int(digits) - (len(data) - end)
        if left < 0:
            return False  # more than this one request
        exchange = self._active = known.exchange(self, digits)
        if len(data) > end:
            exchange.add(data[end:])
        if left:
            self._incoming = exchange
            self._plain_bytes_left = left
        else:
            exchange.complete = True
        self.house.begin(exchange)
        return True

    def _take_plain(self, data: bytes) -> None:
        """Take more of a body whose head the parser has not seen: so many bytes, without framing."""
        body = data[: self._plain_bytes_left]
        self._plain_bytes_left -= len(body)
        self.on_body(body)
        if self._plain_bytes_left:
            if self._incoming is not None:
                self._look_at_body(self._incoming)
            return
        self.on_message_complete()
        if len(data) > len(body):
            self.data_received(data[len(body) :])

    def _feed(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            return
        in_head = self._incoming is None
        if in_head:
            self._head_bytes += len(data)
        else:
            self._message_bytes += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._deaf = True  # the request itself is refused by its head
        except httptools.HttpParserError:
            self._malformed()
        # A head has come to its end in this data, and no other: what it began with is that head.
        alone = in_head and not self._head_bytes and len(self._queue) == 1
        self._memory.fed(data, self._queue[0] if alone else None, complete=self._incoming is None)
        if self._active is None and self._queue:
            self._begin()
        if self._incoming is not None:
            self._look_at_body(self._incoming)
        elif self._head_bytes:
            self._look_at_head()

    def _hold(self, data: bytes) -> None:
        """Keep bytes that are fed later, in pieces that the parser gets one by one."""
        self._held.extend(data[at : at + _FED_BYTES_MAX] for at in range(0, len(data), _FED_BYTES_MAX))
        self._held_bytes += len(data)

    def _feed_held(self) -> None:
        while self._held and len(self._queue) < _QUEUED_MAX and not self._deaf:
            piece = self._held.popleft()
            self._held_bytes -= len(piece)
            self._feed(piece)
        if self._deaf:
            self._held.clear()
        elif self._held_bytes > _HELD_BYTES_MAX:
            self._pause_reading()
        elif self._paused and not self._is_full():
            self._resume_reading()

    def _is_full(self) -> bool:
        """Say whether more of the body that is arriving is held than its handler has asked for."""
        exchange = self._incoming
        return exchange is not None and exchange.size > exchange.held_bytes_max

    def _look_at_head(self) -> None:
        """Refuse a head that grows beyond the limit, and note since when it is open."""
        if self._head_since is None:
            self._head_since = self.house.now
        if self._head_bytes > self.house.limits.header_bytes_max and not self._deaf:
            self._malformed(head_too_large(self.house.limits))

    def _look_at_body(self, exchange: InboundExchange) -> None:
        """Stop reading a body that nobody takes, and cut one that is all padding."""
        if is_padding(self._message_bytes, self._body_bytes):
            self.abort()
        elif self._is_full():
            self._pause_reading()

    def _pause_reading(self) -> None:
        if not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        self._paused = False
        self._since = self.house.now
        if not self.transport.is_closing():
            self.transport.resume_reading()

    # -- inside: heads

    def _target(self, method: bytes, host: bytes) -> tuple[str, bytes] | None:
        """Take the request's target apart; None for what is no target of ours."""
        url = self._url
        target = split_target(url, method, host)
        # Some dialects put a key into the query; and a target that is no path goes by its host.
        if target and not target[1] and url[:1] == b"/" and len(url) <= _TARGET_KNOWN_BYTES_MAX:
            targets = self.house.targets
            if len(targets) >= _TARGETS_KNOWN_MAX:
                targets.clear()
            targets[url] = target
        return target

    def _check(self, exchange: InboundExchange, method: str, version: str, target: bool) -> None:
        """Look closely at a head that is not plainly good."""
        limits = self.house.limits
        fields = exchange.headers
        if len(exchange.index) != len(fields):
            exchange.index = dict(reversed(fields))
        if len(self._url) > limits.target_bytes_max:
            exchange.refusal = target_too_long(limits)
        elif not target:
            exchange.refusal = MALFORMED
        else:
            exchange.refusal = refusal_of(method, version, fields, limits)
        if exchange.refusal is not None:
            exchange.keeps = False
        elif b"host" in exchange.index:
            hosts = self.house.hosts
            if len(hosts) >= _HOSTS_KNOWN_MAX:
                hosts.clear()
            hosts.add(exchange.index[b"host"])

    # -- inside: going on, and ending

    def _begin(self) -> None:
        exchange = self._active = self._queue.popleft()
        if self._draining:
            self.keeps = bool(self._queue)
        if exchange.refusal is None:
            self.house.begin(exchange)
        else:
            self._write_refusal(exchange.refusal, bodiless=exchange.method == "HEAD")

    def _malformed(self, refusal: Refusal = MALFORMED) -> None:
        """End a connection whose bytes make no sense: refuse, unless that would garble another answer."""
        self._deaf = True
        if self._last:
            return  # what follows a request that was to be the last is nobody's
        exchange, self._incoming = self._incoming, None
        if exchange is None:
            owed = self._queue[-1] if self._queue else self._active
            if owed is None:
                self._write_refusal(refusal)
            else:
                owed.keeps = False  # the good requests are answered, then the connection ends
        elif exchange.ended:
            self._end(clean=False)
        elif exchange is not self._active:
            exchange.refusal = refusal
            exchange.keeps = False
        elif exchange.started:
            self.abort()
        else:
            self._give_up()
            self._write_refusal(refusal)

    def _write_refusal(self, refusal: Refusal, *, bodiless: bool = False) -> None:
        self.transport.write(refused_answer(refusal, self.house.date, bodiless=bodiless))
        self._active = None
        self._end(clean=False)

    def _end(self, *, clean: bool) -> None:
        """Close after the last answer. Where more may come, so that the client reads it and sees no reset."""
        house = self.house
        self._deaf = True
        self._queue.clear()
        if clean and not self._held:
            self._cut_at = house.now + house.limits.unread_answer_s
            self.transport.close()
            return
        self._held.clear()
        self._cut_at = house.now + house.limits.linger_s
        if self._paused:
            self._resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _give_up(self) -> None:
        """Count the client as gone: everyone who waits for it hears so."""
        super()._give_up()
        self._held.clear()
        self._queue.clear()
        active, self._active = self._active, None
        if active is not None:
            active.wake()
            active.tell_gone()
