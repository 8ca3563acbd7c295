"""What log events say of a span, read as if they had come as its own events. Pure.

A span's own word stands; events say what it leaves open. Read next: `conventions.happened`,
`conventions.resolve`, `keeping.log_sink`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from headgate.traces.conventions.happened import DETAILS
from headgate.traces.conventions.kinds import OPERATIONS
from headgate.traces.conventions.resolve import resolve
from headgate.traces.conventions.texts import bounded, decoded, encoded, parsed
from headgate.traces.model import RawEvent, RawSpan, Span

PREFIX: Final = "gen_ai."
EVALUATION: Final = "gen_ai.evaluation.result"
EVENTS_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of all events that one span is told by."""

TOLD: Final = (
    *("operation", "provider", "request_model", "response_id", "agent", "tool", "prompt", "prompt_version"),
    *("usage", "usage_raw", "cost_pico_usd", "cost_source", "first_token_ms", "finish_reasons"),
    *("input", "output", "system", "tools", "parameters", "documents"),
)
"""Fields of a span that events may say. Whose it is (user, session, tags) they don't."""

_FROM_LOG: Final = "from_log"
_MODEL: Final = "model"
_KIND: Final = "kind"
_MESSAGE: Final = "status_message"
_DEFAULTS: Final[Mapping[str, Any]] = {
    field.name: field.default
    for field in msgspec.structs.fields(Span)
    if field.default is not msgspec.NODEFAULT
}


class Logged(msgspec.Struct, frozen=True):
    """A span with what events say, and the names of the fields that they said."""

    span: Span
    told: tuple[str, ...]


def fields_of(name: str, attributes: Mapping[str, Any], body: object) -> dict[str, Any]:
    """What a log record says, where events of spans have it: a body is a message, or more attributes."""
    body = decoded(body)
    if body is None or body == "" or body == {}:
        return {**attributes}
    if not isinstance(body, dict):
        return {"content": body, **attributes}
    members = cast("Mapping[str, Any]", body)
    return {**members, **attributes} if name == DETAILS else {**attributes, "body": members}


def told_by_logs(
    span: Span, told: Sequence[str], events: Sequence[RawEvent], cost_pico_usd: int | None = None
) -> Logged:
    """Return a span with what its events say where it says nothing. `told` names what events said before.

    `cost_pico_usd` is what the tokens cost that the events tell of, by the price table.
    """
    own = _without(span, told)
    heard = resolve(
        RawSpan(
            trace_id=own.trace_id,
            span_id=own.span_id,
            parent_id=own.parent_id,
            name=own.name,
            kind=0,
            start_ns=own.start_ns,
            end_ns=own.end_ns,
            status=own.status,
            attributes={"gen_ai.operation.name": OPERATIONS[own.kind]} if own.kind in OPERATIONS else {},
            events=list(events),
        )
    )
    found: dict[str, Any] = {
        name: getattr(heard, name)
        for name in TOLD
        if _is_open(getattr(own, name)) and not _is_open(getattr(heard, name))
    }
    if own.cost_source:
        found.pop("cost_pico_usd", None)
    if own.model in ("", own.request_model) and heard.model not in ("", own.model):
        found[_MODEL] = heard.model
    if own.kind == "span" and heard.kind != "span":
        found[_KIND] = heard.kind
    if own.status == "error" and not own.status_message and heard.status_message:
        found[_MESSAGE] = heard.status_message
    flags = tuple(dict.fromkeys((*own.flags, *heard.flags)))
    if "usage" in found and cost_pico_usd is not None and not (own.cost_source or heard.cost_source):
        found |= {"cost_pico_usd": cost_pico_usd, "cost_source": "priced"}
    full = msgspec.structs.replace(own, **found, flags=flags, events=_events(own, heard))
    return Logged(full, tuple(found))


def _is_open(value: object) -> bool:
    return value is None or value == "" or value == ()


def _without(span: Span, told: Sequence[str]) -> Span:
    """The span as it came: what events said before is said anew."""
    again = {name: _DEFAULTS[name] for name in told if name in _DEFAULTS}
    if _MODEL in told:
        again[_MODEL] = "" if "request_model" in told else span.request_model
    if _KIND in told:
        again[_KIND] = "span"
    return msgspec.structs.replace(span, **again)


def _events(own: Span, heard: Span) -> str:
    """The span's own events, then those of logs that nobody read otherwise."""
    if not heard.events and _FROM_LOG not in own.events:
        return own.events
    rows = [row for row in _rows(own.events) if _FROM_LOG not in row]
    rows += [{**row, _FROM_LOG: True} for row in _rows(heard.events)]
    return bounded(encoded(rows))[0]


def _rows(text: str) -> list[dict[str, Any]]:
    rows = parsed(text) if text else None
    found = cast("list[object]", rows) if isinstance(rows, list) else []
    return [cast("dict[str, Any]", row) for row in found if isinstance(row, dict)]
