"""Settings, thinking and the form of the output, written for Bedrock. Pure.

What it has no word of its own for, it passes on to the model as `additionalModelRequestFields`. Read next:
`calls`.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import ChatCall, Fields
from headgate.core.quirks import Quirks
from headgate.wire.dialects.bedrock.parts_in import OWN
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode, put_native
from headgate.wire.dialects.sampling import taken
from headgate.wire.dialects.schemas import fitted as fitted_schema
from headgate.wire.dialects.thinking import fitted as fitted_thinking

TAKEN: Final = frozenset({"temperature", "top_p", "top_k", "stop"})
TOP_P_MIN: Final = 0.95
"""Of a model of Anthropic's that thinks within a budget."""


def write_settings(call: ChatCall, quirks: Quirks, changes: Changes, extra: Fields) -> Fields:
    """The `inferenceConfig` of a call; `extra` takes what has no word there."""
    sampling = taken(call.sampling, quirks, TAKEN, changes, {})
    settings: Fields = {}
    limit = call.max_output if call.max_output is not None else quirks.output_limit_default
    if call.dialect == OWN:
        limit = call.max_output
    if limit is not None:
        settings["maxTokens"] = limit
    if call.max_output is None and limit is not None:
        changes.note("max_tokens", f"the call names no limit of its output, and got {limit}")
    if sampling.temperature is not None:
        settings["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        settings["topP"] = sampling.top_p
    if sampling.stop:
        settings["stopSequences"] = list(sampling.stop)
    if sampling.top_k is not None:
        _put_inside(extra, quirks.top_k_field, sampling.top_k)
    return settings


def _put_inside(extra: Fields, path: str, value: object) -> None:
    """Put a value where a path of dots says, into objects that may hold more already."""
    *outer, name = path.split(".")
    inner = extra
    for step in outer:
        found = inner.get(step)
        known = cast("Fields", found) if isinstance(found, dict) else {}
        inner[step] = inner = dict(known)
    inner[name] = value


def put_thinking(call: ChatCall, quirks: Quirks, changes: Changes, settings: Fields, extra: Fields) -> None:
    """Put how much to think among what Bedrock passes on to a model as it is."""
    if call.thinking is None:
        return
    put_native({}, call.thinking.native, OWN, changes, "thinking")
    limit = settings.get("maxTokens")
    asked = fitted_thinking(
        call.thinking, quirks, limit if isinstance(limit, int) else None, changes, "thinking"
    )
    if asked is None:
        return
    if quirks.thinking == "budget":
        tokens = asked.budget_tokens
        if tokens is not None:
            extra["thinking"] = (
                {"type": "enabled", "budget_tokens": tokens} if tokens else {"type": "disabled"}
            )
            _check_top_p(settings, tokens, changes)
        return
    if asked.effort is not None:
        _put_effort(asked.effort, quirks, extra)


def _check_top_p(settings: Fields, tokens: int, changes: Changes) -> None:
    top_p = settings.get("topP")
    if tokens and isinstance(top_p, int | float) and top_p < TOP_P_MIN:
        changes.alter("top_p", f"a model that thinks takes none below {TOP_P_MIN}")
        del settings["topP"]


def _put_effort(effort: str, quirks: Quirks, extra: Fields) -> None:
    is_off = effort == "none"
    match quirks.thinking:
        case "adaptive":
            extra["thinking"] = {"type": "disabled" if is_off else "adaptive"}
            if not is_off:
                extra["output_config"] = {"effort": effort}
        case "level":
            extra["reasoningConfig"] = {"type": "disabled"}
            if not is_off:
                extra["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": effort}
        case _:
            extra["reasoning_effort"] = effort


def write_output(call: ChatCall, quirks: Quirks, changes: Changes) -> Fields | None:
    """The `outputConfig` of a call, whose schema is a text (44); None where it asks for no form."""
    output = call.output
    if output is None or output.kind == "text":
        return None
    if output.kind == "json" or output.schema is None:
        changes.alter("response_format", "Bedrock has no mode for JSON without a schema")
        return None
    if call.dialect != OWN and quirks.schema != "native":
        changes.alter("response_format", "the model is not held to a JSON schema")
        return None
    schema = fitted_schema(output.schema, quirks.schema_subset, changes, "response_format.schema")
    kept = output.native.fields.get("schema") if output.native is not None else None
    is_kept = call.dialect == OWN and isinstance(kept, str) and decode(kept) == schema
    text = kept if is_kept else msgspec.json.encode(schema).decode()
    definition: Fields = {}
    if output.name is not None:
        definition["name"] = output.name
    if output.description is not None:
        definition["description"] = output.description
    put_native(definition, output.native, OWN, changes, "response_format")
    definition["schema"] = text
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}
