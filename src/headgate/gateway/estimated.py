"""A count of tokens where the target can't be asked for one: answered by a guess, which is told.

A client that counts before each call gets its answer whatever it is pointed at, and the call's text goes to
no provider that it would not have gone to anyway. Never sends anything, never settles.
Read next: `wire.estimating`, `wire.translating_counts`.
"""

from typing import Final

from headgate.catalog.model import Target
from headgate.core.faults import NotTranslatable
from headgate.core.ports import Exchange, Headers
from headgate.gateway.call import Call
from headgate.gateway.opening import Opening
from headgate.gateway.plane import DataPlane
from headgate.gateway.record import finish
from headgate.gateway.relay import cost_header, own_headers
from headgate.wire.translating_counts import estimate

JSON: Final = b"application/json"


async def answer_by_estimate(
    plane: DataPlane, call: Call, exchange: Exchange, opening: Opening, target: Target
) -> bool:
    """Answer a count that the target, tried just now, can't give; False for anything else.

    Raises InvalidRequest for a question that is not of its dialect.
    """
    facts = call.facts
    if call.route.operation != "count_tokens" or facts is None or not _can_t_count(call, target):
        return False
    body = estimate(call.route.dialect, facts)
    if body is None:
        return False
    call.answered_target = target.name
    call.note_change(f"input_tokens: {target.name} counts none; they are estimated (loss)")
    kind: Headers = [(b"content-type", JSON)]
    call.record_answer(kind).add(body)
    finish(plane, call, status=200, code="")
    headers = [*kind, *own_headers(call), *cost_header(call)]
    await plane.durable(call.snapshot)
    await opening.respond(exchange, 200, headers, body)
    return True


def _can_t_count(call: Call, target: Target) -> bool:
    """Whether the last that is known of the target is that it has no counting."""
    known = [*call.exclusions[-1:], *call.failures[-1:]]
    return any(one.target == target.name and isinstance(one.fault, NotTranslatable) for one in known)
