"""Google's generationConfig, read and written: sampling, limits, thinking and the form of the output.

Members without a word of ours (speech and image configs, modalities, media resolution) stay beside the call,
each under its path. Pure. Source: Gemini API reference, `GenerationConfig`. Read next: `calls`.
"""

from typing import Final, Literal

import msgspec

from headgate.core.chat import Fields, OutputFormat, Sampling, Thinking
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode
from headgate.wire.dialects.google.openapi import json_schema_of
from headgate.wire.dialects.google.spelling import (
    Members,
    flags_of,
    own_fields,
    payload_of,
    spelled,
)
from headgate.wire.dialects.sampling import taken
from headgate.wire.dialects.schemas import fitted as fitted_schema
from headgate.wire.dialects.thinking import fitted as fitted_thinking

_encode = msgspec.json.Encoder().encode

JSON: Final = "application/json"
STOPS_MAX: Final = 5
"""How many stop sequences Google takes."""

_NAMES: Final = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "choices": "candidateCount",
    "stop": "stopSequences",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "seed": "seed",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""Google's names of sampling settings; it knows no others."""

_LEVELS: Final = frozenset({"minimal", "low", "medium", "high", "xhigh"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a generationConfig says in our words; what it says beyond them is left in its members."""

    sampling: Sampling
    max_output: int | None
    thinking: Thinking | None
    output: OutputFormat | None


def read_settings(members: Members) -> Settings:
    """Read a generationConfig."""
    stop = members.left.get(members.key("stopSequences"))
    sampling = Sampling(
        temperature=members.number("temperature"),
        top_p=members.number(members.key("topP")),
        top_k=members.natural(members.key("topK")),
        frequency_penalty=members.number(members.key("frequencyPenalty")),
        presence_penalty=members.number(members.key("presencePenalty")),
        seed=members.natural("seed"),
        stop=tuple(members.texts(members.key("stopSequences")) or ()) if stop else (),
        choices=members.natural(members.key("candidateCount")),
        logprobs=members.flag(members.key("responseLogprobs")),
        top_logprobs=members.natural("logprobs"),
    )
    return Settings(
        sampling=sampling,
        max_output=members.natural(members.key("maxOutputTokens")),
        thinking=_read_thinking(members),
        output=_read_output(members),
    )


def _read_thinking(outer: Members) -> Thinking | None:
    fields = outer.object(outer.key("thinkingConfig"))
    if fields is None:
        return None
    members = Members(fields)
    key = members.key("thinkingLevel")
    level = members.left.get(key)
    effort: str | None = None
    if isinstance(level, str) and level.lower() in _LEVELS and level in (level.lower(), level.upper()):
        effort = level.lower()
        del members.left[key]
        if level != effort:
            members.flags.append("upper")
    key = members.key("thinkingBudget")
    budget = members.natural(key)
    if budget is not None and budget < 0:
        # As much as the model finds right, which is what leaving it open means.
        if budget == -1:
            members.flags.append("dynamic")
        else:
            members.left[key] = budget
        budget = None
    shown = members.flag(members.key("includeThoughts"))
    return Thinking(effort=effort, budget_tokens=budget, is_shown=shown, native=members.shaped())


def _read_output(outer: Members) -> OutputFormat | None:
    kind_key = outer.key("responseMimeType")
    mime = outer.left.get(kind_key)
    if mime is not None and mime not in (JSON, "text/plain"):
        return None
    own = Members({})
    json_key = outer.key("responseJsonSchema")
    schema = None if mime == "text/plain" else outer.object(json_key)
    payload = ""
    if schema is not None:
        own.flags.append("json")
    elif mime != "text/plain":
        given = outer.object(outer.key("responseSchema"))
        if given is not None:
            own.flags.append("openapi")
            schema = json_schema_of(given)
            payload = _encode(given).decode() if schema != given else ""
    if mime is not None:
        del outer.left[kind_key]
        own.flags.append("mime")
    if schema is not None:
        return OutputFormat(kind="schema", schema=schema, native=own.shaped(payload))
    if mime is None:
        return None
    return OutputFormat(kind="json" if mime == JSON else "text", native=own.shaped())


def write_own(settings: Settings, flags: frozenset[str]) -> Fields:
    """A generationConfig as it was read, but for the members that stayed beside the call."""
    fields: Fields = {}
    for word, name in _NAMES.items():
        value: object = getattr(settings.sampling, word)
        if value is not None and value != ():
            fields[_name(name, flags)] = value
    if settings.max_output is not None:
        fields[spelled(flags, "maxOutputTokens")] = settings.max_output
    if settings.thinking is not None:
        fields[spelled(flags, "thinkingConfig")] = _own_thinking(settings.thinking)
    if settings.output is not None:
        fields.update(_own_output(settings.output, flags))
    return fields


def _name(name: str, flags: frozenset[str]) -> str:
    return name if name.islower() else spelled(flags, name)


def _own_thinking(thinking: Thinking) -> Fields:
    flags = flags_of(thinking.native)
    fields: Fields = {}
    if thinking.effort is not None:
        level = thinking.effort.upper() if "upper" in flags else thinking.effort
        fields[spelled(flags, "thinkingLevel")] = level
    if thinking.budget_tokens is not None or "dynamic" in flags:
        budget = -1 if thinking.budget_tokens is None else thinking.budget_tokens
        fields[spelled(flags, "thinkingBudget")] = budget
    if thinking.is_shown is not None:
        fields[spelled(flags, "includeThoughts")] = thinking.is_shown
    return {**fields, **own_fields(thinking.native)}


def _own_output(output: OutputFormat, flags: frozenset[str]) -> Fields:
    own = flags_of(output.native)
    fields: Fields = {}
    if "mime" in own:
        fields[spelled(flags, "responseMimeType")] = "text/plain" if output.kind == "text" else JSON
    if output.kind == "schema":
        payload = payload_of(output.native)
        schema: object = decode(payload) if payload else output.schema
        name: Literal["responseSchema", "responseJsonSchema"] = (
            "responseSchema" if "openapi" in own else "responseJsonSchema"
        )
        fields[spelled(flags, name)] = schema
    return fields


def write_settings(settings: Settings, quirks: Quirks, changes: Changes) -> Fields:
    """A generationConfig for a call that came in another dialect."""
    fields: Fields = {}
    sampling = taken(settings.sampling, quirks, frozenset(_NAMES), changes, {})
    for word, name in _NAMES.items():
        value: object = getattr(sampling, word)
        if value is not None and value != ():
            fields[name] = value
    if len(sampling.stop) > STOPS_MAX:
        fields["stopSequences"] = sampling.stop[:STOPS_MAX]
        changes.alter("stop", f"google takes {STOPS_MAX} stop sequences, the first of them are sent")
    if settings.max_output is not None:
        fields["maxOutputTokens"] = settings.max_output
    thinking = _thinking_config(settings, quirks, changes)
    if thinking:
        fields["thinkingConfig"] = thinking
    if settings.output is not None:
        fields.update(_output_fields(settings.output, quirks, changes))
    return fields


def _thinking_config(settings: Settings, quirks: Quirks, changes: Changes) -> Fields:
    asked = settings.thinking
    found = fitted_thinking(asked, quirks, settings.max_output, changes, "thinking")
    fields: Fields = {}
    if found is None:
        return fields
    if found.budget_tokens is not None:
        fields["thinkingBudget"] = found.budget_tokens
    elif found.effort == "none":
        # Models that are told by level always think; of this one it is not known how little it can.
        if quirks.thinking == "level":
            changes.alter("thinking", "the model always thinks: it is asked for as little as it can")
            fields["thinkingLevel"] = "minimal"
        else:
            fields["thinkingBudget"] = 0
    elif found.effort is not None:
        fields["thinkingLevel"] = found.effort if found.effort in _LEVELS else "medium"
    if found.is_shown is not None and found.effort != "none" and found.budget_tokens != 0:
        fields["includeThoughts"] = found.is_shown
    return fields


def _output_fields(output: OutputFormat, quirks: Quirks, changes: Changes) -> Fields:
    if output.kind == "text":
        return {}
    if output.kind == "json" or output.schema is None:
        return {"responseMimeType": JSON}
    if output.name is not None or output.description is not None:
        changes.lose("response_format", "a schema has no name of its own")
    if quirks.schema != "native":
        changes.alter("response_format", "the model is not held to a schema")
        return {"responseMimeType": JSON}
    schema = fitted_schema(output.schema, quirks.schema_subset, changes, "response_format.schema")
    name = "responseSchema" if quirks.schema_subset == "openapi" else "responseJsonSchema"
    return {"responseMimeType": JSON, name: schema}
