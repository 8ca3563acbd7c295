"""What new spans and calls add to the row of their trace. Pure.

Sums, extremes and unions only, so that the order in which they arrive makes no difference to them; what
depends on the whole trace is counted later. Read next: `keeping.sink`, `keeping.settling`.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from headgate.core.entries import End
from headgate.records.rows import day_of, identity, name
from headgate.traces.keeping.rows import KeptSpan, duration_us, moment, started_us

FACETS_MAX: Final = 200
"""How many words of a trace are told apart. The words of the first spans stay."""

_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")
_NO_TRACE: Final = bytes(16)

TraceKey = tuple[str, bytes]
"""Project and trace."""


class TracedCall(msgspec.Struct, frozen=True, kw_only=True):
    """What a recorded call says of its trace. `trace_id` is 32 hex digits; `prompts` are names."""

    call: bytes
    project: str
    trace_id: str
    started_ms: int
    duration_ms: int
    key: str = ""
    user: str = ""
    session: str = ""
    tags: tuple[str, ...] = ()
    operation: str = ""
    model: str = ""
    target: str = ""
    status: int = 200
    release: str = ""
    environment: str = ""
    prompts: tuple[str, ...] = ()
    finish: str = ""


class TraceDelta(msgspec.Struct, kw_only=True):
    """What is added to a trace. Times are Unix microseconds; names are empty where nothing is said."""

    first_day: date
    last_day: date
    started_us: int
    ended_us: int
    root_started_us: int | None = None
    name: str = ""
    is_named: bool = False
    service: str = ""
    spans: int = 0
    errors: int = 0
    user: str = ""
    session: str = ""
    release: str = ""
    environment: str = ""
    facets: set[str] = msgspec.field(default_factory=set[str])

    def add(self, kept: KeptSpan) -> None:
        """Add a span."""
        span = kept.span
        began = started_us(span)
        self._stretch(kept.day, began, began + duration_us(span))
        self.spans += 1
        self.errors += span.status == "error"
        if span.trace_name and not self.is_named:
            self.name, self.is_named = name(span.trace_name), True
        if not span.parent_id and (self.root_started_us is None or began < self.root_started_us):
            self.root_started_us = began
            self.name = self.name if self.is_named else name(span.name)
            self.service = name(span.service) or self.service
        self.service = self.service or name(span.service)
        self._say(user=span.user, session=span.session, release=span.release, environment=span.environment)
        self.facets.update(_facets_of_span(kept))

    def add_call(self, call: TracedCall) -> None:
        """Add a recorded call."""
        began = max(0, call.started_ms * 1000)
        self._stretch(day_of(identity(call.call)), began, began + max(0, call.duration_ms) * 1000)
        self._say(user=call.user, session=call.session, release=call.release, environment=call.environment)
        self.facets.update(_facets_of_call(call))

    def row(self, key: TraceKey) -> dict[str, object]:
        """Return it as `add_to_traces` reads it."""
        root = self.root_started_us
        return {
            "project": key[0],
            "trace_id": key[1].hex(),
            "name": self.name,
            "root_started_at": None if root is None else moment(root).isoformat(),
            "is_named": self.is_named,
            "started_at": moment(self.started_us).isoformat(),
            "ended_at": moment(self.ended_us).isoformat(),
            "first_day": self.first_day,
            "last_day": self.last_day,
            "spans": self.spans,
            "errors": self.errors,
            "user": self.user,
            "session": self.session,
            "release": self.release,
            "environment": self.environment,
            "service": self.service,
            "facets": sorted(self.facets)[:FACETS_MAX],
        }

    def _stretch(self, day: date, began_us: int, ended_us: int) -> None:
        self.first_day, self.last_day = min(self.first_day, day), max(self.last_day, day)
        self.started_us, self.ended_us = min(self.started_us, began_us), max(self.ended_us, ended_us)

    def _say(self, *, user: str, session: str, release: str, environment: str) -> None:
        self.user = self.user or name(user)
        self.session = self.session or name(session)
        self.release = self.release or name(release)
        self.environment = self.environment or name(environment)


def sum_words(spans: Iterable[KeptSpan]) -> dict[TraceKey, TraceDelta]:
    """Sum what spans that are there already say now: names and models, but no second count of them."""
    deltas: dict[TraceKey, TraceDelta] = {}
    for kept in spans:
        began = started_us(kept.span)
        fresh = TraceDelta(first_day=kept.day, last_day=kept.day, started_us=began, ended_us=began)
        deltas.setdefault((kept.project, kept.trace_id), fresh).facets.update(_facets_of_span(kept))
    return dict(sorted(deltas.items()))


def sum_spans(spans: Iterable[KeptSpan]) -> dict[TraceKey, TraceDelta]:
    """Sum spans by trace, in the order of projects and traces, in which rows are locked everywhere."""
    deltas: dict[TraceKey, TraceDelta] = {}
    for kept in spans:
        key = (kept.project, kept.trace_id)
        delta = deltas.get(key)
        if delta is None:
            began = started_us(kept.span)
            delta = TraceDelta(first_day=kept.day, last_day=kept.day, started_us=began, ended_us=began)
            deltas[key] = delta
        delta.add(kept)
    return dict(sorted(deltas.items()))


def sum_calls(calls: Iterable[TracedCall]) -> dict[TraceKey, TraceDelta]:
    """Sum recorded calls that name a trace, in the same order."""
    deltas: dict[TraceKey, TraceDelta] = {}
    for call in calls:
        key = trace_key(call.project, call.trace_id)
        if key is None:
            continue
        delta = deltas.get(key)
        if delta is None:
            day, began = day_of(identity(call.call)), max(0, call.started_ms * 1000)
            delta = TraceDelta(first_day=day, last_day=day, started_us=began, ended_us=began)
            deltas[key] = delta
        delta.add_call(call)
    return dict(sorted(deltas.items()))


def trace_key(project: str, trace_id: str) -> TraceKey | None:
    """Return the trace that a recorded call names; None for none."""
    if _TRACE_ID.fullmatch(trace_id) is None:
        return None
    identifier = bytes.fromhex(trace_id)
    return None if identifier == _NO_TRACE else (name(project), identifier)


def traced_call(end: End) -> TracedCall:
    """Return what a call says of its trace as it ends."""
    return TracedCall(
        call=end.call,
        project=end.project,
        trace_id=end.trace_id,
        started_ms=end.started_ms,
        duration_ms=end.duration_ms,
        key=end.key,
        user=end.user,
        session=end.session,
        tags=end.tags,
        operation=end.operation,
        model=end.model,
        target=end.target,
        status=end.status,
        release=end.release,
        environment=end.environment,
        prompts=tuple([used.name for used in end.prompts]),
        finish=end.finish,
    )


def _facets_of_span(kept: KeptSpan) -> list[str]:
    span = kept.span
    words = (
        ("key", kept.key),
        ("kind", "" if span.kind == "span" else span.kind),
        ("model", span.model or span.request_model),
        ("provider", span.provider),
        ("tool", span.tool),
        ("agent", span.agent),
        ("service", span.service),
        ("environment", span.environment),
        ("release", span.release),
        ("prompt", span.prompt),
        ("operation", span.operation),
        *(("finish", reason) for reason in span.finish_reasons),
        ("status", "error" if span.status == "error" else ""),
        *(("tag", tag) for tag in span.tags),
    )
    return _facets(words)


def _facets_of_call(call: TracedCall) -> list[str]:
    provider, _, model = call.target.partition("/")
    words = (
        ("key", call.key),
        ("kind", "embedding" if call.operation == "embeddings" else "llm"),
        ("model", model or call.model),
        ("provider", provider),
        ("environment", call.environment),
        ("release", call.release),
        ("operation", call.operation),
        ("finish", call.finish),
        ("status", "error" if call.status >= 400 else ""),
        *(("prompt", prompt) for prompt in call.prompts),
        *(("tag", tag) for tag in call.tags),
    )
    return _facets(words)


def _facets(words: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{word}:{name(value)}" for word, value in words if value]
