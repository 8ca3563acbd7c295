"""What an export holds: spans as they are stored, and the lines of JSON Lines. Pure.

Read next: `exporting.attributes`, `exporting.lines`.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from headgate.core.call import Usage
from headgate.records.model import UsageBuckets
from headgate.traces.model import CostSource, Kind, Status
from headgate.traces.reading.model import Json, SpanDetail
from headgate.traces.scores.model import Feedback

Format = Literal["otlp", "jsonl"]


class StoredSpan(msgspec.Struct, frozen=True):
    """A row of `spans_at`: JSON as text, empty where there is none; `usage` as JSON, in exact buckets."""

    number: int
    started_at: datetime
    parent: int | None
    project: str
    key: str
    name: str
    kind: Kind
    operation: str
    started_us: int
    duration_us: int
    status: Status
    status_message: str
    provider: str
    model: str
    request_model: str
    response_id: str
    agent: str
    tool: str
    user: str
    session: str
    tags: list[str]
    release: str
    environment: str
    service: str
    prompt: str
    prompt_version: str
    usage: str | None
    cost_usd: Decimal | None
    cost_source: CostSource
    first_token_ms: float | None
    finish_reasons: list[str]
    flags: list[str]
    convention: str
    input: str
    output: str
    system: str
    details: str
    attributes: str

    @property
    def tokens(self) -> Usage | None:
        """Its usage, as it is kept."""
        return None if self.usage is None else msgspec.json.decode(self.usage, type=Usage)


class Place(msgspec.Struct, frozen=True):
    """Where a span or call of a trace is, in the order of time, and how much of a span there is to read."""

    day: date
    id: int | UUID
    started_at: datetime
    length: int = 0


class SpanLine(SpanDetail, frozen=True, kw_only=True, tag_field="type", tag="span"):
    """A line of JSON Lines: one span."""


class CallContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went into a recorded call and came out, in the shape of `gen_ai.input.messages`."""

    input: Json = None
    output: Json = None
    system: Json = None
    tools: Json = None
    parameters: dict[str, Any] | None = None


class CallLine(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="call"):
    """A line of JSON Lines: one recorded call. `span_id` is that of its span in OTLP."""

    trace_id: str
    span_id: str
    parent_id: str | None
    request_id: str
    project: str
    key: str
    operation: str
    started_at: str
    duration_ms: float
    status: Literal["ok", "error"]
    status_code: int
    status_message: str | None
    model: str
    target: str | None
    response_id: str | None
    user: str | None
    session: str | None
    tags: list[str]
    release: str | None
    environment: str | None
    usage: UsageBuckets
    cost_usd: str | None
    estimated: bool
    first_token_ms: int | None
    finish_reasons: list[str]
    content: CallContent


class ScoreLine(Feedback, frozen=True, kw_only=True, tag_field="type", tag="score"):
    """A line of JSON Lines: what was said of the trace, or of a span or request of it."""
