"""Operators of Jinja templates over JSON values: bounded, and nothing else than what is written here.

No value has attributes, methods or a class: a template can't reach Python. Read next:
`managed.jinja_functions`.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from headgate.prompts.managed.work import CHARACTERS_PER_STEP, OUTPUT_CHARACTERS_MAX, Refusal, Work, too_long

WHOLE_MAX: Final = 2**63


class Missing:
    """A variable, member or item that is not there; only `default` and `is defined` take it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def present(value: Any) -> Any:
    """Return a value that is there. Raises Refusal that names what is missing."""
    if isinstance(value, Missing):
        raise Refusal(f"the variable {value.name!r} is missing; give it a value", variable=value.name)
    return value


def is_true(value: Any) -> bool:
    """Say whether a value counts as true."""
    return bool(present(value))


def text_of(work: Work, value: Any) -> str:
    """Write a value as Jinja prints it."""
    if isinstance(value, str):
        return value
    text = str(present(value))
    work.step(1 + len(text) // 16)  # what is nested deeply takes long for its length
    return text


def kind_of(value: Any) -> str:
    """Name the kind of a value, for messages."""
    match present(value):
        case None:
            return "none"
        case bool():
            return "a boolean"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case dict():
            return "an object"
        case _:
            return "a list"


def is_number(value: Any) -> bool:
    """Say whether a value is a number; Jinja counts true as 1."""
    return isinstance(value, int | float)


def is_container(value: Any) -> bool:
    """Say whether a value is a list or an object."""
    return isinstance(value, list | dict | tuple | range)


def joined(work: Work, texts: Sequence[str], between: str = "") -> str:
    """Join texts, refusing before it is made a text that is too long."""
    length = sum(map(len, texts)) + len(between) * max(0, len(texts) - 1)
    if length > OUTPUT_CHARACTERS_MAX:
        raise too_long()
    work.step(1 + length // CHARACTERS_PER_STEP + len(texts) // 16)
    return between.join(texts)


def bounded(value: Any) -> Any:
    """Return a number. Raises Refusal for a whole one of more than 64 bits."""
    if isinstance(value, int) and not -WHOLE_MAX <= value < WHOLE_MAX:
        raise Refusal("a whole number grows beyond 64 bits")
    return value


def weighed(work: Work, value: Any) -> Any:
    """Count all that a new list or object holds, however often it holds the same. Raises Refusal."""
    if isinstance(value, str):
        work.through(value)
    elif isinstance(value, dict):
        for item in cast("dict[str, Any]", value).values():
            work.step()
            weighed(work, item)
    elif isinstance(value, list | tuple):
        for item in cast("list[Any]", value):
            work.step()
            weighed(work, item)
    return cast("Any", value)


_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
    "%": operator.mod,
}


def calculate(work: Work, sign: str, left: Any, right: Any) -> Any:
    """Add, subtract, multiply or divide numbers; `+` joins texts, too. Raises Refusal for anything else."""
    left, right = present(left), present(right)
    if is_number(left) and is_number(right):
        try:
            return bounded(_ARITHMETIC[sign](bounded(left), bounded(right)))
        except (ZeroDivisionError, OverflowError):
            raise Refusal(f"{left} {sign} {right} is no number") from None
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        return joined(work, (left, right))
    raise Refusal(f"`{sign}` takes numbers, not {kind_of(left)} and {kind_of(right)}; use `~` to join texts")


def equal(work: Work, left: Any, right: Any) -> bool:
    """Say whether two values are equal. Raises Refusal for two lists or objects that hold anything."""
    left, right = present(left), present(right)
    if is_container(left) and is_container(right) and left and right:
        raise Refusal("lists and objects can't be compared; compare what is in them")
    work.through(left)
    return bool(left == right)


def ordered(work: Work, sign: str, left: Any, right: Any) -> bool:
    """Compare two numbers or two texts. Raises Refusal for anything else."""
    left, right = present(left), present(right)
    same = (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str))
    if not same:
        raise Refusal(f"{kind_of(left)} and {kind_of(right)} have no order, and `{sign}` asks for it")
    work.through(left)
    return bool(_ORDER[sign](left, right))


_ORDER: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}


def contains(work: Work, needle: Any, hay: Any) -> bool:
    """Say whether a list holds a value, an object a member, or a text another text."""
    needle, hay = present(needle), present(hay)
    if is_container(needle) or not (is_container(hay) or isinstance(hay, str)):
        raise Refusal(f"`in` can't look for {kind_of(needle)} in {kind_of(hay)}")
    if isinstance(hay, str):
        if not isinstance(needle, str):
            raise Refusal(f"`in` looks for texts in a text, not for {kind_of(needle)}")
        work.step(1 + (len(hay) + len(needle)) // 64)
        return needle in hay
    work.step(1 + len(hay) // 16)
    if isinstance(needle, str) and len(needle) >= CHARACTERS_PER_STEP:
        work.step(sum(len(item) == len(needle) for item in hay if isinstance(item, str)) * len(needle) // 256)
    return needle in hay


def compare(work: Work, sign: str, left: Any, right: Any) -> bool:
    """Compare two values by a sign as Jinja's parser names it."""
    match sign:
        case "eq":
            return equal(work, left, right)
        case "ne":
            return not equal(work, left, right)
        case "in":
            return contains(work, left, right)
        case "notin":
            return not contains(work, left, right)
        case _:
            return ordered(work, sign, left, right)


def member(value: Any, key: Any, name: str) -> Any:
    """Return an object's member, or a list's or text's item; Missing where there is none."""
    value, key = present(value), present(key)
    if isinstance(value, dict):
        found = cast("dict[Any, Any]", value)
        return found[key] if not is_container(key) and key in found else Missing(name)
    if isinstance(value, str | list | tuple | range) and isinstance(key, int):
        items = cast("list[Any]", value)
        return items[key] if -len(items) <= key < len(items) else Missing(name)
    return Missing(name)


def items_of(work: Work, value: Any) -> Sequence[Any]:
    """Return what a loop goes through: a list's items, or an object's names. Raises Refusal for others."""
    value = present(value)
    work.through(value)
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value))
    if isinstance(value, list | tuple | range):
        return cast("Sequence[Any]", value)
    raise Refusal(f"a loop goes through a list, not through {kind_of(value)}")
