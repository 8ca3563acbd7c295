"""Simulated calls, their attempts, and what providers do with them."""

import uuid
from random import Random
from typing import TYPE_CHECKING, Literal

from headgate.core.call import Bounded, Usage
from headgate.core.entries import AttemptRecord, Begin, Body, End, Hold, Settled
from headgate.meters.asks import Want
from headgate.meters.leases import Lease

if TYPE_CHECKING:
    from tests.simulation.gateway import GatewayProcess

Outcome = Literal["answers", "fails", "gives up", "breaks", "unreachable", "silent", "no usage", "refuses"]
Phase = Literal["new", "waiting", "running", "syncing", "over"]

ODD_OUTCOMES: tuple[Outcome, ...] = (
    *("fails", "fails", "gives up", "breaks", "unreachable", "silent", "no usage", "refuses"),
)
ODD_PART = 0.36
"""How often a provider does anything but answer."""
PATIENCE_MS = 2500
"""The gateway's timeout for an answer."""
NO_USAGE = Usage()


class Call:
    """One call of a client, through all its attempts."""

    __slots__ = (
        *("asked_again", "began_ms", "bound", "charged", "code", "has_hung_up", "id", "is_unknown", "key"),
        *("number", "open", "phase", "process", "records", "streams", "targets", "told", "wake_ms", "wants"),
    )

    def __init__(self, number: int, bound: int | None, targets: int, *, streams: bool) -> None:
        """`bound`: None for a call whose cost has none."""
        self.key = uuid.UUID(int=number)
        self.id = str(self.key)
        self.number = number
        self.bound = bound
        self.targets = targets
        self.streams = streams
        self.phase: Phase = "new"
        self.process: GatewayProcess | None = None
        self.wants: list[Want] = []
        self.began_ms = self.wake_ms = 0
        self.asked_again = False
        self.open: Attempt | None = None
        self.records: list[tuple[Attempt, int]] = []
        self.charged = 0
        self.is_unknown = False
        self.has_hung_up = False
        self.code = ""
        self.told: int | None = None

    def __repr__(self) -> str:
        return f"call {self.number}"


class Attempt:
    """One try at one target, from its reservation to its end."""

    __slots__ = (
        *("bill", "call", "charged", "holds", "is_begun", "is_billed", "is_bounded", "is_excused"),
        *("is_seen", "is_settled", "most", "number", "outcome", "parts", "sent_ms"),
    )

    def __init__(self, call: Call, parts: list[tuple[Lease, int]], most: int) -> None:
        """`most` is what the provider will bill at the most, by what is asked of it."""
        self.call = call
        self.number = len(call.records) + 1
        self.parts = parts
        self.holds = tuple([Hold(lease.window, amount) for lease, amount in parts])
        self.most = most
        self.is_bounded = call.bound is not None
        self.bill = 0
        self.charged: int | None = None
        self.outcome: Outcome = "answers"
        self.sent_ms = -1
        self.is_begun = self.is_billed = self.is_settled = self.is_excused = False
        self.is_seen = False
        """Whether its gateway has seen what it costs."""

    @property
    def hold(self) -> int:
        """The smallest hold (`gateway.attempt.Held.reserved_pico_usd`)."""
        return min((amount for _, amount in self.parts), default=0)

    @property
    def bound(self) -> Bounded:
        """What its provider can bill at the most, as the gateway knows it."""
        return Bounded(self.hold)

    def __repr__(self) -> str:
        return f"attempt {self.call.number}.{self.number}"


def send(attempt: Attempt, random: Random, now_ms: int) -> None:
    """Let the provider have an attempt, and decide what it will do with it."""
    attempt.sent_ms = now_ms
    attempt.outcome = random.choice(ODD_OUTCOMES) if random.random() < ODD_PART else "answers"


def bill_of(attempt: Attempt, random: Random) -> int:
    """Return what the provider bills: often all that it may."""
    if attempt.outcome in ("fails", "unreachable", "refuses"):
        return 0
    most = attempt.most
    if not attempt.is_bounded:
        most += most // 2
    return most if random.random() < 0.3 else random.randrange(most + 1)


def begin_entry(attempt: Attempt, now_ms: int) -> Begin:
    """Return the entry of an attempt that is about to be sent."""
    return Begin(
        call=attempt.call.key.bytes,
        attempt=attempt.number,
        started_ms=now_ms,
        target="mock/one",
        holds=attempt.holds,
        project="default",
        key="k1",
        user="anna",
        model="assistant",
    )


def settled_entry(attempt: Attempt, charged: int) -> Settled:
    """Return the entry of an attempt that was not the call's last."""
    return Settled(attempt.call.key.bytes, attempt.number, charged, attempt.holds)


def end_entry(call: Call, code: str, now_ms: int, *, settles: bool) -> End:
    """Return the entry of a call that has ended; only the last attempt's holds are settled by it."""
    records: list[AttemptRecord] = []
    for attempt, charged in call.records:
        is_last = settles and attempt is call.records[-1][0]
        records.append(
            AttemptRecord(
                attempt=attempt.number,
                target="mock/one",
                status=200,
                code=code,
                started_ms=now_ms,
                duration_ms=1,
                reserved_pico_usd=attempt.hold,
                cost_pico_usd=charged,
                charged_pico_usd=charged,
                estimated=False,
                usage=NO_USAGE,
                usage_raw=b"",
                holds=attempt.holds if is_last else (),
            )
        )
    return End(
        *(call.key.bytes, now_ms, 1, None, "default", "k1", "anna", "", (), "openai-chat", "chat"),
        *(call.streams, "assistant", "mock/one", 200, code, "", tuple(records), (), (), "", "", ""),
        *(NO_USAGE, call.told, False, False),
    )


def body_entry(call: Call, text: bytes) -> Body:
    """Return the bodies of a call."""
    return Body(
        call=call.key.bytes, project="default", dialect="openai-chat", request=text, response=b"answer"
    )
