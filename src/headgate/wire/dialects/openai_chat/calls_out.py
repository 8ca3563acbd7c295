"""A call, written as OpenAI's chat for a provider of one of its families. Pure; what can't be said is told.

One that was read from this dialect goes as it came, but for what the target's quirks refuse. Source: OpenAI
API reference (chat). Read next: `calls_in`, `wire.dialects.turns`.
"""

from typing import Final

import msgspec

from headgate.core.chat import ChatCall, Fields, Message, Native, Text, Thinking
from headgate.core.faults import InvalidRequest
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import put_native
from headgate.wire.dialects.openai_chat.calls_in import (
    LEGACY,
    LIMITS,
    NO_STREAM,
    NO_USAGE,
    ONE_STOP,
    SWITCHED_OFF,
    SWITCHED_ON,
)
from headgate.wire.dialects.openai_chat.messages import write_message
from headgate.wire.dialects.openai_chat.parts_out import Writing
from headgate.wire.dialects.openai_chat.spelling import OWN, TIERS, words_of
from headgate.wire.dialects.openai_chat.tools import write_choice, write_format, write_tool
from headgate.wire.dialects.sampling import taken
from headgate.wire.dialects.thinking import fitted as fitted_thinking
from headgate.wire.dialects.turns import arranged, chosen, declared, parallel

SAMPLING: Final = {
    "temperature": "temperature",
    "top_p": "top_p",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop": "stop",
    "choices": "n",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "logit_bias": "logit_bias",
}
"""Our words for settings, and OpenAI's members."""
FAMILY_SAMPLING: Final = {**SAMPLING, "top_k": "top_k"}
"""Those that a client of this dialect may have said, with what only families know."""

SHARED: Final = frozenset(
    {
        "metadata",
        "moderation",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "verbosity",
    }
)
"""Members that Responses has too, and that mean the same."""
HARMLESS: Final = frozenset(
    {"betas", "anthropic_beta", "metadata", "labels", "store", "include", "background", "cache_control"}
)
"""Members of foreign calls on which no answer depends."""
JSON_WORD: Final = "Answer with JSON."


def write_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write a call for a target. Raises InvalidRequest for one that is nested too deeply to be written."""
    writing = Writing(changes=changes, is_own=call.dialect == OWN, maker=quirks.maker or OWN, quirks=quirks)
    try:
        return msgspec.json.encode(_written(call, writing))
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply; flatten it") from None


def _written(call: ChatCall, writing: Writing) -> Fields:
    quirks, changes = writing.quirks, writing.changes
    words = words_of(call.native)
    fields: Fields = {"model": call.model, "messages": _messages(call, writing)}
    _put_tools(fields, call, writing, is_legacy=LEGACY in words)
    output = None if call.output is None else write_format(call.output, writing)
    if output is not None:
        fields["response_format"] = output
    _put_sampling(fields, call, writing, words)
    thinking = _fitted(call, writing)
    if thinking is not None:
        _put_thinking(fields, thinking, writing)
    if call.max_output is not None:
        fields[_limit_name(words, quirks, changes)] = call.max_output
    _put_stream(fields, call, words)
    _put_caller(fields, call, writing)
    return _put_rest(fields, call.native, changes)


def _messages(call: ChatCall, writing: Writing) -> list[Fields]:
    messages = call.messages if writing.is_own else arranged(call, writing.quirks, writing.changes, own=OWN)
    found: list[Fields] = []
    for place, message in enumerate(messages):
        found.extend(write_message(message, writing, f"messages[{place}]"))
    if not writing.is_own and call.output is not None and call.output.kind == "json":
        _say_json(found, messages, writing.changes)
    return found


def _say_json(found: list[Fields], messages: tuple[Message, ...], changes: Changes) -> None:
    """OpenAI refuses `json_object` where no message has the word (trap 44)."""
    texts = (part.text for message in messages for part in message.parts if isinstance(part, Text))
    if any("json" in text.lower() for text in texts):
        return
    changes.note("response_format", f"the word has to stand in the messages: the system says {JSON_WORD!r}")
    found.insert(0, {"role": "system", "content": JSON_WORD})


def _put_tools(fields: Fields, call: ChatCall, writing: Writing, *, is_legacy: bool) -> None:
    quirks, changes = writing.quirks, writing.changes
    tools, choice, at_once = call.tools, call.tool_choice, call.parallel_tools
    if not writing.is_own:
        tools, choice = declared(call, quirks, changes), chosen(call, quirks, changes)
        at_once = parallel(call, quirks, changes)
    written = [write_tool(tool, writing, f"tools[{place}]") for place, tool in enumerate(tools)]
    found = [tool for tool in written if tool is not None]
    if found and is_legacy:
        fields["functions"] = [tool["function"] for tool in found]
    elif found:
        fields["tools"] = found
    elif not writing.is_own:
        return  # a choice among none is refused
    if choice is not None:
        fields["function_call" if is_legacy else "tool_choice"] = write_choice(choice, is_legacy=is_legacy)
    if at_once is not None:
        fields["parallel_tool_calls"] = at_once


def _put_sampling(fields: Fields, call: ChatCall, writing: Writing, words: list[str]) -> None:
    members = FAMILY_SAMPLING if writing.is_own else SAMPLING
    kept = taken(call.sampling, writing.quirks, frozenset(members), writing.changes, members)
    for name, member in members.items():
        value: object = getattr(kept, name)
        if value is None or value == ():
            continue
        if name == "stop":
            value = kept.stop[0] if ONE_STOP in words and len(kept.stop) == 1 else list(kept.stop)
        fields[member] = value
    if kept.top_logprobs is not None and not kept.logprobs and not writing.is_own:
        fields["logprobs"] = True


def _fitted(call: ChatCall, writing: Writing) -> Thinking | None:
    if writing.is_own:
        return call.thinking
    return fitted_thinking(call.thinking, writing.quirks, call.max_output, writing.changes, "thinking")


def _put_thinking(fields: Fields, thinking: Thinking, writing: Writing) -> None:
    shape = " ".join(words_of(thinking.native))
    if shape in (SWITCHED_ON, SWITCHED_OFF):
        inner: Fields = {"type": "enabled" if shape == SWITCHED_ON else "disabled"}
        if shape == SWITCHED_ON and thinking.budget_tokens is not None:
            inner["budget_tokens"] = thinking.budget_tokens
        fields["thinking"] = put_native(inner, thinking.native, OWN, writing.changes, "thinking")
        return
    if shape == "reasoning" or thinking.budget_tokens is not None:
        said = {"effort": thinking.effort, "max_tokens": thinking.budget_tokens}
        inner = {name: value for name, value in said.items() if value is not None}
        if thinking.is_shown is not None:
            inner["exclude"] = not thinking.is_shown
        fields["reasoning"] = put_native(inner, thinking.native, OWN, writing.changes, "thinking")
        return
    if thinking.effort is not None:
        fields["reasoning_effort"] = thinking.effort
    if not writing.is_own and thinking.native is not None:
        put_native({}, thinking.native, OWN, writing.changes, "thinking", harmless=frozenset({"display"}))


def _limit_name(words: list[str], quirks: Quirks, changes: Changes) -> str:
    """Which member limits the output: the target's, or the one that the client named (trap 39)."""
    said = next((name for name in LIMITS if name in words), None)
    wanted = quirks.output_limit_field
    if said is None or (wanted == "max_tokens" and said != wanted):
        if said is not None:
            changes.note(said, f"the target knows it as {wanted}")
        return wanted
    return said


def _put_stream(fields: Fields, call: ChatCall, words: list[str]) -> None:
    """Streams of other dialects always ask for usage (trap 6)."""
    if not call.stream:
        if NO_STREAM in words:
            fields["stream"] = False
        return
    fields["stream"] = True
    if call.wants_usage:
        fields["stream_options"] = {"include_usage": True}
    elif NO_USAGE in words:
        fields["stream_options"] = {"include_usage": False}


def _put_caller(fields: Fields, call: ChatCall, writing: Writing) -> None:
    """Who calls, and how fast: words that only providers of one maker share (trap 48)."""
    is_related = writing.is_own or call.dialect == "openai-responses"
    if call.user is not None:
        if is_related:
            fields["user"] = call.user
        else:
            writing.changes.lose("user", "it is for the provider that it was written for")
    if call.service_tier is not None:
        if is_related or call.service_tier in TIERS:
            fields["service_tier"] = call.service_tier
        else:
            writing.changes.lose("service_tier", f"OpenAI's chat has no tier {call.service_tier}")


def _put_rest(fields: Fields, native: Native | None, changes: Changes) -> Fields:
    if native is None:
        return fields
    if native.dialect == OWN:
        options = fields.get("stream_options")
        fields.update(native.fields)
        held = native.fields.get("stream_options")
        if isinstance(options, dict) and isinstance(held, dict):
            fields["stream_options"] = {**held, **options}
        return fields
    rest = native.fields
    if native.dialect == "openai-responses":
        fields.update({name: value for name, value in rest.items() if name in SHARED})
        rest = {name: value for name, value in rest.items() if name not in SHARED}
    other = msgspec.structs.replace(native, fields=rest)
    return put_native(fields, other, OWN, changes, "", harmless=HARMLESS)
