"""One call on its way through the data plane: what is known of it so far, and what it leaves on record.

Mutable, owned by the task that serves it. Never does I/O. Read next: `gateway.serve`.
"""

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from headgate.access.model import Caller, Key
from headgate.catalog.model import Target
from headgate.config.snapshot import Alias, Snapshot
from headgate.core.call import Usage
from headgate.core.chat import ChatCall
from headgate.core.entries import AUTHENTICATE, AttemptRecord, End, Excluded, Exposure, Override, PromptUsed
from headgate.core.faults import Fault
from headgate.core.fields import first_field
from headgate.core.identity import text_of
from headgate.core.labels import UNRESTRICTED
from headgate.core.ports import Headers
from headgate.gateway.recorder import BodyCopy
from headgate.gateway.spool import SpooledUpload
from headgate.meters.rate import RateReservation
from headgate.wire.model import CallFacts, Route

if TYPE_CHECKING:
    from headgate.gateway.held import Held, Refusal
    from headgate.gateway.pairing import Pair
    from headgate.gateway.plane import Current
    from headgate.gateway.standing import Standing

NO_USAGE: Final = Usage()
MICRO: Final = 1_000_000


class Exclusion:
    """A target that was not tried, and the fault that says why."""

    __slots__ = ("fault", "target")

    def __init__(self, target: str, fault: Fault) -> None:
        self.target = target
        self.fault = fault


class Failure:
    """An attempt that failed before commit: the fault, and whether another try at the target may help."""

    __slots__ = ("fault", "retryable", "target")

    def __init__(self, target: str, fault: Fault, *, retryable: bool) -> None:
        self.target = target
        self.fault = fault
        self.retryable = retryable


class Call(msgspec.Struct, eq=False):
    """What is known of one call. Set step by step by `serve`; read whole by `record`."""

    id: bytes
    """UUIDv7, as its 16 bytes."""
    route: Route
    current: "Current"
    snapshot: Snapshot
    started_ms: int
    started_s: float
    headers: Headers = []
    query: bytes = b""
    key: Key | None = None
    standing: "Standing | None" = None
    caller: Caller | None = None
    facts: CallFacts | None = None
    chat: ChatCall | None = None
    """The call in words that no dialect owns, once a target wants it in another."""
    repairing: ChatCall | None = None
    """What goes out in its place, while an answer that failed its schema is asked for again."""
    alias: Alias | None = None
    targets: tuple[Target, ...] = ()
    exclusions: list[Exclusion] = []
    failures: list[Failure] = []
    refusal: "Refusal | None" = None
    """What the last target said that refused the call for what it says; told where no other answers."""
    overflowed_tokens: int | None = None
    """The largest known context window that the call did not fit in."""
    attempts: list[AttemptRecord] = []
    changes: list[str] = []
    usage: Usage = NO_USAGE
    cost_pico_usd: int | None = None
    estimated: bool = False
    truncated: bool = False
    answered_target: str = ""
    first_token_ms: int | None = None
    message: str = ""
    trace_id: str = ""
    parent_span_id: bytes = b""
    response_id: str = ""
    """The id that the answer gives itself, in the client's dialect."""
    served_model: str = ""
    fingerprint: str = ""
    finish: str = ""
    tool_calls: int = 0
    release: str = ""
    asked: str = ""
    """The model that was asked for, where a rule or a pin put another in its place."""
    environment: str = ""
    sent: tuple[Route, bytes] | None = None
    """Route and body as they came, where an arm of an experiment may render the prompt anew."""
    overrides: tuple[Override, ...] = ()
    limit_override: Override | None = None
    """What its last attempt made of the output limit: by the alias's default, or what a budget can pay."""
    prompts: tuple[PromptUsed, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    """The experiments that it takes part in, and in which arm."""
    pair: "Pair | None" = None
    """Set where it is to be answered by another arm, too, once its caller has been served."""
    shadows: "Pair | None" = None
    """Set where it is the shadow of another call, shown to nobody."""
    ended: End | None = None
    """Its record, kept where it is compared."""
    provider_request_id: str = ""
    response: BodyCopy | None = None
    response_content_type: str = ""
    open_attempt: "Held | None" = None
    limit_headers: Headers = []
    rate: list[RateReservation] = []
    upload: SpooledUpload | None = None
    hung_up: bool = False
    last_moment: asyncio.TimerHandle | None = None
    """When the call of a client that has hung up is stopped at the latest."""
    recorded: bool = False
    marks: list[tuple[int, float]] = []
    """What was begun after `authenticate`, by its number among `STEPS`, and when."""

    @property
    def request_id(self) -> str:
        """The id as clients and records show it."""
        return text_of(self.id)

    @property
    def streams_events(self) -> bool:
        """Whether the client expects server-sent events; Google has one JSON array besides."""
        if self.facts is None or not self.facts.stream:
            return False
        return self.route.dialect != "google" or b"alt=sse" in self.query.split(b"&")

    @property
    def moves_refused_content(self) -> bool:
        """Whether what one provider refuses by its policy may be sent to the next."""
        return self.alias is not None and self.alias.when_content_refused == "next-target"

    def header(self, name: bytes) -> bytes | None:
        """Return the client's first header of that lower-case name."""
        return first_field(self.headers, name)

    def record_answer(self, headers: Headers) -> BodyCopy:
        """Begin the copy of what the client is answered, for the record; return it."""
        self.response = copy = BodyCopy(self.snapshot.limits.recorded_bytes_max)
        self.response_content_type = (first_field(headers, b"content-type") or b"").decode("latin-1")
        return copy

    def note_change(self, change: str) -> None:
        """Note what Headgate altered in the request; the same change of a second attempt counts once."""
        if change not in self.changes:
            self.changes.append(change)

    def add_usage(self, usage: Usage) -> None:
        """Count what an answer used; another one was billed before where its schema did not admit that."""
        self.usage = usage if self.usage is NO_USAGE else self.usage.plus(usage)

    def exclude(self, target: str, fault: Fault) -> None:
        """Note that a target is not tried, and why."""
        self.exclusions.append(Exclusion(target, fault))

    def end(self, *, status: int, code: str, ended_s: float) -> End:
        """Return the record of the call, which ended at that moment of its clock."""
        caller, facts = self.caller, self.facts
        label = caller.label if caller and caller.label is not UNRESTRICTED else None
        record = caller.record if caller else "metadata"
        return End(
            call=self.id,
            started_ms=self.started_ms,
            duration_ms=int((ended_s - self.started_s) * 1000),
            first_token_ms=self.first_token_ms,
            project=caller.project if caller else self.key.project if self.key else "",
            key=self.key.id if self.key else "",
            user=caller.user if caller else "",
            session=caller.session if caller else "",
            tags=caller.tags if caller else (),
            dialect=self.route.dialect,
            operation=self.route.operation,
            stream=bool(facts and facts.stream),
            model=facts.model if facts else "",
            target=self.answered_target,
            status=status,
            code=code,
            message=self.message,
            attempts=tuple(self.attempts),
            excluded=tuple([Excluded(item.target, item.fault.message) for item in self.exclusions]),
            changes=tuple(self.changes),
            snapshot=self.snapshot.id,
            release=self.release,
            trace_id=self.trace_id,
            usage=self.usage,
            cost_pico_usd=self.cost_pico_usd,
            estimated=self.estimated,
            truncated=self.truncated,
            label_regions=_listed(label.regions) if label else None,
            label_readers=_listed(label.readers) if label else None,
            label_purposes=_listed(label.purposes) if label else None,
            record=record,
            provider_request_id=self.provider_request_id,
            environment=self.environment,
            overrides=self.overrides
            if self.limit_override is None
            else (*self.overrides, self.limit_override),
            parent_span_id=self.parent_span_id,
            response_id=self.response_id,
            prompts=self.prompts if record == "full" else _without_variables(self.prompts),
            exposures=self.exposures,
            served_model=self.served_model,
            fingerprint=self.fingerprint,
            finish=self.finish,
            tool_calls=self.tool_calls,
            steps=measured(self.started_s, self.marks, ended_s),
        )


def measured(started_s: float, marks: list[tuple[int, float]], ended_s: float) -> tuple[int, ...]:
    """Return what each step took, as `End.steps` has it. Rounded down: together they are never too long."""
    measured: list[int] = []
    step, since_s = AUTHENTICATE, started_s
    for following, at_s in marks:
        measured += (step, int((at_s - since_s) * MICRO))
        step, since_s = following, at_s
    measured += (step, int((ended_s - since_s) * MICRO))
    return tuple(measured)


def _without_variables(prompts: tuple[PromptUsed, ...]) -> tuple[PromptUsed, ...]:
    """What people said is in the variables, and stays out of records that hold no content."""
    return tuple([PromptUsed(used.name, used.version) for used in prompts])


def _listed(part: frozenset[str] | None) -> tuple[str, ...] | None:
    return None if part is None else tuple(sorted(part))
