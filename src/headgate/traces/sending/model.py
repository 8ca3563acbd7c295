"""Where calls are sent as spans and metrics, and what of a call is sent. Pure.

Read next: `traces.sending.spans`, `traces.sending.metrics`.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from headgate.core.call import Usage
from headgate.core.entries import Exposure
from headgate.core.labels import Label
from headgate.core.ports import Origin

Signal = Literal["traces", "metrics"]


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who a provider is to those who read telemetry: its well-known name, and where it is."""

    name: str
    address: str = ""
    port: int = 0


class Exporter(msgspec.Struct, frozen=True, kw_only=True):
    """A collector that takes OTLP over HTTP. `path` is what `/v1/traces` and `/v1/metrics` stand below.

    `headers` holds references (`env:NAME`, `file:PATH`), never values. `projects` None is all of them.
    `regions` says where the collector keeps what it gets; empty is unknown, which is nowhere.
    """

    name: str
    origin: Origin
    path: str
    headers: dict[str, str] = {}
    content: bool = False
    signals: tuple[Signal, ...] = ("traces", "metrics")
    projects: tuple[str, ...] | None = None
    regions: frozenset[str] = frozenset()
    providers: dict[str, Sender] = {}
    """By the name that headgate.toml gives them."""


class SentAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a call, as its record has it."""

    attempt: int
    target: str
    status: int
    code: str = ""
    message: str = ""
    started_at: datetime
    duration_ms: int


class SentPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that the call was made of, by the name and the version that its record has."""

    name: str
    version: str = ""


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """The words of a call: JSON in the shape of `gen_ai.input.messages`, empty where there are none."""

    input: str = ""
    output: str = ""
    system: str = ""
    tools: str = ""
    model: str = ""
    finish_reasons: tuple[str, ...] = ()


class SentCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call on record, as far as it is sent. Times are Unix milliseconds; `id` is its 16 bytes."""

    id: bytes
    project: str
    key: str
    user: str
    session: str
    tags: tuple[str, ...]
    trace_id: str
    parent_span_id: bytes
    response_id: str
    started_ms: int
    duration_ms: int
    first_token_ms: int | None
    dialect: str
    operation: str
    stream: bool
    model: str
    target: str
    status: int
    code: str
    message: str
    attempts: tuple[SentAttempt, ...]
    truncated: bool
    estimated: bool
    release: str
    environment: str
    usage: Usage
    cost_pico_usd: int | None
    label: Label
    parameters: dict[str, Any] = {}
    prompts: tuple[SentPrompt, ...] = ()
    arms: tuple[Exposure, ...] = ()
    """The experiments in which the call was in an arm."""
    finish: str = ""
    answered_model: str = ""
    """What the answer says that it is of."""
    spoken: Spoken = Spoken()

    @property
    def provider(self) -> str:
        """The provider that answered, or was tried last."""
        return self._place.partition("/")[0]

    @property
    def served_model(self) -> str:
        """The model that answered, or was tried last, by the provider's name."""
        return self._place.partition("/")[2]

    @property
    def _place(self) -> str:
        return self.target or (self.attempts[-1].target if self.attempts else "")

    @property
    def is_error(self) -> bool:
        """Whether the call came to nothing, or to a part of its answer only."""
        return self.status >= 400 or self.truncated

    @property
    def error_type(self) -> str:
        """Why, by its code, else by its status."""
        return self.code or str(self.status)


def provider_of(exporter: Exporter, call: SentCall) -> Sender:
    """Who answered; a provider that the configuration no longer names goes by its name there."""
    return exporter.providers.get(call.provider) or Sender(name=call.provider or "headgate")
