"""The effective value of each parameter of a call, and where it came from. Pure.

Sources are `caller`, `code path:line`, `library source path:line`, `rule NAME@VERSION`,
`prompt NAME@VERSION`, `alias NAME`, `budget`, and `default`: what the provider documents for a parameter that
was not sent. Read next: `records.queries`, `wire.parameters`, `catalog.defaults`.
"""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from headgate.catalog.defaults import defaults_of
from headgate.core.call import Dialect
from headgate.wire.parameters import CONTENT, NAMES, PARAMETERS

_ITEM: Final = re.compile(r"^requests\[\d+\]\.")
_NAMES_IN_CODE: Final[Mapping[str, str]] = {
    "max_tokens": "max_output",
    "max_completion_tokens": "max_output",
    "max_output_tokens": "max_output",
    "max_new_tokens": "max_output",
    "maxOutputTokens": "max_output",
    "stop_sequences": "stop",
    "topP": "top_p",
    "topK": "top_k",
    "budget_tokens": "reasoning_budget",
    "embedding_dims": "dimensions",
    "embedding_dim": "dimensions",
    "embedding_size": "dimensions",
    "embedding_dimensions": "dimensions",
    "embedding_model_dims": "dimensions",
}


class EffectiveParameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One parameter as the provider took it. `value` is null where it was taken away; `before` is what the
    caller had sent, where that is another value."""

    name: str
    value: Any
    source: str
    before: Any = msgspec.UNSET


class CallFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a call's parameters: those in the body, what changed them, and its matched prompts."""

    dialect: str
    operation: str
    model: str
    """The one that answered, without its provider."""
    sent: Mapping[str, Any] | None
    """By canonical name; None where nothing tells them."""
    overrides: Sequence[Mapping[str, Any]] = ()
    prompts: Sequence[Mapping[str, Any]] = ()
    settings: Sequence["CodeSettings"] = ()


class CodeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters that are hard-coded in a source of the catalogue."""

    source: str
    kind: str
    parameters: Sequence[Mapping[str, Any]]


def effective_parameters(call: CallFacts) -> list[EffectiveParameter]:
    """Return every parameter that is known to have held, by name; none where no parameters are on record."""
    if call.sent is None:
        return []
    sent = dict(call.sent)
    sources: dict[str, str] = {}
    before: dict[str, Any] = {}
    for override in call.overrides:
        name = _name_of(call.dialect, str(override.get("field", "")))
        if name is None:
            continue
        sources[name] = str(override.get("source", ""))
        before.setdefault(name, override.get("before", msgspec.UNSET))
        # Taken away, or changed after the body was kept: a limit differs from target to target.
        if name not in call.sent or sources[name].startswith(("alias ", "budget")):
            sent[name] = override.get("after")
    found = [
        EffectiveParameter(
            name=name,
            value=value,
            source=sources.get(name) or _written(call, name, value) or "caller",
            before=msgspec.UNSET if before.get(name) == value else before.get(name, msgspec.UNSET),
        )
        for name, value in sent.items()
    ]
    defaults = defaults_of(call.dialect, call.operation, call.model)
    found += (
        EffectiveParameter(name=name, value=value, source="default")
        for name, value in defaults.items()
        if name not in sent
    )
    return sorted(found, key=_place)


def _place(parameter: EffectiveParameter) -> tuple[int, str]:
    names = list(PARAMETERS)
    return (names.index(parameter.name) if parameter.name in PARAMETERS else len(names), parameter.name)


def _name_of(dialect: str, field: str) -> str | None:
    """The canonical name, or own path, of a field that an override changed; None for what is no parameter."""
    path = _ITEM.sub("", field)
    if re.split(r"[.\[]", path)[0] in CONTENT:
        return None
    return NAMES[cast("Dialect", dialect)].get(path, path) if dialect in NAMES else path


def _written(call: CallFacts, name: str, value: object) -> str | None:
    """Where the value is written beside a prompt that the call was made of."""
    for settings, path in _beside(call):
        for each in settings.parameters:
            own = str(each.get("name", ""))
            if path not in (None, each.get("path")) or name not in (own, _NAMES_IN_CODE.get(own)):
                continue
            if _is_written_as(value, str(each.get("value", ""))):
                place = f"{each.get('path')}:{each.get('line')}"
                return f"library {settings.source} {place}" if settings.kind == "library" else f"code {place}"
    return None


def _beside(call: CallFacts) -> Iterable[tuple[CodeSettings, str | None]]:
    """Where to look, the nearest first: the file of a matched prompt, then anything of its source."""
    matched = [prompt for prompt in call.prompts if prompt.get("kind") == "code"]
    for anywhere in (False, True):
        for prompt in matched:
            path = None if anywhere else str(prompt.get("name", "")).rpartition(":")[0]
            for settings in call.settings:
                if settings.source == prompt.get("source"):
                    yield settings, path


def _is_written_as(value: object, written: str) -> bool:
    try:
        said = cast("object", ast.literal_eval(written))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        said = written
    if isinstance(value, bool) or isinstance(said, bool):
        return value is said
    return value == said or value == [said]
