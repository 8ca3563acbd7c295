"""What a call's bound is made from: the call as it came, and as it goes out. Pure.

Read next: `catalog.bound`.
"""

from typing import Final

import msgspec

from headgate.catalog.bound import BoundInput
from headgate.gateway.call import Call

REPAIR_MESSAGES: Final = 2
"""What the repair of an answer adds: the answer, and what is wrong with it."""


def bound_input(call: Call) -> BoundInput:
    """Return what a call's bound is made from; the alias's `default_max_output` counts as its limit."""
    facts = call.facts
    assert facts is not None
    media = facts.media
    return BoundInput(
        operation=call.route.operation,
        body_bytes=(call.upload.length if call.upload else len(facts.body)) - media.inline_bytes,
        messages=facts.messages + (0 if call.repairing is None else REPAIR_MESSAGES),
        choices=facts.choices,
        max_output=facts.max_output if facts.max_output is not None else output_limit(call),
        images=media.images,
        audio=media.audio,
        files=media.files,
        unbounded=media.unbounded,
        server_tools=media.server_tools,
        service_tier=facts.service_tier,
    )


def longer(call: Call, parts: BoundInput, body_bytes: int) -> BoundInput:
    """What was put into words of another dialect may have become longer: the longer body bounds the cost."""
    assert call.facts is not None
    bound_bytes = body_bytes - call.facts.media.inline_bytes
    if bound_bytes <= parts.body_bytes:
        return parts
    return msgspec.structs.replace(parts, body_bytes=bound_bytes)


def output_limit(call: Call) -> int | None:
    """The alias's default limit on output tokens for calls that it applies to, else None."""
    alias = call.alias
    return alias.default_max_output if alias and call.route.operation in ("chat", "completions") else None
