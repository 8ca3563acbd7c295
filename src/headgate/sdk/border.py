"""The border between an application and what is done inside it: nothing of ours is raised into its code.

Never uses `warnings`, which an application may have turned into errors. Read next: `sdk.observing`.
"""

import logging
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

SAID_MAX: Final = 1000

Given = ParamSpec("Given")
Result = TypeVar("Result")

_log = logging.getLogger("headgate.sdk")
_said: set[str] = set()


def say_once(text: str) -> None:
    """Warn of something, once in a process."""
    if text in _said or len(_said) >= SAID_MAX:
        return
    _said.add(text)
    _log.warning(text)


def guarded(
    function: Callable[Given, Result], *arguments: Given.args, **named: Given.kwargs
) -> Result | None:
    """Call something of ours, and answer None where it raises, which is said once."""
    try:
        return function(*arguments, **named)
    except Exception as error:  # noqa: BLE001 - the border to the application
        say_once(f"headgate.{function.__name__} failed: {_described(error)}; the application goes on without")
        return None


def attempted(function: Callable[[object], Result], value: object, otherwise: Result) -> Result:
    """Call something of the application's, such as the `__repr__` of a value, that may raise anything."""
    try:
        return function(value)
    except Exception:  # noqa: BLE001 - whatever code of the application raises
        return otherwise


def tried(
    function: Callable[Given, Result], *arguments: Given.args, **named: Given.kwargs
) -> tuple[Result | None, str]:
    """Call something of the user's, and answer what it returned, or None and how it failed."""
    try:
        return function(*arguments, **named), ""
    except Exception as error:  # noqa: BLE001 - whatever code of the user raises
        return None, _described(error)


def _described(error: BaseException) -> str:
    name = type(error).__name__
    return f"{name}: {attempted(str, error, 'no message')[:500]}"
