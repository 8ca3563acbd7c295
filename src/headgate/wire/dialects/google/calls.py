"""Google's generateContent call, read and written. Model and streaming stand in the path, not in the body.

Nothing that a call of this dialect says is lost in it. Pure. Source: Gemini API reference,
`models.generateContent`. Read next: `parts`, `settings`, `tools`.
"""

from typing import Final, Literal, cast

import msgspec

from headgate.core.chat import ChatCall, Fields, Message, ToolCall
from headgate.core.faults import InvalidRequest
from headgate.core.quirks import Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode, objects_in, put_native
from headgate.wire.dialects.google.parts import PartsOut, read_parts, read_role, read_system
from headgate.wire.dialects.google.settings import Settings, read_settings, write_own, write_settings
from headgate.wire.dialects.google.signatures import DUMMY
from headgate.wire.dialects.google.spelling import (
    DIALECT,
    Members,
    flags_of,
    own_fields,
    spelled,
)
from headgate.wire.dialects.google.tools import (
    held_to_schemas,
    read_choice,
    read_tools,
    write_choice,
    write_own_tools,
    write_tools,
)
from headgate.wire.dialects.turns import arranged

_encode = msgspec.json.Encoder().encode

_TIERS: Final = frozenset({"flex", "priority", "standard"})
_TIERS_OF_NOBODY: Final = frozenset({"auto", "default", "standard_only"})
"""What other dialects call the plain tier, or leaving it to the provider."""

_HARMLESS: Final = frozenset(
    {
        "context_management", "include", "inference_geo", "metadata", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "store", "stream_options",
        "truncation", "user",
    }
)  # fmt: skip
"""Members of other dialects' calls on which no answer of Google depends."""


def read_call(body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
    """Read a client's call. Raises InvalidRequest, naming the member, for what is not of the dialect."""
    return call_of(fields_of(body), model=model, stream=stream)


def fields_of(body: bytes) -> Fields:
    """The object that a body is. Raises InvalidRequest for anything else."""
    try:
        value = decode(body)
    except ValueError as error:
        raise InvalidRequest(f"the body is no valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidRequest("the body is no JSON object; send one")
    return cast("Fields", value)


def call_of(fields: Fields, *, model: str | None, stream: bool | None) -> ChatCall:
    """The call that an object is. Raises as `read_call`."""
    try:
        return _call_of(Members(fields), model=model, stream=stream)
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply; flatten it") from None


def _call_of(members: Members, *, model: str | None, stream: bool | None) -> ChatCall:
    named = members.left.get("model")
    if isinstance(named, str):
        del members.left["model"]
        members.flags.append("models" if named.startswith("models/") else "model")
        model = model or named.removeprefix("models/")
    messages = [*_read_system(members), *_read_contents(members)]
    tools = read_tools(members)
    config = _nested(members, "generationConfig")
    settings = read_settings(config)
    _leave(members, "generationConfig", config)
    tooling = _nested(members, "toolConfig")
    choice = read_choice(tooling)
    _leave(members, "toolConfig", tooling)
    tier = members.text(members.key("serviceTier"))
    return ChatCall(
        dialect=DIALECT,
        model=model or "",
        messages=tuple(messages),
        tools=held_to_schemas(tools, choice),
        tool_choice=choice,
        output=settings.output,
        sampling=settings.sampling,
        thinking=settings.thinking,
        max_output=settings.max_output,
        stream=bool(stream),
        service_tier=tier,
        native=members.shaped(),
    )


def _read_system(members: Members) -> list[Message]:
    key = members.key("systemInstruction")
    value = members.left.get(key)
    if isinstance(value, str):
        del members.left[key]
        members.flags.append("textsystem")
        return [read_system({"parts": [{"text": value}]})]
    fields = members.object(key)
    return [] if fields is None else [read_system(fields)]


def _read_contents(members: Members) -> list[Message]:
    value = members.left.pop("contents", None)
    if isinstance(value, dict):
        members.flags.append("onecontent")
        value = [cast("Fields", value)]
    contents = objects_in(value)
    if contents is None:
        raise InvalidRequest("contents is no list of contents; send one", parameter="contents")
    return [_read_content(fields, place) for place, fields in enumerate(contents)]


def _read_content(fields: Fields, place: int) -> Message:
    members = Members(fields)
    role = read_role(members)
    parts = read_parts(members)
    if parts is None:
        if members.left.get("parts") is not None:
            where = f"contents[{place}].parts"
            raise InvalidRequest(f"{where} is no list of parts; send one", parameter=where)
        members.flags.append("noparts")
    return Message(role=role, parts=parts or (), native=members.shaped())


def _nested(members: Members, name: str) -> Members:
    fields = members.object(members.key(name))
    if fields is None:
        return Members({})
    members.flags.append(name)
    return Members(fields)


def _leave(members: Members, name: str, inner: Members) -> None:
    """Keep what is left of a nested object beside the call, each member under its path."""
    members.flags.extend(inner.flags)
    prefix = spelled(frozenset(members.flags), name) + "."
    for key in members.left:
        if key.startswith(prefix):
            raise InvalidRequest(f"{key!r} is no member of the body; leave it out", parameter=key)
    for key, value in inner.left.items():
        members.left[prefix + key] = value


def write_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write a call for a target."""
    return _encode(written(call, quirks, changes))


def written(call: ChatCall, quirks: Quirks, changes: Changes) -> Fields:
    """The body of a call, before it is encoded."""
    if call.dialect == DIALECT:
        return _write_own(call, quirks, changes)
    return _write_foreign(call, quirks, changes)


def _write_own(call: ChatCall, quirks: Quirks, changes: Changes) -> Fields:
    flags = flags_of(call.native)
    writing = PartsOut(changes, quirks.maker or DIALECT)
    fields: Fields = {}
    if "models" in flags or "model" in flags:
        fields["model"] = f"models/{call.model}" if "models" in flags else call.model
    contents: list[Fields] = []
    for message in call.messages:
        parts = _parts(message, writing, changes, f"contents[{len(contents)}]", is_foreign=False)
        if message.role == "system":
            key = spelled(flags, "systemInstruction")
            fields[key] = parts[0]["text"] if "textsystem" in flags else writing.system(message, parts)
        else:
            contents.append(writing.content(message, parts, _side(message)))
    fields["contents"] = contents[0] if "onecontent" in flags and len(contents) == 1 else contents
    tools = write_own_tools(call.tools, flags)
    if tools is not None:
        fields["tools"] = tools
    config = spelled(flags, "generationConfig")
    tooling = spelled(flags, "toolConfig")
    if "generationConfig" in flags:
        fields[config] = write_own(_settings(call), flags)
    if "toolConfig" in flags or call.tool_choice is not None:
        inner: Fields = {}
        if call.tool_choice is not None:
            inner[spelled(flags, "functionCallingConfig")] = write_choice(call.tool_choice)
        fields[tooling] = inner
    if call.service_tier is not None:
        fields[spelled(flags, "serviceTier")] = call.service_tier
    for name, value in own_fields(call.native).items():
        head, dot, tail = name.partition(".")
        if dot and head in (config, tooling) and head in fields:
            cast("Fields", fields[head])[tail] = value
        else:
            fields[name] = value
    return fields


def _settings(call: ChatCall) -> Settings:
    return Settings(
        sampling=call.sampling, max_output=call.max_output, thinking=call.thinking, output=call.output
    )


def _side(message: Message) -> Literal["user", "model"]:
    return "model" if message.role == "assistant" else "user"


def _parts(
    message: Message, writing: PartsOut, changes: Changes, where: str, *, is_foreign: bool
) -> list[Fields]:
    """The parts of a message; the first call of a turn that lost its signature gets the documented dummy."""
    found: list[Fields] = []
    writing.has_dropped = False
    first: tuple[ToolCall, Fields] | None = None
    for part in message.parts:
        fields = writing.part(part, where)
        if fields is None:
            continue
        found.append(fields)
        if first is None and isinstance(part, ToolCall):
            first = part, fields
    if writing.has_dropped and not is_foreign:
        changes.lose(where, "another provider's signature goes back to it only")
    if first is not None and message.role == "assistant" and (is_foreign or writing.has_dropped):
        flags = flags_of(first[0].native)
        first[1].setdefault(spelled(flags, "thoughtSignature"), DUMMY)
    return found


def _write_foreign(call: ChatCall, quirks: Quirks, changes: Changes) -> Fields:
    # Google's system instruction stands apart, and its calls know no developer.
    plain = msgspec.structs.replace(quirks, is_system_first=True, has_developer_role=False)
    writing = PartsOut(changes, quirks.maker or DIALECT)
    system: list[Fields] = []
    contents: list[Fields] = []
    for place, message in enumerate(arranged(call, plain, changes, own=DIALECT)):
        where = f"messages[{place}]"
        parts = _parts(message, writing, changes, where, is_foreign=True)
        _tell_of(message, changes, where)
        if message.role in ("system", "developer"):
            system.extend(parts)
        elif parts:
            contents.append({"role": _side(message), "parts": parts})
    fields: Fields = {}
    if system:
        fields["systemInstruction"] = {"parts": system}
    fields["contents"] = contents
    fields.update(write_tools(call, quirks, changes))
    config = write_settings(_settings(call), quirks, changes)
    if config:
        fields["generationConfig"] = config
    _write_tier(call, fields, changes)
    _tell(call, changes)
    return fields


def _tell_of(message: Message, changes: Changes, where: str) -> None:
    if message.name is not None:
        changes.lose(f"{where}.name", "google knows two sides of a conversation, without names")
    put_native({}, message.native, DIALECT, changes, where)


def _write_tier(call: ChatCall, fields: Fields, changes: Changes) -> None:
    tier = call.service_tier
    if tier is None or tier in _TIERS_OF_NOBODY:
        return
    if tier in _TIERS:
        fields["serviceTier"] = tier
    else:
        changes.lose("service_tier", f"google has no tier {tier}")


def _tell(call: ChatCall, changes: Changes) -> None:
    if call.user is not None:
        changes.lose("user", "google is not told who the caller's user is")
    put_native({}, call.native, DIALECT, changes, "", harmless=_HARMLESS)
    if call.thinking is not None:
        put_native({}, call.thinking.native, DIALECT, changes, "thinking")
    if call.output is not None:
        put_native({}, call.output.native, DIALECT, changes, "response_format")
