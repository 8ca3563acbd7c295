"""Puts a rendered prompt into the body of a call, in the dialect's own shape. Pure.

What the caller says itself stays: its messages follow the prompt's, its model, parameters, tools and schema
win. No value is decoded and written again but those that a prompt is put into. Read next:
`managed.rendering`, `wire.parameters`.
"""

import functools
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from headgate.core.call import Dialect
from headgate.core.entries import Override
from headgate.core.faults import InvalidRequest
from headgate.prompts.managed.model import ManagedTool, ManagedVersion, source_of
from headgate.wire.parameters import LISTS, Place, place_of

Fields = dict[str, bytes]
"""The members of an object in their order, as bytes."""

NO_ARGUMENTS: Final = '{"type":"object","properties":{}}'
PLANS_KEPT: Final = 512
SCHEMA_RECORDED_MAX: Final = 4096

_encode: Final = msgspec.json.Encoder().encode
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")


class Filling(msgspec.Struct, frozen=True):
    """A value, the place where it goes unless the caller has one there, and what the record says of it."""

    place: Place
    raw: bytes
    override: Override


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a version fills into bodies of one dialect, besides its messages."""

    model: Filling | None
    tools: Filling | None
    parameters: tuple[Filling, ...]
    schema: tuple[Filling, ...]
    put: Override
    """Says that messages were put first, and how many."""
    changes: tuple[str, ...]
    """Parameters that the dialect has no place for, in words."""
    source: str


def body_of(fields: Fields) -> bytes:
    """Write an object of members."""
    return b"{" + b",".join([b'"%b":%b' % (_key(name), raw) for name, raw in fields.items()]) + b"}"


def _key(name: str) -> bytes:
    return name.encode() if name.isascii() and name.isidentifier() else _encode(name)[1:-1]


def put_messages(dialect: Dialect, fields: Fields, version: ManagedVersion, texts: Sequence[str]) -> None:
    """Put the prompt's messages before the caller's, and system texts where the dialect has them."""
    said = [(message.role, text) for message, text in zip(version.messages, texts, strict=True)]
    if dialect == "openai-chat":
        _put_first(fields, "messages", [_encode({"role": role, "content": text}) for role, text in said])
        return
    system = "\n\n".join([text for role, text in said if role == "system"])
    others = [(role, text) for role, text in said if role != "system"]
    match dialect:
        case "openai-responses":
            if others:
                _put_first(
                    fields, "input", [_encode({"role": role, "content": text}) for role, text in others]
                )
            _put_text(fields, "instructions", system)
        case "anthropic":
            _put_first(
                fields, "messages", [_encode({"role": role, "content": text}) for role, text in others]
            )
            _put_anthropic_system(fields, system)
        case _:
            _put_first(fields, "contents", [_google_content(role, text) for role, text in others])
            _put_google_system(fields, system)


def _google_content(role: str, text: str) -> bytes:
    return _encode({"role": "model" if role == "assistant" else role, "parts": [{"text": text}]})


def _put_first(fields: Fields, name: str, items: Sequence[bytes]) -> None:
    """Put items at the front of an array, which is made where there is none; a text becomes a message."""
    raw = fields.get(name, b"null").strip()
    if raw.startswith(b"["):
        rest = raw[1:-1].strip()
        items = [*items, rest] if rest else items
    elif raw.startswith(b'"') and name == "input":
        items = [*items, b'{"role":"user","content":%b}' % raw]
    elif raw != b"null":
        raise InvalidRequest(f"{name} is no array; send one", parameter=name)
    fields[name] = b"[" + b",".join(items) + b"]"


def _put_text(fields: Fields, name: str, text: str) -> None:
    """Put a text before the one that stands there."""
    if not text:
        return
    raw = fields.get(name, b"null").strip()
    if raw == b"null":
        fields[name] = _encode(text)
    elif raw.startswith(b'"'):
        fields[name] = _encode(text + "\n\n")[:-1] + raw[1:]
    else:
        raise InvalidRequest(f"{name} is no text; send one", parameter=name)


def _put_anthropic_system(fields: Fields, text: str) -> None:
    if text and fields.get("system", b"").strip().startswith(b"["):
        _put_first(fields, "system", [_encode({"type": "text", "text": text})])
    else:
        _put_text(fields, "system", text)


def _put_google_system(fields: Fields, text: str) -> None:
    if not text:
        return
    name = "system_instruction" if "system_instruction" in fields else "systemInstruction"
    part = _encode({"text": text})
    raw = fields.get(name, b"null").strip()
    if raw == b"null":
        fields[name] = b'{"parts":[' + part + b"]}"
        return
    inner = _inner(raw, name)
    _put_first(inner, "parts", [part])
    fields[name] = body_of(inner)


def _inner(raw: bytes, name: str) -> Fields:
    try:
        return {key: bytes(value) for key, value in _members(raw).items()}
    except msgspec.MsgspecError:
        raise InvalidRequest(f"{name} is no object; send one", parameter=name) from None


@functools.lru_cache(maxsize=PLANS_KEPT)
def plan_of(dialect: Dialect, name: str, version: ManagedVersion) -> Plan:
    """Work out once what a version fills into bodies of a dialect. `version` is known by its identity."""
    source = source_of(name, version.number)

    def fills(field: str, place: Place, raw: bytes, shown: bytes | None = None) -> Filling:
        return Filling(place, raw, Override(source, field, b"", raw if shown is None else shown))

    model = None
    if version.model is not None and dialect != "google":
        model = fills("model", (("model",),), _encode(version.model))
    tools = None
    if version.tools:
        names = _encode([tool.name for tool in version.tools])
        tools = fills("tools", (("tools",),), _tools(dialect, version.tools), names)
    parameters: list[Filling] = []
    changes: list[str] = []
    for parameter, value in version.parameters.items():
        place = place_of(parameter, dialect, "chat")
        if place is None:
            changes.append(f"{source}: {parameter} has no place in {dialect}")
            continue
        listed = (dialect, parameter) in LISTS and isinstance(value, str)
        parameters.append(fills(parameter, place, _encode([value] if listed else value)))
    schema: tuple[Filling, ...] = ()
    if version.response_schema is not None:
        raw = version.response_schema.encode()
        shown = raw if len(raw) <= SCHEMA_RECORDED_MAX else _encode(f"({len(raw)} bytes)")
        wanted = _schema(dialect, msgspec.Raw(raw), _NO_NAME.sub("_", name)[:64])
        schema = tuple(fills("response_schema", place, value, shown) for place, value in wanted)
    return Plan(
        model=model,
        tools=tools,
        parameters=tuple(parameters),
        schema=schema,
        put=Override(source, "messages", b"", b"%d" % len(version.messages)),
        changes=tuple(changes),
        source=source,
    )


def fill(dialect: Dialect, fields: Fields, plan: Plan, *, talks: bool) -> list[Override]:
    """Fill in what the caller left open, and return what was; `talks` is false where tokens are counted."""
    filled = [plan.put]
    opened: dict[str, Fields] = {}
    if fields.get("model") == b'""':
        del fields["model"]
    for filling in (plan.model, plan.tools):
        if filling is not None and _set(fields, filling.place, filling.raw, opened):
            filled.append(filling.override)
    if not talks:
        return filled
    for filling in plan.parameters:
        if _set(fields, filling.place, filling.raw, opened):
            filled.append(filling.override)
            if dialect == "anthropic" and filling.override.field == "reasoning_budget":
                _set(fields, (("thinking",), ("type",)), b'"enabled"', opened)
    if plan.schema and _set(fields, plan.schema[0].place, plan.schema[0].raw, opened):
        filled.append(plan.schema[0].override)
        for filling in plan.schema[1:]:
            _set(fields, filling.place, filling.raw, opened)
    for name, inner in opened.items():
        if inner:
            fields[name] = body_of(inner)
    return filled


def _set(fields: Fields, place: Place, raw: bytes, opened: dict[str, Fields]) -> bool:
    """Set a value at a place unless the caller has one there; say whether it was set.

    Objects on the way are kept open in `opened`, to be written once.
    """
    spellings, rest = place[0], place[1:]
    given = None
    for each in spellings:
        if each in opened or fields.get(each, b"null").strip() != b"null":
            given = each
            break
    if not rest:
        if given is not None:
            return False
        for each in spellings[1:]:
            fields.pop(each, None)
        fields[spellings[0]] = raw
        return True
    name = given or spellings[0]
    if name not in opened:
        opened[name] = {} if given is None else _inner(fields[name], name)
    if len(rest) == 1:
        return _set(opened[name], rest, raw, {})
    further: dict[str, Fields] = {}
    done = _set(opened[name], rest, raw, further)
    for inner, members in further.items():
        opened[name][inner] = body_of(members)
    return done


def _tools(dialect: Dialect, tools: Sequence[ManagedTool]) -> bytes:
    """The prompt's functions as the dialect writes them."""
    match dialect:
        case "openai-chat":
            return _encode([{"type": "function", "function": _function(tool)} for tool in tools])
        case "openai-responses":
            return _encode([{"type": "function", **_function(tool)} for tool in tools])
        case "anthropic":
            return _encode([_function(tool, "input_schema") for tool in tools])
        case _:
            functions = [_function(tool, "parametersJsonSchema") for tool in tools]
            return _encode([{"functionDeclarations": functions}])


def _function(tool: ManagedTool, schema: str = "parameters") -> dict[str, Any]:
    described = {"description": tool.description} if tool.description else {}
    return {"name": tool.name, **described, schema: msgspec.Raw((tool.parameters or NO_ARGUMENTS).encode())}


def _schema(dialect: Dialect, schema: msgspec.Raw, called: str) -> list[tuple[Place, bytes]]:
    """How an answer of that schema is asked for. Sources (2026-11-21): OpenAI's and Anthropic's structured
    outputs, Google's `responseJsonSchema`."""
    match dialect:
        case "openai-chat":
            wanted = {"type": "json_schema", "json_schema": {"name": called, "schema": schema}}
            return [((("response_format",),), _encode(wanted))]
        case "openai-responses":
            wanted = {"type": "json_schema", "name": called, "schema": schema}
            return [((("text",), ("format",)), _encode(wanted))]
        case "anthropic":
            return [((("output_config",), ("format",)), _encode({"type": "json_schema", "schema": schema}))]
        case _:
            config = ("generationConfig", "generation_config")
            return [
                ((config, ("responseJsonSchema", "response_json_schema")), _encode(schema)),
                ((config, ("responseMimeType", "response_mime_type")), b'"application/json"'),
            ]
