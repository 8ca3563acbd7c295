"""What an attempt holds while it runs, what comes of it, and how everything is given back.

Never sends anything. Read next: `gateway.attempt`.
"""

import msgspec

from headgate.catalog.bound import BoundInput
from headgate.core.call import Bound, Usage
from headgate.core.chat import ChatAnswer, ChatCall
from headgate.core.entries import AttemptRecord, Hold
from headgate.core.faults import Fault, SchemaMismatch
from headgate.core.ports import Answer, Headers
from headgate.gateway.call import NO_USAGE, Call
from headgate.gateway.expected import Expected
from headgate.gateway.health import TargetHealth
from headgate.gateway.plane import DataPlane
from headgate.gateway.settlement import Settlement, by_usage, in_full
from headgate.gateway.translated import Written
from headgate.gateway.way import Way
from headgate.meters.purse import Reservation
from headgate.wire.model import AnswerFacts, StreamReader


class Outcome(msgspec.Struct, frozen=True):
    """How an attempt ended, as its record says it."""

    status: int
    code: str = ""
    message: str = ""
    usage: Usage = NO_USAGE
    usage_raw: bytes = b""


class Held(msgspec.Struct, eq=False):
    """What an attempt holds while it runs: a slot of its target, a reservation, and a place on the record."""

    way: Way
    health: TargetHealth
    bound_input: BoundInput
    bound: Bound
    number: int
    written: Written | None = None
    """The call as it goes out, where its bytes are not simply passed on."""
    expected: Expected | None = None
    """What its answer is held against, if against anything."""
    repair: ChatCall | None = None
    """How the answer that failed is to be asked for again, where that is wanted."""
    reservation: Reservation | None = None
    reserved_pico_usd: int = 0
    """The smallest hold: what every one of its meters can be charged without passing its hold.

    They differ only where budgets reserve different amounts for a call of unbounded cost.
    """
    probes: bool = False
    started_s: float = 0.0
    started_ms: int = 0
    begun: bool = False
    concluded: bool = False

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What its meters have reserved for it."""
        return self.reservation.holds if self.reservation is not None else ()


class Committed(msgspec.Struct, eq=False):
    """An answer that will be relayed: a whole body, or a stream with what was held of it until commit."""

    held: Held
    answer: Answer
    status: int
    headers: Headers
    body: bytes = b""
    pending: bytes = b""
    reader: StreamReader | None = None
    facts: AnswerFacts | None = None
    """What a whole answer says of itself, where its body is another dialect's now."""
    whole: ChatAnswer | None = None
    """The same answer before it was written in that dialect."""
    mismatch: SchemaMismatch | None = None
    """Where the whole of a stream fails its schema, once it has ended."""
    code: str = "upstream_refused"
    """By what name it is recorded, where it is an error."""

    @property
    def is_translated(self) -> bool:
        """Whether what the client gets is in another dialect than what the provider sent."""
        return self.held.way.translation is not None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of a call that it refuses for what it says, as the client hears it if no other
    target answers: an error, or an answer of which everything was filtered."""

    target: str
    status: int
    code: str
    headers: Headers
    body: bytes
    is_stream: bool
    message: str
    provider_request_id: str
    context_window: int | None = None
    """Where the call is too long: the window that it did not fit in, if it is known."""
    written: Written | None = None
    usage: Usage = NO_USAGE
    usage_raw: bytes = b""
    response_id: str = ""
    """Where it came as an answer: its id."""


class Rejected(msgspec.Struct, frozen=True):
    """What came of an attempt that has no answer to relay, and what it is charged."""

    fault: Fault
    settlement: Settlement
    retryable: bool = True
    """Whether the same target may be asked again."""
    status: int = 0
    """What the target answered, if anything."""
    usage: Usage = NO_USAGE
    """Of an answer that came, and was billed."""
    usage_raw: bytes = b""
    refusal: Refusal | None = None
    """Set where the target is well, and refuses what the call says."""


def settled_by(held: Held, facts: AnswerFacts) -> Settlement:
    """What a whole answer is charged, by what it says of itself."""
    if facts.usage is None:
        return in_full(held.bound, held.reserved_pico_usd)
    return by_usage(held.way.tariff, facts.usage, facts.service_tier, held.reserved_pico_usd)


def release_probe(held: Held) -> None:
    """The attempt says nothing of its target; if it was to probe it, another may."""
    if held.probes:
        held.health.breaker.abandoned()


def record_of(
    plane: DataPlane, held: Held, settlement: Settlement, outcome: Outcome, *, settles: bool = False
) -> AttemptRecord:
    """Return the attempt's place on the record; it names its holds only where the end is to settle them."""
    return AttemptRecord(
        held.number,
        held.way.name,
        outcome.status,
        outcome.code,
        held.started_ms if held.begun else plane.clock.now_ms(),
        int((plane.clock.monotonic() - held.started_s) * 1000) if held.begun else 0,
        held.reserved_pico_usd,
        settlement.cost_pico_usd,
        settlement.charged_pico_usd,
        settlement.estimated,
        outcome.usage,
        outcome.usage_raw,
        held.holds if settles else (),
        outcome.message,
    )


def conclude(plane: DataPlane, call: Call, held: Held, settlement: Settlement) -> None:
    """Give back the slot and settle the reservation, once. What it says is in the journal already."""
    if held.concluded:
        return
    held.concluded = True
    call.open_attempt = None
    held.health.leave()
    if held.reservation is not None:
        plane.purse.settle(held.reservation, settlement.charged_pico_usd)
