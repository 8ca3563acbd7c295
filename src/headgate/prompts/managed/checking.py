"""What a version of a managed prompt may hold: names, sizes, templates, parameters, tools; checked when made.

So a gateway never meets a version that can't be rendered. Pure. Read next: `managed.templates`,
`managed.store`.
"""

import difflib
import re
from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.names import SIMPLE_NAME
from headgate.prompts.managed.model import (
    LATEST,
    Engine,
    ManagedMessage,
    ManagedTool,
    ManagedVersion,
    digest_of,
)
from headgate.prompts.managed.templates import Template, compile_template, render
from headgate.prompts.managed.work import Refusal
from headgate.wire.parameters import PARAMETERS

MESSAGES_MAX: Final = 64
CONTENT_CHARACTERS_MAX: Final = 100_000
VERSION_BYTES_MAX: Final = 256 * 1024
TOOLS_MAX: Final = 128
VALUE_BYTES_MAX: Final = 4096
LABELS_MAX: Final = 32
DEPTH_MAX: Final = 64
"""Of schemas and values of parameters."""

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")
NAME_CHARACTERS_MAX: Final = 100
LABEL: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
TOOL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
MODEL: Final = re.compile(r"[^\x00-\x20\x7f]{1,256}")
RESERVED: Final = frozenset({"versions", "labels", "diff", "render", "archive", "unarchive"})
"""Parts of a name, but the first, that an address would be read as something else with."""
ROUTES: Final = frozenset({"unknown", "catalogue", "outcomes"})
"""First parts of a name that are routes of their own."""


class NewVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version that is to be made. A tool is `{name, description, parameters}`, or as OpenAI or Anthropic
    write a function."""

    messages: tuple[ManagedMessage, ...]
    engine: Engine = "mustache"
    model: str | None = None
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] = ()
    response_schema: dict[str, Any] | None = None
    note: str = ""


def check_name(name: str) -> str:
    """Return a prompt's name. Raises InvalidRequest for one that is none."""
    if len(name) > NAME_CHARACTERS_MAX or not NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name[:120]!r} is no name of a managed prompt; use at most 100 of a-z, 0-9 and `._-/`, "
            "each part beginning with a letter or digit",
            parameter="name",
        )
    first, *others = name.split("/")
    kept = sorted(RESERVED.intersection(others) | ROUTES.intersection([first]))
    if kept:
        raise InvalidRequest(
            f"{name!r} has the part {kept[0]!r}, which is kept for addresses", parameter="name"
        )
    return name


def check_project(project: str) -> str:
    """Return a project's name. Raises InvalidRequest for one that is none."""
    if not SIMPLE_NAME.fullmatch(project):
        # A slash would make a prompt's id that of another project's prompt.
        raise InvalidRequest(
            f"{project[:100]!r} is no name of a project; use letters, digits, `.`, `_` and `-`",
            parameter="project",
        )
    return project


def check_label(label: str) -> str:
    """Return a label that can be moved. Raises InvalidRequest for one that is none, and for `latest`."""
    if label == LATEST:
        raise InvalidRequest("the label `latest` always means the newest version", parameter="label")
    if not LABEL.fullmatch(label) or label.isdigit():
        raise InvalidRequest(
            f"{label[:80]!r} is no label; use at most 64 of a-z, 0-9, `.`, `_` and `-`, and not digits only",
            parameter="label",
        )
    return label


def checked(new: NewVersion) -> ManagedVersion:
    """Return the version that is to be made, without its number, maker and time.

    Raises InvalidRequest that names the field, and the line of a template.
    """
    if not 1 <= len(new.messages) <= MESSAGES_MAX:
        raise InvalidRequest(
            f"a prompt has 1 to {MESSAGES_MAX} messages, and this has {len(new.messages)}",
            parameter="messages",
        )
    for where, value in (
        ("parameters", new.parameters),
        ("tools", new.tools),
        ("response_schema", new.response_schema),
    ):
        if _is_deeper(value, DEPTH_MAX):
            raise InvalidRequest(f"{where} is nested more than {DEPTH_MAX} deep; flatten it", parameter=where)
    _check_templates(new)
    if new.model is not None and not MODEL.fullmatch(new.model):
        raise InvalidRequest(
            "model is no name of a model; write an alias or provider/model", parameter="model"
        )
    for name, value in new.parameters.items():
        _check_parameter(name, value)
    if new.response_schema is not None and "response_format" in new.parameters:
        raise InvalidRequest(
            "response_schema and the parameter response_format say the same; give one of them",
            parameter="response_schema",
        )
    if len(new.note) > 1000:
        raise InvalidRequest("a note has at most 1000 characters", parameter="note")
    version = ManagedVersion(
        number=0,
        engine=new.engine,
        messages=new.messages,
        model=new.model,
        parameters=new.parameters,
        tools=_tools(new.tools),
        response_schema=None if new.response_schema is None else _json(new.response_schema),
        note=new.note,
    )
    size = len(msgspec.json.encode(version))
    if size > VERSION_BYTES_MAX:
        raise InvalidRequest(
            f"a version has at most {VERSION_BYTES_MAX} bytes, and this has {size}; shorten it"
        )
    return msgspec.structs.replace(version, digest=digest_of(version))


def _is_deeper(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        inner = list(cast("dict[str, Any]", value).values())
    elif isinstance(value, list | tuple):
        inner = list(cast("list[Any]", value))
    else:
        return False
    return depth == 0 or any(_is_deeper(each, depth - 1) for each in inner)


def _check_templates(new: NewVersion) -> None:
    templates: list[Template] = []
    for index, message in enumerate(new.messages):
        where = f"messages[{index}].content"
        if len(message.content) > CONTENT_CHARACTERS_MAX:
            raise InvalidRequest(
                f"{where} has {len(message.content)} characters; send at most {CONTENT_CHARACTERS_MAX}",
                parameter=where,
            )
        try:
            template = compile_template(new.engine, message.content)
            if not template.names:
                render([template], {})  # what depends on no value is known to fit, or not, right now
        except Refusal as refusal:
            raise InvalidRequest(f"{where} is refused: {refusal}", parameter=where) from None
        templates.append(template)


def _check_parameter(name: str, value: Any) -> None:
    where = f"parameters.{name[:64]}"
    known = PARAMETERS.get(name)
    if known is None or "chat" not in known.operations:
        offered = [each for each, names in PARAMETERS.items() if "chat" in names.operations]
        near = difflib.get_close_matches(name, offered, n=3, cutoff=0.5)
        listed = f"the nearest are {', '.join(near)}" if near else f"there are {', '.join(sorted(offered))}"
        raise InvalidRequest(f"{where} is no parameter of a prompt; {listed}", parameter=where)
    if value is None:
        raise InvalidRequest(f"{where} is null; leave it out instead", parameter=where)
    if len(msgspec.json.encode(value)) > VALUE_BYTES_MAX:
        raise InvalidRequest(f"{where} has more than {VALUE_BYTES_MAX} bytes", parameter=where)
    if name == "max_output" and not (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        raise InvalidRequest(f"{where} is no whole number above 0", parameter=where)
    if name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise InvalidRequest(f"{where} is no number", parameter=where)


_NUMBERS: Final = frozenset(
    {"temperature", "top_p", "top_k", "min_p", "seed", "n", "presence_penalty", "frequency_penalty"}
)


def _tools(given: Sequence[dict[str, Any]]) -> tuple[ManagedTool, ...]:
    if len(given) > TOOLS_MAX:
        raise InvalidRequest(f"a prompt has at most {TOOLS_MAX} tools", parameter="tools")
    tools = tuple(_tool(index, tool) for index, tool in enumerate(given))
    names = [tool.name for tool in tools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidRequest(f"tools has {', '.join(twice)} twice; name each once", parameter="tools")
    return tools


def _tool(index: int, given: dict[str, Any]) -> ManagedTool:
    where = f"tools[{index}]"
    plain: dict[str, Any] = {key: value for key, value in given.items() if key != "type"}
    if given.get("type", "function") not in ("function", "custom"):
        raise InvalidRequest(
            f"{where} is a tool of the provider's own; a prompt holds functions, and a call names the others",
            parameter=where,
        )
    if isinstance(plain.get("function"), dict) and len(plain) == 1:
        plain = cast("dict[str, Any]", plain["function"])
    if "input_schema" in plain and "parameters" not in plain:
        plain = {**plain, "parameters": plain["input_schema"]}
        del plain["input_schema"]
    schema = plain.pop("parameters", None)
    if schema is not None and not isinstance(schema, dict):
        raise InvalidRequest(f"{where}.parameters is no JSON Schema", parameter=f"{where}.parameters")
    try:
        tool = msgspec.convert({**plain, "parameters": _json(schema) if schema else ""}, ManagedTool)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"{where} is refused: {error}", parameter=where) from None
    if not TOOL_NAME.fullmatch(tool.name):
        raise InvalidRequest(f"{where}.name is no name of a function", parameter=f"{where}.name")
    return tool


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
