"""A stored span as attributes: by OpenTelemetry's names, and what nobody read under its own.

Whoever reads these with `conventions.resolve` gets the same span. A name that would win over one that is
written here is left out, since what it said is said. Pure. Read next: `conventions.names`.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, cast

import msgspec

from headgate.traces.conventions.kinds import OWN_KIND
from headgate.traces.conventions.messages import in_shape
from headgate.traces.conventions.names import ORDERS
from headgate.traces.conventions.parameters import PARAMETER_NAMES
from headgate.traces.conventions.texts import decoded, parsed
from headgate.traces.exporting.model import StoredSpan
from headgate.traces.sending.spans import usage_attributes

NAMES: Final[Mapping[str, str]] = {
    "operation": "gen_ai.operation.name",
    "provider": "gen_ai.provider.name",
    "request_model": "gen_ai.request.model",
    "model": "gen_ai.response.model",
    "response_id": "gen_ai.response.id",
    "agent": "gen_ai.agent.name",
    "tool": "gen_ai.tool.name",
    "user": "user.id",
    "session": "session.id",
    "tags": "tag.tags",
    "release": "service.version",
    "environment": "deployment.environment.name",
    "prompt": "gen_ai.prompt.name",
    "prompt_version": "gen_ai.prompt.version",
    "finish_reasons": "gen_ai.response.finish_reasons",
}
"""By the column, whose name is that of its meaning."""
TRACE_NAME: Final = "trace.name"

_MESSAGES: Final = {"input": "gen_ai.input.messages", "output": "gen_ai.output.messages"}
_OF_TOOL: Final = {"input": "gen_ai.tool.call.arguments", "output": "gen_ai.tool.call.result"}
_VALUE: Final = {"input": "input.value", "output": "output.value"}
_OF_RESOURCE: Final = frozenset({"release", "environment"})
_PARAMETERS: Final[Mapping[str, str]] = {
    parameter: name for name, parameter in reversed(list(PARAMETER_NAMES.items()))
}
_OTHER_PARAMETERS: Final = "llm.invocation_parameters"
_OTHER_ATTRIBUTES: Final = "headgate.attributes"


def attributes_of(span: StoredSpan, details: Mapping[str, Any], trace_name: str = "") -> dict[str, Any]:
    """Return what a span says: `details` are its own, read; `trace_name` is what it calls its trace."""
    said: dict[str, Any] = {OWN_KIND: span.kind}
    written: dict[str, str] = {}
    resource: Any = details.get("resource")
    for meaning, name in NAMES.items():
        value = getattr(span, meaning)
        if value and not (meaning in _OF_RESOURCE and _stands_in(resource, meaning, value)):
            written[meaning] = name
            said[name] = value
    for meaning, name, text in (
        ("input", _content_name(span, "input", span.input), span.input),
        ("output", _content_name(span, "output", span.output), span.output),
        ("system", "gen_ai.system_instructions", span.system),
        ("tools", "gen_ai.tool.definitions", _text(details.get("tools"))),
        ("documents", "gen_ai.retrieval.documents", _text(details.get("documents"))),
    ):
        if text:
            written[meaning] = name
            said[name] = _scalar(text)
    said |= _parameters(decoded(details.get("parameters")))
    said |= _usage(span, details.get("usage_raw"))
    if span.cost_usd is not None and span.cost_source == "reported":
        said["gen_ai.usage.cost"] = _amount(span.cost_usd)
    if span.first_token_ms is not None:
        said["gen_ai.response.time_to_first_chunk"] = span.first_token_ms / 1000
    if trace_name:
        said[TRACE_NAME] = trace_name
    return {**_rest(span.attributes, written), **said}


def _content_name(span: StoredSpan, meaning: str, text: str) -> str:
    if span.kind == "tool":
        return _OF_TOOL[meaning]
    return (_MESSAGES if in_shape(text) else _VALUE)[meaning]


def _stands_in(resource: Any, meaning: str, value: str) -> bool:
    return isinstance(resource, dict) and any(
        cast("Mapping[str, Any]", resource).get(name) == value for name in ORDERS[meaning]
    )


def _text(value: object) -> str:
    """A detail as JSON text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _scalar(text: str) -> Any:
    """A number or truth as itself, since the digits of one would be read as text; all else as its JSON."""
    if text[:1] in '[{"':
        return text
    value = parsed(text)
    return text if value is None else value


def _parameters(members: object) -> dict[str, Any]:
    if not isinstance(members, dict):
        return {}
    found: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for parameter, value in cast("Mapping[str, Any]", members).items():
        name = _PARAMETERS.get(parameter)
        if name is None:
            others[parameter] = value
        else:
            found[name] = value
    if others:
        found[_OTHER_PARAMETERS] = msgspec.json.encode(others).decode()
    return found


def _usage(span: StoredSpan, told: object) -> dict[str, Any]:
    """Tokens as they were told, else by the current conventions."""
    told = decoded(told)
    if isinstance(told, dict) and told:
        counts = cast("Mapping[str, Any]", told)
        return {name: _text(value) if not isinstance(value, int) else value for name, value in counts.items()}
    usage = span.tokens
    if usage is None:
        return {}
    return {name: count for name, count in usage_attributes(usage).items() if count is not None}


def _amount(usd: Decimal) -> float | str:
    """An amount as a number, where that says it exactly."""
    number = float(usd)
    return number if Decimal(repr(number)) == usd else str(usd)


def _rest(text: str, written: Mapping[str, str]) -> dict[str, Any]:
    """What nobody read, as it came, under its own names."""
    if not text:
        return {}
    found = parsed(text)
    if not isinstance(found, dict):
        return {_OTHER_ATTRIBUTES: text}
    rest = cast("dict[str, Any]", found)
    for meaning, name in written.items():
        stronger = ORDERS[meaning][: ORDERS[meaning].index(name)]
        for other in stronger:
            value = rest.pop(other, None)
            if isinstance(value, dict | list):
                rest[f"{other}.rest"] = value
    return rest
