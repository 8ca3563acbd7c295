"""Bedrock's Converse call, read and written; its path names the model, and whether it streams. Pure.

Source: the Converse API's request. Read next: `tools`, `parts_out`.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import (
    ChatCall,
    Fields,
    Media,
    Message,
    Native,
    OutputFormat,
    Sampling,
    Text,
    ToolResult,
)
from headgate.core.faults import InvalidRequest
from headgate.core.quirks import Quirks
from headgate.wire.dialects.bedrock.options import put_thinking, write_output, write_settings
from headgate.wire.dialects.bedrock.parts_in import OWN, read_blocks
from headgate.wire.dialects.bedrock.parts_out import BlockWriter, without_foreign_seals
from headgate.wire.dialects.bedrock.tools import read_tools, write_tools
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import Taking, decode, encoded_call, put_native, shape_of
from headgate.wire.dialects.turns import BETWEEN, NOTHING, arranged

STOP_SEQUENCE: Final = "/stop_sequence"
"""Where some models say which stop sequence they met; the others ignore that it is asked for."""
EMPTY_SYSTEM: Final = "system"
EMPTY_SETTINGS: Final = "inferenceConfig"
"""Words of a call's shape: a member that was there, and empty."""
HARMLESS: Final = frozenset(
    {
        "cache_control",
        "cachedContent",
        "client_metadata",
        "include",
        "metadata",
        "labels",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "stream_options",
    }
)
"""Members of other dialects of which no answer depends."""
PLAIN_TIERS: Final = frozenset({"auto", "default", "standard", "standard_only"})
"""What other dialects call the tier that is anyhow asked for."""
ATTACHED: Final = "The document is attached."
"""The text that Bedrock wants beside a document (trap 45)."""


def read_call(body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
    """Read a call. Raises InvalidRequest, naming the member."""
    try:
        value = decode(body)
    except ValueError as error:
        raise InvalidRequest(f"the body is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidRequest("the body is no JSON object; send one")
    try:
        return _read(Taking(cast("Fields", value)), model or "", bool(stream))
    except RecursionError:
        raise InvalidRequest("the body is nested too deep") from None


def _read(taking: Taking, model: str, stream: bool) -> ChatCall:
    shape: list[str] = []
    messages: list[Message] = []
    system = taking.objects("system")
    if system:
        messages.append(Message(role="system", parts=read_blocks(system)))
    elif system is not None:
        shape.append(EMPTY_SYSTEM)
    given = taking.objects("messages")
    if given is None:
        raise InvalidRequest("messages is no list of objects", parameter="messages")
    messages.extend(_read_message(one, place) for place, one in enumerate(given))
    settings = taking.object("inferenceConfig")
    sampling, max_output = Sampling(), None
    if settings is not None:
        inner = Taking(settings)
        max_output = inner.whole("maxTokens")
        sampling = _read_sampling(inner)
        if inner.left:
            taking.left["inferenceConfig"] = inner.left
        elif not settings:
            shape.append(EMPTY_SETTINGS)
    config = read_tools(taking)
    return ChatCall(
        dialect=OWN,
        model=model,
        messages=tuple(messages),
        tools=config.tools,
        tool_choice=config.choice,
        output=_read_output(taking),
        sampling=sampling,
        max_output=max_output,
        stream=stream,
        native=taking.native(OWN, " ".join(shape)),
    )


def _read_message(message: Fields, place: int) -> Message:
    taking = Taking(message)
    role, blocks = taking.text("role"), taking.objects("content")
    if role != "user" and role != "assistant" and role != "system":
        raise InvalidRequest(
            f"messages[{place}].role is neither user nor assistant", parameter=f"messages[{place}].role"
        )
    if blocks is None:
        raise InvalidRequest(
            f"messages[{place}].content is no list of objects", parameter=f"messages[{place}].content"
        )
    return Message(
        role=role, parts=read_blocks(blocks), native=taking.native(OWN, "inline" if role == "system" else "")
    )


def _read_sampling(settings: Taking) -> Sampling:
    temperature, top_p = settings.number("temperature"), settings.number("topP")
    stop = settings.texts("stopSequences") if settings.left.get("stopSequences") else None
    return Sampling(temperature=temperature, top_p=top_p, stop=tuple(stop or ()))


def _read_output(call: Taking) -> OutputFormat | None:
    config = call.left.get("outputConfig")
    if not isinstance(config, dict):
        return None
    taking = Taking(cast("Fields", config))
    given = taking.object("textFormat") or {}
    structure = given.get("structure")
    definition = cast("Fields", structure).get("jsonSchema") if isinstance(structure, dict) else None
    if given != {"type": "json_schema", "structure": {"jsonSchema": definition}}:
        return None
    inner = Taking(cast("Fields", definition)) if isinstance(definition, dict) else Taking({})
    text = inner.text("schema")
    try:
        schema = decode(text or "")
    except ValueError:
        return None
    if not isinstance(schema, dict):
        return None
    name, description = inner.text("name"), inner.text("description")
    del call.left["outputConfig"]
    if taking.left:
        call.left["outputConfig"] = taking.left
    # The schema is a text, whose spaces are its own: they are kept beside what it says.
    inner.left["schema"] = text
    return OutputFormat(
        kind="schema",
        name=name,
        description=description,
        schema=cast("Fields", schema),
        native=Native(dialect=OWN, fields=inner.left),
    )


def write_call(call: ChatCall, quirks: Quirks, changes: Changes) -> bytes:
    """Write a call for a target. Raises InvalidRequest for one that is nested too deep to be written."""
    is_own = call.dialect == OWN
    quirks = _of_dialect(quirks)
    messages = _unchanged(call, quirks) if is_own else _arranged(call, quirks, changes)
    writer = BlockWriter(changes, is_own=is_own, quirks=quirks)
    shape = shape_of(call.native, OWN).split()
    body: Fields = {"messages": _messages(messages, writer, changes)}
    system = _system(messages, writer)
    if system or EMPTY_SYSTEM in shape:
        body["system"] = system
    extra: Fields = {}
    settings = write_settings(call, quirks, changes, extra)
    if settings or EMPTY_SETTINGS in shape:
        body["inferenceConfig"] = settings
    if (config := write_tools(call, quirks, changes)) is not None:
        body["toolConfig"] = config
    if (output := write_output(call, quirks, changes)) is not None:
        body["outputConfig"] = output
    put_thinking(call, quirks, changes, settings, extra)
    if extra:
        body["additionalModelRequestFields"] = extra
    if not is_own and call.sampling.stop:
        body["additionalModelResponseFieldPaths"] = [STOP_SEQUENCE]
    if call.user is not None:
        changes.lose("user", "Bedrock is not told who asks")
    if call.service_tier is not None and call.service_tier not in PLAIN_TIERS:
        changes.lose("service_tier", "Bedrock is asked for its default tier")
    _put_rest(body, call.native, changes)
    return encoded_call(body)


def _of_dialect(quirks: Quirks) -> Quirks:
    """What every model behind this dialect takes and wants, whatever is known of the one."""
    return msgspec.structs.replace(
        quirks,
        has_developer_role=False,
        is_system_first=True,
        is_alternating=True,
        tool_ids="word" if quirks.tool_ids == "any" else quirks.tool_ids,
        takes_no_tool_choice=False,
        takes_parallel_flag=False,
        needs_declared_tools=True,
    )


def _arranged(call: ChatCall, quirks: Quirks, changes: Changes) -> tuple[Message, ...]:
    """The messages in order; results stand alone where documents or films would stand beside them (26)."""
    messages = arranged(call, quirks, changes, own=OWN)
    if quirks.are_results_alone or not any(_mixes_documents(one) for one in messages):
        return messages
    alone = msgspec.structs.replace(quirks, are_results_alone=True)
    return arranged(msgspec.structs.replace(call, messages=messages), alone, changes, own=OWN)


def _mixes_documents(message: Message) -> bool:
    kinds = {part.kind for part in message.parts if isinstance(part, Media)}
    has_results = any(isinstance(part, ToolResult) for part in message.parts)
    return has_results and not kinds.isdisjoint({"file", "video"})


def _unchanged(call: ChatCall, quirks: Quirks) -> tuple[Message, ...]:
    makers = frozenset({OWN, quirks.maker})
    return tuple(
        msgspec.structs.replace(one, parts=tuple(without_foreign_seals(one.parts, makers)))
        for one in call.messages
    )


def _put_rest(body: Fields, native: Native | None, changes: Changes) -> None:
    """Put what a call says beyond our words back, into the objects that our words have made."""
    if native is None or native.dialect != OWN:
        put_native(body, native, OWN, changes, "", harmless=HARMLESS)
        return
    for name, value in native.fields.items():
        made = body.get(name)
        if isinstance(made, dict) and isinstance(value, dict):
            body[name] = {**cast("Fields", made), **cast("Fields", value)}
        else:
            body[name] = value


def _is_apart(message: Message) -> bool:
    return message.role in ("system", "developer") and shape_of(message.native, OWN) != "inline"


def _system(messages: tuple[Message, ...], writer: BlockWriter) -> list[Fields]:
    return [
        block
        for message in messages
        if _is_apart(message)
        for block in writer.blocks(message.parts, "system")
    ]


def _messages(messages: tuple[Message, ...], writer: BlockWriter, changes: Changes) -> list[Fields]:
    written: list[Fields] = []
    place = 0
    for message in messages:
        if _is_apart(message):
            continue
        where = f"messages[{place}]"
        place += 1
        blocks = writer.blocks(message.parts, f"{where}.content")
        if not writer.is_own:
            if message.name is not None:
                changes.lose(f"{where}.name", "Bedrock knows no names of speakers")
            blocks = _with_text(message, blocks, changes, where) or [_filler(message, changes, where)]
        role = "user" if message.role == "tool" else message.role
        written.append(put_native({"role": role, "content": blocks}, message.native, OWN, changes, where))
    return written


def _filler(message: Message, changes: Changes, where: str) -> Fields:
    """What keeps the turns alternating where nothing of a message can be said; what was left out is told."""
    filler = BETWEEN if message.role == "assistant" else NOTHING
    changes.note(where, f"Bedrock refuses a message without content: it says {filler!r}")
    return {"text": filler}


def _with_text(message: Message, blocks: list[Fields], changes: Changes, where: str) -> list[Fields]:
    has_document = blocks and any(isinstance(part, Media) and part.kind == "file" for part in message.parts)
    if not has_document or any(isinstance(part, Text) and part.text.strip() for part in message.parts):
        return blocks
    changes.note(where, "Bedrock wants a text beside a document; one was added")
    return [*blocks, {"text": ATTACHED}]
