"""Sampling, thinking and the form of the output, in Cohere's members, both ways. Pure.

Source: Cohere API reference (chat, version 2). Read next: `calls`.
"""

from typing import Final, cast

from headgate.core.chat import ChatCall, Fields, OutputFormat, Sampling, Thinking, ToolChoice
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.cohere.parts_in import OWN
from headgate.wire.dialects.cohere.tools import choice_of
from headgate.wire.dialects.fields import Taking, put_native, shape_of
from headgate.wire.dialects.sampling import taken
from headgate.wire.dialects.schemas import fitted as fitted_schema
from headgate.wire.dialects.thinking import fitted as fitted_thinking

SAMPLING: Final = {
    "temperature": "temperature",
    "top_p": "p",
    "top_k": "k",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop": "stop_sequences",
    "logprobs": "logprobs",
}
"""Our words for settings, and Cohere's members."""
NO_STREAM: Final = "stream:false"
ENABLED: Final = "enabled"
DISABLED: Final = "disabled"


def take_choice(taking: Taking) -> ToolChoice | None:
    """Take whether tools are called."""
    found = choice_of(taking.left.get("tool_choice"))
    if found is not None:
        del taking.left["tool_choice"]
    return found


def take_sampling(taking: Taking) -> Sampling:
    """Take how tokens are chosen."""
    stop = taking.texts("stop_sequences") if taking.left.get("stop_sequences") else None
    return Sampling(
        temperature=taking.number("temperature"),
        top_p=taking.number("p"),
        top_k=taking.whole("k"),
        frequency_penalty=taking.number("frequency_penalty"),
        presence_penalty=taking.number("presence_penalty"),
        seed=taking.whole("seed"),
        stop=tuple(stop or ()),
        logprobs=taking.flag("logprobs"),
    )


def take_thinking(taking: Taking) -> Thinking | None:
    """Take how much to think: switched on, with a budget of tokens, or off."""
    held = taking.left.get("thinking")
    inner = Taking(cast("Fields", held) if isinstance(held, dict) else {})
    kind = inner.left.pop("type", None)
    if kind != ENABLED and kind != DISABLED:
        return None
    del taking.left["thinking"]
    is_off = kind == DISABLED
    tokens = 0 if is_off else inner.whole("token_budget")
    return Thinking(budget_tokens=tokens, native=inner.native(OWN, DISABLED if is_off else ENABLED))


def take_format(taking: Taking) -> OutputFormat | None:
    """Take `response_format`."""
    held = taking.left.get("response_format")
    inner = Taking(cast("Fields", held) if isinstance(held, dict) else {})
    kind = inner.left.pop("type", None)
    if kind != "text" and kind != "json_object":
        return None
    del taking.left["response_format"]
    schema = inner.object("json_schema") if kind == "json_object" else None
    if schema is not None:
        return OutputFormat(kind="schema", schema=schema, native=inner.native(OWN))
    return OutputFormat(kind="text" if kind == "text" else "json", native=inner.native(OWN))


def put_settings(body: Fields, call: ChatCall, quirks: Quirks, changes: Changes) -> None:
    """Write what is said of sampling, limits, thinking and the output's form."""
    is_own = call.dialect == OWN
    sampling = taken(call.sampling, quirks, frozenset(SAMPLING), changes, {} if is_own else SAMPLING)
    for name, member in SAMPLING.items():
        value: object = getattr(sampling, name)
        if value is not None and value != ():
            body[member] = list(sampling.stop) if name == "stop" else value
    if call.max_output is not None:
        body["max_tokens"] = call.max_output
    thinking = call.thinking
    if not is_own:
        thinking = fitted_thinking(thinking, quirks, call.max_output, changes, "thinking")
    if thinking is not None:
        _put_thinking(body, thinking, changes, is_own=is_own)
    if call.output is not None and (is_own or call.output.kind != "text"):
        body["response_format"] = _format(call.output, quirks, changes, is_own=is_own)


def _put_thinking(body: Fields, thinking: Thinking, changes: Changes, *, is_own: bool) -> None:
    tokens = thinking.budget_tokens
    if is_own:
        kind = shape_of(thinking.native, OWN)
        said: Fields = {"type": kind or ENABLED}
        if tokens is not None and kind != DISABLED:
            said["token_budget"] = tokens
        body["thinking"] = put_native(said, thinking.native, OWN, changes, "thinking")
        return
    put_native({}, thinking.native, OWN, changes, "thinking", harmless=frozenset({"display"}))
    if tokens is not None:
        body["thinking"] = {"type": ENABLED, "token_budget": tokens} if tokens > 0 else {"type": DISABLED}


def _format(output: OutputFormat, quirks: Quirks, changes: Changes, *, is_own: bool) -> Fields:
    fields: Fields = {"type": "text" if output.kind == "text" else "json_object"}
    if output.kind == "schema":
        schema = output.schema or {}
        if not is_own:
            schema = fitted_schema(schema, quirks.schema_subset, changes, "response_format")
        fields["json_schema"] = schema
        if output.description:
            changes.lose("response_format.description", "Cohere's schemas have no description beside them")
    return put_native(fields, output.native, OWN, changes, "response_format")
