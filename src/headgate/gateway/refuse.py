"""How a call ends that no target answered: the fault goes to the client in its dialect, and on record."""

import contextlib
import math

from headgate.core.faults import ClientClosed, Fault
from headgate.core.ports import Exchange, Headers
from headgate.gateway.call import Call
from headgate.gateway.held import Outcome, conclude, record_of, release_probe
from headgate.gateway.opening import Opening
from headgate.gateway.plane import DataPlane
from headgate.gateway.record import finish
from headgate.gateway.relay import last_words, own_headers
from headgate.gateway.settlement import NOTHING, in_full
from headgate.wire.errors import error_body


async def refuse(plane: DataPlane, call: Call, exchange: Exchange, opening: Opening, fault: Fault) -> None:
    """Record the fault, then tell the client, unless it is gone or has its answer already."""
    answered = call.recorded
    abandon(plane, call, fault, status=fault.status)
    if answered or isinstance(fault, ClientClosed):
        exchange.abort()
        return
    dialect = call.route.dialect
    await opening.stop()
    with contextlib.suppress(ClientClosed):
        if opening.started:
            await exchange.send(last_words(call, fault))
            await exchange.finish()
            return
        headers: Headers = [(b"content-type", b"application/json"), *own_headers(call)]
        if fault.retry_after_s is not None:
            headers.append((b"retry-after", b"%d" % max(1, math.ceil(fault.retry_after_s))))
        await exchange.respond(fault.status, headers, error_body(dialect, fault, call.request_id))


def abandon(plane: DataPlane, call: Call, fault: Fault, *, status: int) -> None:
    """End the call as it stands. An attempt under way is charged in full: what it did can't be known."""
    held = call.open_attempt
    call.message = call.message or fault.message
    if held is None:
        finish(plane, call, status=status, code=fault.code)
        return
    settlement = in_full(held.bound, held.reserved_pico_usd) if held.begun else NOTHING
    outcome = Outcome(status, fault.code, fault.message)
    call.attempts.append(record_of(plane, held, settlement, outcome, settles=held.begun))
    finish(plane, call, status=status, code=fault.code)
    release_probe(held)
    conclude(plane, call, held, settlement)
