"""Calls of the Messages API, and of its counting of tokens, read into the canonical call.

Shapes keep what has several spellings, `Native.fields` what has no word of ours. Never repairs a call.
Source: Anthropic API reference (Messages, count tokens). Read next: `calls_out`, `parts_in`.
"""

from typing import Final, Literal, cast

from headgate.core.chat import (
    ChatCall,
    Fields,
    FunctionTool,
    Message,
    NativeTool,
    OutputFormat,
    Part,
    Role,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolChoice,
)
from headgate.core.faults import InvalidRequest
from headgate.wire.dialects.anthropic.parts_in import cache_mark, read_parts
from headgate.wire.dialects.anthropic.words import DIALECT, Malformed
from headgate.wire.dialects.fields import Taking, decode, objects_in

SYSTEM_TEXT: Final = "system text"
SYSTEM_BLOCKS: Final = "system blocks"
"""Shapes of the message that stands in `system`; those of others are `text` and `blocks`."""

_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}

_MODES: Final[dict[str, Literal["auto", "none", "required", "named"]]] = {
    "auto": "auto",
    "any": "required",
    "tool": "named",
    "none": "none",
}

EFFORTS: Final[dict[str, str]] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
"""Anthropic's efforts in our words; which of them it was is kept in the shape."""


def read_call(body: bytes, *, model: str | None = None, stream: bool | None = None) -> ChatCall:
    """Read a client's call. Raises InvalidRequest, naming the member, for what is not of the dialect."""
    try:
        fields = decode(body)
    except ValueError:
        raise InvalidRequest("the body is no JSON, or nested too deeply") from None
    if not isinstance(fields, dict):
        raise InvalidRequest("the body has to be a JSON object")
    try:
        return _call(Taking(cast("Fields", fields)), model, stream)
    except Malformed as error:
        raise InvalidRequest(f"{error.where} {error.what}", parameter=error.where) from None
    except RecursionError:
        raise InvalidRequest("the body is nested too deeply") from None


def _call(taking: Taking, model: str | None, stream: bool | None) -> ChatCall:
    shape: list[str] = []
    named = taking.text("model")
    if named is None:
        if model is None:
            raise Malformed("model", "has to be a string")
        shape.append("no model")
    streamed = taking.flag("stream")
    if streamed is not None:
        shape.append("stream")
    elif stream is not None:
        shape.append("no stream")
    messages = [*_system(taking), *_messages(taking)]
    choice, parallel = _tool_choice(taking)
    thinking, output = _thinking_and_output(taking)
    return ChatCall(
        dialect=DIALECT,
        model=model if model is not None else named or "",
        messages=tuple(messages),
        tools=_tools(taking),
        tool_choice=choice,
        parallel_tools=parallel,
        output=output,
        sampling=Sampling(
            temperature=taking.number("temperature"),
            top_p=taking.number("top_p"),
            top_k=taking.whole("top_k"),
            stop=_stops(taking),
        ),
        thinking=thinking,
        max_output=taking.whole("max_tokens"),
        stream=stream if stream is not None else bool(streamed),
        user=_user(taking),
        service_tier=taking.text("service_tier"),
        native=taking.native(DIALECT, ",".join(shape)),
    )


def _system(taking: Taking) -> list[Message]:
    text = taking.text("system")
    if text is not None:
        return [_message("system", (Text(text=text),), Taking({}), SYSTEM_TEXT)]
    blocks = taking.objects("system")
    if blocks is None:
        return []
    try:
        parts = read_parts(blocks)
    except Malformed as error:
        raise error.within("system") from None
    return [_message("system", parts, Taking({}), SYSTEM_BLOCKS)]


def _messages(taking: Taking) -> list[Message]:
    said = taking.objects("messages")
    if said is None:
        raise Malformed("messages", "has to be a list of messages")
    found: list[Message] = []
    for place, fields in enumerate(said):
        try:
            found.append(_read_message(fields))
        except Malformed as error:
            raise error.within(place).within("messages") from None
    return found


def _read_message(fields: Fields) -> Message:
    taking = Taking(fields)
    role = _ROLES.get(taking.text("role") or "")
    if role is None:
        raise Malformed("role", "has to be user, assistant or system")
    content = taking.left.pop("content", None)
    if isinstance(content, str):
        return _message(role, (Text(text=content),), taking, "text")
    blocks = objects_in(content)
    if blocks is None:
        raise Malformed("content", "has to be a string or a list of blocks")
    try:
        return _message(role, read_parts(blocks), taking, "blocks")
    except Malformed as error:
        raise error.within("content") from None


def _message(role: Role, parts: tuple[Part, ...], taking: Taking, shape: str) -> Message:
    return Message(role=role, parts=parts, native=taking.native(DIALECT, shape))


def _tools(taking: Taking) -> tuple[Tool, ...]:
    said = taking.objects("tools") if taking.left.get("tools") else None
    found: list[Tool] = []
    for place, fields in enumerate(said or ()):
        try:
            found.append(_tool(fields))
        except Malformed as error:
            raise error.within(place).within("tools") from None
    return tuple(found)


def _tool(fields: Fields) -> Tool:
    kind = fields.get("type")
    if isinstance(kind, str) and kind != "custom":
        return NativeTool(dialect=DIALECT, kind=kind, value=fields)
    taking = Taking(fields)
    name = taking.text("name")
    if name is None:
        raise Malformed("name", "has to be a string")
    if kind == "custom":
        del taking.left["type"]
    return FunctionTool(
        name=name,
        description=taking.text("description"),
        parameters=taking.object("input_schema"),
        strict=taking.flag("strict"),
        cache=cache_mark(taking),
        native=taking.native(DIALECT, "custom" if kind == "custom" else ""),
    )


def _tool_choice(taking: Taking) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether several tools may be called at once, which is said inside of it (28)."""
    said = taking.left.get("tool_choice")
    if not isinstance(said, dict):
        return None, None
    inner = Taking(cast("Fields", said))
    kind = inner.text("type")
    mode = _MODES.get(kind or "")
    name = inner.text("name") if kind == "tool" else None
    if mode is None or (kind == "tool" and name is None):
        raise Malformed("tool_choice", "has to be auto, any, none, or a tool by its name")
    del taking.left["tool_choice"]
    is_single = inner.flag("disable_parallel_tool_use")
    choice = ToolChoice(
        mode=mode,
        names=() if name is None else (name,),
        native=inner.native(DIALECT),
    )
    return choice, None if is_single is None else not is_single


def _stops(taking: Taking) -> tuple[str, ...]:
    said = taking.texts("stop_sequences") if taking.left.get("stop_sequences") else None
    return tuple(said or ())


def _user(taking: Taking) -> str | None:
    """The client's own user, of `metadata`; other members of it stay."""
    said = taking.left.get("metadata")
    if not isinstance(said, dict):
        return None
    inner = Taking(cast("Fields", said))
    user = inner.text("user_id")
    if user is not None:
        _leave(taking, "metadata", inner)
    return user


def _leave(taking: Taking, name: str, inner: Taking) -> None:
    """What is left of an object of which something was taken."""
    if inner.left:
        taking.left[name] = inner.left
    else:
        del taking.left[name]


def _thinking_and_output(taking: Taking) -> tuple[Thinking | None, OutputFormat | None]:
    """How much to think (`thinking`, and the effort of `output_config`), and the format of the output,
    which may stand in two places."""
    effort: str | None = None
    output: OutputFormat | None = None
    config = taking.left.get("output_config")
    if isinstance(config, dict):
        inner = Taking(cast("Fields", config))
        output = _format(inner, "format")
        word = inner.left.get("effort")
        if isinstance(word, str) and word in EFFORTS:
            effort = inner.text("effort")
        if output is not None or effort is not None:
            _leave(taking, "output_config", inner)
    if output is None:
        output = _format(taking, "output_format")
    return _thinking(taking, effort), output


def _format(taking: Taking, name: str) -> OutputFormat | None:
    """Shape: the member that it stands in."""
    said = taking.left.get(name)
    if not isinstance(said, dict):
        return None
    inner = Taking(cast("Fields", said))
    schema = inner.object("schema")
    if inner.text("type") != "json_schema" or schema is None:
        return None
    del taking.left[name]
    return OutputFormat(kind="schema", schema=schema, strict=True, native=inner.native(DIALECT, name))


def _thinking(taking: Taking, effort: str | None) -> Thinking | None:
    """Shape: the type of `thinking`, and the effort of `output_config`, each empty where it is not said."""
    said = taking.left.get("thinking")
    inner = Taking(cast("Fields", said) if isinstance(said, dict) else {})
    kind = inner.text("type")
    tokens: int | None = None
    if kind == "enabled":
        tokens = inner.whole("budget_tokens")
    elif kind == "disabled":
        tokens = 0
    elif kind != "adaptive":
        kind = None
    if kind is None and effort is None:
        return None
    is_shown: bool | None = None
    if kind is not None:
        del taking.left["thinking"]
        if inner.left.get("display") in ("summarized", "omitted"):
            is_shown = inner.text("display") == "summarized"
    else:
        inner = Taking({})
    shape = f"{kind or ''},{effort or ''}"
    return Thinking(
        effort=None if effort is None or kind == "disabled" else EFFORTS[effort],
        budget_tokens=tokens,
        is_shown=is_shown,
        native=inner.native(DIALECT, shape),
    )
