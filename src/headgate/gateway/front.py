"""Where every request of a client arrives: model routes go to `serve`, health is answered, the rest relayed.

Beside it, `gateway.shadows` alone calls `serve`. The control process authenticates what is relayed to it.
Read next: `gateway.serve`, `gateway.control`.
"""

from typing import Final

import msgspec

from headgate.core.call import Dialect
from headgate.core.faults import Fault, InvalidRequest, NotFound
from headgate.core.ports import Exchange, Headers
from headgate.gateway.control import ControlRelay
from headgate.gateway.on_behalf import CHECK_PATH, PREFIX, Allowed, OnBehalf
from headgate.gateway.plane import DataPlane
from headgate.gateway.serve import serve
from headgate.wire.errors import error_body
from headgate.wire.routes import match

OK: Final = 200
JSON: Final[Headers] = [(b"content-type", b"application/json")]
MODEL_PREFIXES: Final = ("/v1/", "/v1beta/", "/openai/", "/anthropic/", "/google/")
CONTROL_PATHS: Final = ("/v1/traces", "/v1/metrics", "/v1/logs")
"""Where exporters send telemetry: no model routes, though they begin as such."""


class Front:
    """The handler that a gateway's server calls for each request."""

    __slots__ = ("_control", "_plane")

    def __init__(self, plane: DataPlane, control: ControlRelay) -> None:
        self._plane = plane
        self._control = control

    async def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        try:
            route = match(exchange.method, exchange.path)
        except InvalidRequest as fault:
            await _refuse(exchange, fault)
            return
        if route is not None:
            self._plane.counters.open_calls += 1
            try:
                await serve(self._plane, exchange, route)
            finally:
                self._plane.counters.open_calls -= 1
        elif exchange.path.startswith(PREFIX):
            await self._serve_on_behalf(exchange)
        elif exchange.path == "/healthz" and exchange.method in ("GET", "HEAD"):
            await exchange.respond(200, JSON, b'{"status":"alive"}')
        elif exchange.path.startswith(MODEL_PREFIXES) and exchange.path not in CONTROL_PATHS:
            message = f"there is no route {exchange.method} {exchange.path[:200]}; the README lists them"
            await _refuse(exchange, NotFound(message))
        else:
            await self._control.relay(exchange)

    async def _serve_on_behalf(self, exchange: Exchange) -> None:
        """Make a call for who is signed in to the console, once the control process has said who that is."""
        call = OnBehalf(exchange)
        try:
            route = match(call.method, call.path)
            if route is None or route.operation == "models" or route.multipart:
                raise NotFound(
                    f"there is no call {call.method} {call.path[:200]} to make from the console; "
                    "write the path of a model route such as v1/chat/completions"
                )
            status, headers, said = await self._control.ask(exchange, CHECK_PATH)
            if status != OK:
                await exchange.respond(status, headers, said)
                return
            plane = self._plane
            identity = msgspec.json.decode(said, type=Allowed).key
            key = plane.book.standing(identity, plane.clock.now_ms())
        except Fault as fault:
            await _refuse(exchange, fault)
            return
        self._plane.counters.open_calls += 1
        try:
            await serve(self._plane, call, route, key)
        finally:
            self._plane.counters.open_calls -= 1


async def _refuse(exchange: Exchange, fault: Fault) -> None:
    await exchange.respond(fault.status, JSON, error_body(_dialect_of(exchange.path), fault, ""))


def _dialect_of(path: str) -> Dialect:
    if path.startswith(("/anthropic/", "/v1/messages")):
        return "anthropic"
    return "google" if path.startswith(("/google/", "/v1beta/")) else "openai"
