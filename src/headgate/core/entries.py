"""The entries of the journal: what a gateway writes down before and after each attempt.

Written by `gateway`, moved unread by `journal`, applied by the sinks of `meters` and `records`. Encoded as
msgpack arrays: fields are only ever appended, so that processes of two versions understand each other.
"""

from typing import Final, Literal, get_args

import msgspec

from headgate.core.call import Usage

BEGIN = 1
SETTLED = 2
END = 3
BODY = 4
ALERT = 5
COMPARED = 20
LEFT_OUT = 21

StepName = Literal["authenticate", "read", "admit", "reserve", "left_out", "attempt", "wait", "settle"]
STEPS: Final[tuple[StepName, ...]] = get_args(StepName)
"""The steps of a call; `End.steps` names them by their place, so others are only ever appended."""
AUTHENTICATE, READ, ADMIT, RESERVE, LEFT_OUT_STEP, ATTEMPT, WAIT, SETTLE = range(len(STEPS))

CLIENT_CLOSED = 499
"""The status of a call whose client hung up."""
REFUSED = "content_policy_violation"
"""The code of a call whose content a provider refuses."""


class Hold(msgspec.Struct, frozen=True, array_like=True):
    """Money of one meter's window held for an attempt. `window` is `meter_windows.id`."""

    window: int
    pico_usd: int


SHADOW = "shadow"
"""What stands for the kind of unit of a shadow's exposure."""


class Exposure(msgspec.Struct, frozen=True, array_like=True):
    """A call's part in an experiment. `arm` and `unit` are empty where the call's unit is not known: it is in
    no arm then."""

    experiment: str
    version: str
    arm: str
    unit: str
    unit_kind: str
    epoch: int = 0
    """Of an experiment whose shares move: of which shares the arm was drawn."""

    @property
    def is_shadow(self) -> bool:
        """Whether the call was made beside another one, whose id is the unit, and shown to nobody."""
        return self.unit_kind == SHADOW


class Begin(msgspec.Struct, frozen=True, array_like=True):
    """An attempt is about to send its first byte. Without a matching end it is charged in full."""

    call: bytes
    attempt: int
    started_ms: int
    target: str
    holds: tuple[Hold, ...]
    project: str
    key: str
    user: str
    model: str
    tags: tuple[str, ...] = ()
    session: str = ""
    trace_id: str = ""
    parent_span_id: bytes = b""
    """As in `End`: a call that dies with its gateway belongs to its trace all the same."""
    exposures: tuple[Exposure, ...] = ()
    """As in `End`: it counts for its arm all the same."""


class Settled(msgspec.Struct, frozen=True, array_like=True):
    """An attempt that was not the call's last has ended; its holds may be used again."""

    call: bytes
    attempt: int
    cost_pico_usd: int
    holds: tuple[Hold, ...]


class AttemptRecord(msgspec.Struct, frozen=True, array_like=True):
    """One attempt as it stands on the record. `cost_pico_usd` is None where the price is unknown;
    `charged_pico_usd` is what its meters were charged, and `holds` what they had reserved."""

    attempt: int
    target: str
    status: int
    code: str
    started_ms: int
    duration_ms: int
    reserved_pico_usd: int
    cost_pico_usd: int | None
    charged_pico_usd: int
    estimated: bool
    usage: Usage
    usage_raw: bytes
    holds: tuple[Hold, ...] = ()
    message: str = ""


class Excluded(msgspec.Struct, frozen=True, array_like=True):
    """A target that could not be tried, and why."""

    target: str
    reason: str


class Override(msgspec.Struct, frozen=True, array_like=True):
    """One thing that was changed in a call before it was sent: `before` and `after` are JSON, empty where
    there was nothing. `source` says by what, such as `rule calm@3`, `prompt greeting@7`."""

    source: str
    field: str
    before: bytes
    after: bytes


class PromptUsed(msgspec.Struct, frozen=True, array_like=True):
    """A managed prompt that the gateway rendered; `variables` is JSON."""

    name: str
    version: int
    variables: bytes = b"{}"


class End(msgspec.Struct, frozen=True, array_like=True):
    """A call has ended: the row of its record. Only the last attempt's holds are settled by it."""

    call: bytes
    started_ms: int
    duration_ms: int
    first_token_ms: int | None
    project: str
    key: str
    user: str
    session: str
    tags: tuple[str, ...]
    dialect: str
    operation: str
    stream: bool
    model: str
    target: str
    status: int
    code: str
    message: str
    attempts: tuple[AttemptRecord, ...]
    excluded: tuple[Excluded, ...]
    changes: tuple[str, ...]
    snapshot: str
    release: str
    trace_id: str
    usage: Usage
    cost_pico_usd: int | None
    estimated: bool
    truncated: bool
    label_regions: tuple[str, ...] | None = None
    record: str = "full"
    provider_request_id: str = ""
    label_readers: tuple[str, ...] | None = None
    label_purposes: tuple[str, ...] | None = None
    environment: str = ""
    overrides: tuple[Override, ...] = ()
    prompts: tuple[PromptUsed, ...] = ()
    parameters: bytes = b""
    """JSON of the parameters that were sent, where no body is recorded to tell them."""
    parent_span_id: bytes = b""
    """The span that made the call, as its `traceparent` says; 8 bytes."""
    response_id: str = ""
    """The answer's own id, as the client sees it."""
    exposures: tuple[Exposure, ...] = ()
    """The experiments that the call takes part in."""
    served_model: str = ""
    """The model that the answer says it is of."""
    fingerprint: str = ""
    """What the answer says of the configuration that served it."""
    finish: str = ""
    """Why the answer ended (`core.chat.FinishReason`); empty where nothing says it."""
    tool_calls: int = 0
    """How many tools of the client's it calls."""
    steps: tuple[int, ...] = ()
    """What its time went into: a step by its number, its microseconds, the next step, and so on in order;
    the last one goes to the end. Empty where it was not measured."""


class Body(msgspec.Struct, frozen=True, array_like=True):
    """The bodies of a call, each at most 1 MiB, then head, tail and digest."""

    call: bytes
    project: str
    dialect: str
    request: bytes
    response: bytes
    request_digest: bytes = b""
    response_digest: bytes = b""
    request_length: int = 0
    response_length: int = 0
    response_content_type: str = ""
    label: str = ""
    """The call's label (`core.labels.label_text`), which its stored messages carry."""


class Answered(msgspec.Struct, frozen=True, array_like=True):
    """What one of two compared answers came to."""

    failed: bool
    refused: bool
    wait_ms: int | None
    """Until a stream's first token, or until the whole answer; None where none came."""
    cost_pico_usd: int | None
    characters: int | None = None
    """The length of its text; None where it was not read."""


class Compared(msgspec.Struct, frozen=True, array_like=True):
    """A call and its shadow, as both arms of a rollout's stage answered it. What is None was not compared."""

    version: str
    project: str
    unit: str
    """A digest: whoever looks at a comparison is not to know whose call it was."""
    at_ms: int
    call: bytes
    shadow: bytes
    present: Answered
    candidate: Answered
    same_finish: bool | None = None
    same_tools: bool | None = None
    same_text: bool | None = None
    keeps_form: bool | None = None
    """Whether the candidate keeps to the schema that the call prescribes, or the present does not either."""


class LeftOut(msgspec.Struct, frozen=True, array_like=True):
    """How many shadows of a stage were not made, and why."""

    version: str
    reason: str
    calls: int


class Alert(msgspec.Struct, frozen=True, array_like=True):
    """Something that people should hear of: an overrun, a breaker that opened, a journal that grows."""

    at_ms: int
    kind: str
    subject: str
    message: str
    project: str = ""
