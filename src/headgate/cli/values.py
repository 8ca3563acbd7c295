"""Values on a command line that need no conversion, or a small one: texts, paths, numbers, flags.

typer asks pydantic about every value, even of an option that nobody gave, and pydantic takes longer to load
than most commands to run. What is not plainly right is left to typer, and so is every refusal. Read next:
`app`.
"""

from pathlib import Path
from typing import Any, Final

_LOOKED_AT: Final = ("exists", "writable", "resolve_path", "allow_dash", "path_type", "parser", "click_type")
"""What a declaration may ask for that is typer's to do."""
_LEFT: Final = object()


def take_plain_values(command: Any) -> None:
    """Have a command of typer's, and all commands below it, take plain values as they are."""
    of_command = command.get_params

    def get_params(context: Any) -> list[Any]:
        found = of_command(context)
        for parameter in found:
            if not isinstance(parameter.process_value, _Value):
                parameter.process_value = _Value(parameter)
        return found

    command.get_params = get_params
    for below in getattr(command, "commands", {}).values():
        take_plain_values(below)


class _Value:
    """Stands in the place of a parameter's `process_value`."""

    __slots__ = ("_convert", "_parameter")

    def __init__(self, parameter: Any) -> None:
        self._parameter = parameter
        self._convert = parameter.process_value

    def __call__(self, context: Any, value: Any) -> Any:
        """Return the value for the command. Raises as typer does for what makes no sense."""
        taken = _taken(self._parameter, value)
        if taken is _LEFT:
            return self._convert(context, value)
        callback = self._parameter.callback
        return taken if callback is None else callback(context, self._parameter, taken)


def _taken(parameter: Any, value: Any) -> Any:
    """Return the converted value; _LEFT for what typer has to look at."""
    described = getattr(parameter, "type_descriptor", None)
    if described is None:  # a typer without pydantic
        return _LEFT
    about, kind = described.parameter_info, described.annotation
    if any(getattr(about, asked, None) for asked in _LOOKED_AT):
        return _LEFT
    if kind == list[str]:
        return _LEFT if parameter.required and not value else list(value or ())
    if value is None:
        return _LEFT if parameter.required else None
    if kind is Path:
        return Path(value)
    if kind is int and isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if kind not in (str, int, float, bool) or type(value) is not kind:
        return _LEFT
    return value if _is_within(about, value) else _LEFT


def _is_within(about: Any, value: Any) -> bool:
    return (about.min is None or value >= about.min) and (about.max is None or value <= about.max)
