"""How a function becomes a command: its options structs become flags, and a server is opened for it.

A command takes an `Api` (or an `Output` where it needs no server) first, then its own arguments; any
parameter whose type is a `msgspec.Struct` is spread into one flag for each of its fields. So commands with
many flags have few parameters, and every one of them has --json.
"""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
import typer

from headgate.cli.client import Client, connected, find_key
from headgate.cli.output import Output
from headgate.settings import Settings

JSON_HELP = "Print JSON in place of a table."


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """The flags of every command that asks a server."""

    url: Annotated[
        str | None, typer.Option(help="The server; by default HEADGATE_URL, else http://127.0.0.1:4400.")
    ] = None
    data: Annotated[
        Path | None, typer.Option(help="The data folder whose admin.key to use when HEADGATE_KEY is not set.")
    ] = None
    json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """The flag of every command that asks no server."""

    json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    """No flags in common."""


class Api(msgspec.Struct, frozen=True):
    """What a command works with: the server, where its answer goes, and the data folder that was named."""

    client: Client
    out: Output
    folder: Path = Path()


def over_api(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function that takes an `Api` first."""

    def call(connection: Connection, **arguments: Any) -> None:
        settings = Settings.from_environment()
        folder = connection.data or settings.data_folder
        with connected(connection.url or settings.url, find_key(settings, folder)) as client:
            function(Api(client, Output(as_json=connection.json), folder), **arguments)

    return _spread(function, Connection, call)


def locally(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function that takes an `Output` first and needs no server."""

    def call(chosen: Format, **arguments: Any) -> None:
        function(Output(as_json=chosen.json), **arguments)

    return _spread(function, Format, call)


def here(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function that takes its own arguments only."""

    def call(_: Nothing, **arguments: Any) -> None:
        function(**arguments)

    return _spread(function, Nothing, call, given=0)


def _spread(
    function: Callable[..., None],
    common: type[msgspec.Struct],
    call: Callable[..., None],
    *,
    given: int = 1,
) -> Callable[..., None]:
    hints = get_type_hints(function, include_extras=True)
    structs: dict[str, type[msgspec.Struct]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in list(inspect.signature(function).parameters.items())[given:]:
        hint = hints[name]
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            structs[name] = hint
            parameters.extend(_flags(hint))
        else:
            parameters.append(parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY))
    parameters.extend(_flags(common))

    @functools.wraps(function)
    def command(**values: Any) -> None:
        first = _gather(common, values)
        gathered = {name: _gather(struct, values) for name, struct in structs.items()}
        call(first, **values, **gathered)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del command.__wrapped__  # type: ignore[attr-defined]
    return command


def _flags(struct: type[msgspec.Struct]) -> list[inspect.Parameter]:
    hints = get_type_hints(struct, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=_default(field), annotation=hints[field.name]
        )
        for field in msgspec.structs.fields(struct)
    ]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return inspect.Parameter.empty


def _gather(struct: type[msgspec.Struct], values: dict[str, Any]) -> msgspec.Struct:
    names = [field.name for field in msgspec.structs.fields(struct)]
    return struct(**{name: values.pop(name) for name in names})
