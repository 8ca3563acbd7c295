"""What a span's attributes mean, by whatever convention it was written. Pure, and never raises.

`resolve` names every step. Which name wins is data: `conventions.names`. What can't be read stays in
`attributes` as it came, with a flag where it matters.

Flags: `usage_inconsistent`, `usage_unreadable`, `cost_inconsistent`, `cost_unreadable`,
`first_token_unreadable`; `indexed_cut` where indexed attributes are more, or deeper, than are put together;
and of what was too long `input_cut`, `output_cut`, `system_cut`, `tools_cut`, `documents_cut`,
`parameters_cut`, `attributes_cut`, `events_cut`, `links_cut`, `resource_cut`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast

import msgspec

from headgate.traces.conventions.content import content_of, json_of, system_of
from headgate.traces.conventions.cost import reported_cost
from headgate.traces.conventions.happened import Happened, happened, told
from headgate.traces.conventions.kinds import OPERATIONS, OWN_KIND, kind_of
from headgate.traces.conventions.names import ORDERS
from headgate.traces.conventions.parameters import PARAMETER_NAMES
from headgate.traces.conventions.providers import provider_of
from headgate.traces.conventions.said import Said
from headgate.traces.conventions.scores import SCORES_MAX, annotated
from headgate.traces.conventions.texts import bounded, decoded, encoded, parsed, short_text
from headgate.traces.conventions.tokens import usage_of
from headgate.traces.model import Kind, RawSpan, Span, Status

TAGS_MAX: Final = 50
REASONS_MAX: Final = 16
NAME_MAX: Final = 500
_MESSAGE_MAX: Final = 2_000
_SMALL: Final = 65_536
"""Characters of parameters, of a resource, or of links."""
_FIRST_TOKEN_MS_MAX: Final = 86_400_000.0

_NOTHING: Final = Happened()


def resolve(raw: RawSpan) -> Span:
    """Read a span's names, whoever wrote them."""
    events = happened(raw.events) if raw.events else _NOTHING
    said = Said({**events.details, **raw.attributes} if events.details else raw.attributes)
    for _, name, value in said.each("events"):
        events = happened(raw.events) if events is _NOTHING else events
        if told(events, value):
            said.take(name)
    kind = kind_of(said.words("kind"), raw.name, said.names)
    said.take(OWN_KIND)
    output = content_of(said, "output", kind, events.output)
    usage, usage_raw = usage_of(said)
    cost = reported_cost(said)
    reasons = said.texts("finish_reasons", REASONS_MAX)
    status, status_message = _status(raw, said, events)
    entity = said.text("entity") if kind in ("agent", "tool") else ""
    parameters, model_asked = _parameters(said)
    request_model = said.text("request_model") or model_asked
    return Span(
        trace_id=raw.trace_id,
        span_id=raw.span_id,
        parent_id=raw.parent_id,
        name=raw.name[:NAME_MAX],
        kind=kind,
        start_ns=raw.start_ns,
        end_ns=raw.end_ns,
        status=status,
        status_message=status_message,
        operation=said.text("operation") or OPERATIONS.get(kind, ""),
        provider=provider_of(said.text("provider")),
        model=said.text("model") or request_model,
        request_model=request_model,
        response_id=said.text("response_id") or _answered_id(kind, said),
        agent=said.text("agent") or (entity if kind == "agent" else ""),
        tool=said.text("tool") or (entity if kind == "tool" else ""),
        user=said.text("user"),
        session=said.text("session"),
        tags=said.texts("tags", TAGS_MAX),
        release=said.text("release") or _of_resource(raw.resource, "release"),
        environment=said.text("environment") or _of_resource(raw.resource, "environment"),
        service=_of_resource(raw.resource, "service"),
        prompt=said.text("prompt"),
        prompt_version=said.text("prompt_version"),
        usage=usage,
        usage_raw=usage_raw,
        cost_pico_usd=cost,
        cost_source="" if cost is None else "reported",
        first_token_ms=_first_token_ms(raw, said, events),
        finish_reasons=reasons or _finished(output),
        input=content_of(said, "input", kind, events.input),
        output=output,
        system=system_of(said),
        tools=json_of(said, "tools"),
        parameters=parameters,
        documents=json_of(said, "documents"),
        scores=(*events.scores, *annotated(said))[:SCORES_MAX],
        trace_name=said.text("trace_name"),
        convention=said.convention(raw.scope),
        **_kept(raw, said, events),
    )


class _Known(msgspec.Struct):
    id: str = ""


class _Answered(msgspec.Struct):
    id: str = ""
    llm_output: _Known | None = None


_answered = msgspec.json.Decoder(_Answered).decode


def _answered_id(kind: Kind, said: Said) -> str:
    """The provider's id of an answer that OpenInference keeps whole, in no attribute of its own."""
    body = said.names.get("output.value")
    if kind != "llm" or type(body) is not str or body[:1] != "{":
        return ""
    try:
        found = _answered(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    return short_text(found.id or (found.llm_output.id if found.llm_output else "")) or ""


def _status(raw: RawSpan, said: Said, events: Happened) -> tuple[Status, str]:
    level = said.text("level")
    status: Status = "error" if level == "ERROR" and raw.status == "unset" else raw.status
    message = raw.status_message or said.text("status_message", _MESSAGE_MAX)
    if status == "error":
        message = message or events.exception
    return status, message[:_MESSAGE_MAX]


def _of_resource(resource: Mapping[str, Any], meaning: str) -> str:
    for name in ORDERS[meaning]:
        if found := short_text(resource.get(name)):
            return found
    return ""


def _first_token_ms(raw: RawSpan, said: Said, events: Happened) -> float | None:
    """Milliseconds from a span's begin to its first token: as told, or from the time of an event."""
    seconds = said.number("first_token_s")
    found = said.number("first_token_ms") if seconds is None else seconds * 1000
    if found is None and (moment := said.text("first_token_at")):
        try:
            found = (datetime.fromisoformat(moment).timestamp() * 1e9 - raw.start_ns) / 1e6
            said.take("langfuse.observation.completion_start_time")
        except (ValueError, OverflowError):
            said.flag("first_token_unreadable")
    if found is None and events.first_token_ns is not None:
        found = (events.first_token_ns - raw.start_ns) / 1e6
    if found is None or not 0 <= found <= _FIRST_TOKEN_MS_MAX:
        return None
    return round(found, 3)


def _finished(output: str) -> tuple[str, ...]:
    """The finish reasons of an output's messages."""
    if '"finish_reason"' not in output:
        return ()
    messages = parsed(output)
    rows = cast("list[object]", messages) if isinstance(messages, list) else []
    fields = [cast("Mapping[str, Any]", row) for row in rows if isinstance(row, dict)]
    found = [reason for row in fields if (reason := short_text(row.get("finish_reason")))]
    return tuple(dict.fromkeys(found))[:REASONS_MAX]


def _parameters(said: Said) -> tuple[str, str]:
    """One JSON object of all parameters, empty where none are told; and the model that stands among them."""
    found: dict[str, Any] = {}
    for _, name, value in said.each("parameter"):
        found.setdefault(PARAMETER_NAMES[name], value)
        said.take(name)
    for _, name, value in said.each("parameter_set"):
        members = decoded(value)
        if isinstance(members, dict):
            said.take(name)
            for parameter, setting in cast("Mapping[str, Any]", members).items():
                found.setdefault(parameter, setting)
    if not found:
        return "", ""
    # The model is told by itself, and what went in by `input`.
    kept = {name: value for name, value in found.items() if name not in _NO_PARAMETERS}
    return _small(said, "parameters", kept) if kept else "", short_text(found.get("model")) or ""


_NO_PARAMETERS: Final = frozenset({"model", "messages", "input", "tools"})


def _small(said: Said, what: str, value: object) -> str:
    text, cut = bounded(encoded(value), _SMALL)
    if cut:
        said.flag(f"{what}_cut")
    return text


def _kept(raw: RawSpan, said: Said, events: Happened) -> dict[str, Any]:
    """What nobody took, as it came, as JSON."""
    rest = said.rest()
    attributes, cut = bounded(encoded(rest)) if rest else ("", False)
    if cut:
        said.flag("attributes_cut")
    happened_text = ""
    if events.kept:
        rows = [
            {"name": event.name, "at_ns": event.at_ns, "attributes": event.attributes}
            for event in events.kept
        ]
        happened_text, cut = bounded(encoded(rows))
        if cut:
            said.flag("events_cut")
    links = [
        {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex(), "attributes": link.attributes}
        for link in raw.links
    ]
    return {
        "attributes": attributes,
        "events": happened_text,
        "links": _small(said, "links", links) if links else "",
        "resource": _small(said, "resource", raw.resource) if raw.resource else "",
        "scope": f"{raw.scope} {raw.scope_version}".strip()[:NAME_MAX],
        "flags": tuple(said.flags),
    }
