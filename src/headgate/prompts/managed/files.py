"""A managed prompt as a file for people and for git: YAML with its messages as blocks of text.

Stable, so that a small change is a small diff: no version number, no time, members in a fixed order. Never
reads or writes a disk. Read next: `managed.checking`, the command `headgate prompts export`.
"""

from typing import Any, Final, cast

import msgspec
import yaml

from headgate.core.faults import InvalidRequest
from headgate.prompts.managed.checking import NewVersion, check_name
from headgate.prompts.managed.model import ManagedVersion

HEAD: Final = (
    "# A managed prompt of Headgate; `headgate prompts import` makes a version of what changes here.\n"
)
FILE_BYTES_MAX: Final = 1024 * 1024
ENDINGS: Final = (".yaml", ".yml")


class PromptFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says: a prompt's name and its version."""

    name: str
    version: NewVersion


class _Block(str):
    """A text that is written as a block."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes texts of messages as blocks."""


class _Loader(yaml.SafeLoader):
    """Reads plain values; takes no aliases, by which a small file could stand for a huge one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        reader = cast("Any", super())
        if reader.check_event(yaml.AliasEvent):
            event = reader.peek_event()
            raise yaml.MarkedYAMLError(problem="aliases are not taken", problem_mark=event.start_mark)
        return reader.compose_node(parent, index)


def _represent_block(dumper: Any, block: _Block) -> Any:
    return _represent_text(dumper, str(block), "|")


def _represent_text(dumper: Any, text: str, style: str | None = None) -> Any:
    # Outside of quotes, YAML takes each of these for an end of a line like any other.
    quoted = not _LINE_ENDS.isdisjoint(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if quoted else style)


_LINE_ENDS: Final = frozenset("\r\x85\u2028\u2029")
_Dumper.add_representer(_Block, _represent_block)
_Dumper.add_representer(str, _represent_text)


def write_file(name: str, version: ManagedVersion) -> str:
    """Return a prompt's file."""
    said: dict[str, Any] = {"name": name, "engine": version.engine}
    if version.model is not None:
        said["model"] = version.model
    if version.parameters:
        said["parameters"] = dict(sorted(version.parameters.items()))
    said["messages"] = [
        {"role": message.role, "content": _Block(message.content)} for message in version.messages
    ]
    if version.tools:
        said["tools"] = [
            {
                "name": tool.name,
                **({"description": tool.description} if tool.description else {}),
                **({"parameters": msgspec.json.decode(tool.parameters)} if tool.parameters else {}),
            }
            for tool in version.tools
        ]
    if version.response_schema is not None:
        said["response_schema"] = msgspec.json.decode(version.response_schema)
    dumped: Any = yaml.dump(
        said, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6, default_flow_style=False
    )
    return HEAD + cast("str", dumped)


def read_file(text: str, name: str) -> PromptFile:
    """Read a prompt's file; `name` is meant where it says none.

    Raises InvalidRequest, for YAML with the line.
    """
    if len(text.encode()) > FILE_BYTES_MAX:
        raise InvalidRequest(f"the file has more than {FILE_BYTES_MAX} bytes")
    try:
        said = yaml.load(text, Loader=_Loader)  # noqa: S506 - it makes plain values only
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f"line {error.problem_mark.line + 1}: "
        raise InvalidRequest(f"{line}{error.problem or 'the file is no YAML'}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"the file is no YAML: {error}") from None
    if not isinstance(said, dict):
        raise InvalidRequest("the file holds no prompt: write `messages`")
    members = cast("dict[str, Any]", said)
    given = members.pop("name", name)
    try:
        version = msgspec.convert(members, NewVersion)
    except (msgspec.ValidationError, RecursionError) as error:
        raise InvalidRequest(f"the file is refused: {error}") from None
    return PromptFile(name=check_name(str(given)), version=version)
