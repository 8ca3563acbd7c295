"""What stays of spans, log events and metrics where no content is recorded: names, numbers and times. Pure.

The list says what stays, so that what is new stays out until somebody says that it may. It is asked before
the journal: what it leaves out was never on disk. Read next: `otlp.decoding`, `access.model.RecordMode`.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from headgate.traces.model import ScoreSaid, Span

_RESOURCE: Final = ("service.", "telemetry.", "deployment.")
_LINKED: Final = ("trace_id", "span_id")
_HAPPENED: Final = ("name", "at_ns")
_NAMES: Final = frozenset(
    {
        *("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.system", "gen_ai.output.type"),
        *("gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id", "gen_ai.token.type"),
        *("gen_ai.agent.name", "gen_ai.agent.id", "gen_ai.tool.name", "gen_ai.tool.type"),
        *("gen_ai.response.finish_reasons", "error.type", "server.address"),
        *("service.name", "service.version", "deployment.environment.name"),
    }
)
"""What log events and metrics may say in words: what was called, and by what."""
_NAME_CHARACTERS_MAX: Final = 200


def without_content(span: Span) -> Span:
    """Return a span without messages, arguments, results, texts of errors, or any text of its attributes.

    Parameters, attributes and scores keep their numbers; events and links their names, times and ids.
    """
    return Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_id,
        name=span.name,
        kind=span.kind,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        status=span.status,
        operation=span.operation,
        provider=span.provider,
        model=span.model,
        request_model=span.request_model,
        response_id=span.response_id,
        agent=span.agent,
        tool=span.tool,
        user=span.user,
        session=span.session,
        tags=span.tags,
        release=span.release,
        environment=span.environment,
        service=span.service,
        prompt=span.prompt,
        prompt_version=span.prompt_version,
        usage=span.usage,
        cost_pico_usd=span.cost_pico_usd,
        cost_source=span.cost_source,
        first_token_ms=span.first_token_ms,
        finish_reasons=span.finish_reasons,
        flags=span.flags,
        parameters=_numbers(span.parameters),
        scores=tuple([bare_score(score) for score in span.scores if score.value is not None]),
        attributes=_numbers(span.attributes),
        events=_rows(span.events, _HAPPENED),
        links=_rows(span.links, _LINKED),
        resource=_resource(span.resource),
        scope=span.scope,
        convention=span.convention,
        trace_name=span.trace_name,
    )


def bare_score(score: ScoreSaid) -> ScoreSaid:
    """Return a score without what it says in words."""
    return ScoreSaid(name=score.name, value=score.value, source=score.source)


def bare_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a log event or metric that are numbers, or names of what was called."""
    return {name: value for name, value in fields.items() if _is_number(value) or _is_name(name, value)}


def _is_name(name: str, value: object) -> bool:
    if isinstance(value, list):
        return all(_is_name(name, each) for each in cast("list[object]", value))
    return name in _NAMES and isinstance(value, str) and len(value) <= _NAME_CHARACTERS_MAX


def _is_number(value: object) -> bool:
    return isinstance(value, (bool, int, float))


def _numbers(text: str) -> str:
    """Return the members of a JSON object that are numbers, or true or false."""
    return _text({name: value for name, value in _members(text) if _is_number(value)})


def _resource(text: str) -> str:
    """Return which service it was: what a resource says of machines may name people."""
    return _text(
        {
            name: value
            for name, value in _members(text)
            if name.startswith(_RESOURCE) and isinstance(value, (bool, int, float, str))
        }
    )


def _rows(text: str, names: tuple[str, ...]) -> str:
    """Return these members alone of each object of a JSON list."""
    found = _read(text)
    rows = cast("list[object]", found) if isinstance(found, list) else []
    objects = [cast("Mapping[str, Any]", row) for row in rows if isinstance(row, dict)]
    kept = [{name: row[name] for name in names if name in row} for row in objects]
    return msgspec.json.encode(kept).decode() if kept else ""


def _members(text: str) -> list[tuple[str, Any]]:
    found = _read(text)
    return list(cast("dict[str, Any]", found).items()) if isinstance(found, dict) else []


def _read(text: str) -> object:
    """Return what JSON says; None where it was cut, so that nothing of it stays."""
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _text(members: Mapping[str, Any]) -> str:
    return msgspec.json.encode(members).decode() if members else ""
