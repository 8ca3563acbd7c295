"""The path of a model call, on one screen. Every model route comes through `serve`; there is no other way in.

Steps, in order: authenticate, read, stand (identify, resolve, admit), limit, route; then for each target:
take (slot and reservation), attempt, relay; and whatever happens, record. Read next: `gateway.steps` for the
first ones, `gateway.attempt` and `gateway.relay` for the rest.
"""

import asyncio
import logging

from headgate.access.model import Key
from headgate.core.entries import ADMIT, READ, WAIT
from headgate.core.faults import ClientClosed, Fault
from headgate.core.ports import Exchange
from headgate.gateway import steps
from headgate.gateway.estimated import answer_by_estimate
from headgate.gateway.opening import Opening
from headgate.gateway.pairing import Pair
from headgate.gateway.plane import DataPlane
from headgate.gateway.refuse import abandon, refuse
from headgate.gateway.relay import pass_on, relay
from headgate.gateway.repairing import attempt_and_repair
from headgate.gateway.taking import take
from headgate.gateway.verdict import verdict
from headgate.wire.model import Route

log = logging.getLogger("headgate.gateway")


async def serve(
    plane: DataPlane, exchange: Exchange, route: Route, key: Key | None = None, pair: Pair | None = None
) -> None:
    """Answer one call of a client, and leave it on record. `key`: who calls, where that is known already;
    `pair`: the call that this one is the shadow of."""
    call = steps.begin(plane, exchange, route, pair)
    opening = Opening(call, exchange)
    try:
        try:
            call.key = steps.authenticate(plane, exchange, key)
            if route.operation == "models":
                await steps.list_models(call, exchange)
                return
            steps.check_capacity(plane)
            call.marks.append((READ, plane.clock.monotonic()))
            call.facts = await steps.read(plane, call, exchange)
            call.marks.append((ADMIT, plane.clock.monotonic()))
            call.standing = steps.stand(call)
            steps.limit(plane, call)
            steps.watch_client(exchange, call)
            opening.keep_alive()
            for target in steps.order_targets(plane, call):
                for number in range(1, call.standing.alias.retry.attempts + 1):
                    held = await take(plane, call, target)
                    if held is None:
                        break
                    steps.still_there(call)
                    committed = await attempt_and_repair(plane, call, held)
                    if committed is not None:
                        await relay(plane, call, exchange, opening, committed)
                        return
                    wait_s = steps.wait_before_retry(plane, call, number)
                    if wait_s is None:
                        break
                    call.marks.append((WAIT, plane.clock.monotonic()))
                    await asyncio.sleep(wait_s)
                if await answer_by_estimate(plane, call, exchange, opening, target):
                    return
            if call.refusal is not None:
                await pass_on(plane, call, exchange, opening, call.refusal)
                return
            raise verdict(call.exclusions, call.failures)
        except Fault as fault:
            await refuse(plane, call, exchange, opening, fault)
        except Exception:
            log.exception("call %s failed in a way that is nobody's fault but ours", call.request_id)
            fault = Fault(f"call {call.request_id} failed inside Headgate")
            await refuse(plane, call, exchange, opening, fault)
    except asyncio.CancelledError:
        # Outside of the handlers above: a client may hang up while it is told of a fault, too.
        if not call.hung_up:
            abandon(plane, call, Fault("the process is stopping", code="unavailable"), status=503)
            raise
        steps.uncancel()
        abandon(plane, call, ClientClosed("the client hung up before the answer began"), status=499)
    finally:
        steps.unwatch(exchange, call)
        if opening.is_alive:
            await opening.stop()
        if call.upload is not None:
            call.upload.close()
        if call.pair is not None and plane.shadows is not None:
            plane.shadows.after(call, call.pair)
