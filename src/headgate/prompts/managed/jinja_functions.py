"""Filters, tests, methods and functions that Jinja templates may use: an allowlist, each of bounded cost.

What is not here is refused when a version is made. They mean what they mean in Jinja, but that nothing is
escaped for HTML. Read next: `managed.jinja`.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import msgspec

from headgate.prompts.managed.jinja_values import (
    Missing,
    calculate,
    compare,
    is_container,
    is_number,
    items_of,
    joined,
    kind_of,
    member,
    present,
    text_of,
)
from headgate.prompts.managed.work import CHARACTERS_PER_STEP, OUTPUT_CHARACTERS_MAX, Refusal, Work, too_long

RANGE_MAX: Final = 10_000
INDENT_MAX: Final = 64
TRIMMED_MAX: Final = 256
"""How many different characters `trim` looks for: each character of the text is looked up among them."""

Call = Callable[..., Any]


class Function(msgspec.Struct, frozen=True):
    """What a template may call: it is given the work and the value first, then by name what a template gives.

    `names` are those arguments, called as Jinja calls them, of which `least` must be given.
    """

    call: Call
    names: tuple[str, ...] = ()
    least: int = 0
    takes_missing: bool = False


def _text_filter(change: Callable[[str], str]) -> Function:
    def call(work: Work, value: Any) -> str:
        text = text_of(work, value)
        work.step(len(text) // 128)
        return change(text)

    return Function(call)


def _default(work: Work, value: Any, default_value: Any = "", boolean: Any = False) -> Any:
    del work
    absent = isinstance(value, Missing) or (bool(boolean) and not value)
    return default_value if absent else value


def _trim(work: Work, value: Any, chars: Any = None) -> str:
    text = text_of(work, value)
    work.through(text)
    if chars is None:
        return text.strip()
    trimmed = text_of(work, chars)
    if len(trimmed) > TRIMMED_MAX:
        raise Refusal(f"`trim` takes {TRIMMED_MAX} characters off, and these are {len(trimmed)}")
    return text.strip(trimmed)


def _replace(work: Work, value: Any, old: Any, new: Any, count: Any = -1) -> str:
    text, before, after = text_of(work, value), text_of(work, old), text_of(work, new)
    work.step(1 + len(text) // 64)
    found = text.count(before)
    if len(text) + found * max(0, len(after) - len(before)) > OUTPUT_CHARACTERS_MAX:
        raise too_long()
    work.step(found * (1 + len(after)) // CHARACTERS_PER_STEP)
    return text.replace(before, after, min(_whole(count, "replace"), OUTPUT_CHARACTERS_MAX))


def _join(work: Work, value: Any, d: Any = "", attribute: Any = None) -> str:
    items = items_of(work, value)
    if attribute is not None:
        items = _attributes(work, items, attribute)
    return joined(work, [text_of(work, item) for item in items], text_of(work, d))


def _attributes(work: Work, items: Sequence[Any], attribute: Any) -> list[Any]:
    work.step(len(items))
    name = _attribute_name(attribute)
    return [present(member(item, attribute, name)) for item in items]


def _attribute_name(attribute: Any) -> str:
    """How an attribute is called in messages. Raises Refusal for what names none."""
    if isinstance(attribute, str | int):
        return str(attribute)
    raise Refusal(f"an attribute is a text or a whole number, not {kind_of(attribute)}")


def _length(work: Work, value: Any) -> int:
    del work
    if isinstance(value, str) or is_container(value):
        return len(value)
    raise Refusal(f"{kind_of(value)} has no length")


def _at(index: int) -> Function:
    def call(work: Work, value: Any) -> Any:
        items = value if isinstance(value, str) else items_of(work, value)
        return items[index] if len(items) else Missing("first item" if index == 0 else "last item")

    return Function(call)


def _list(work: Work, value: Any) -> list[Any]:
    if isinstance(value, str):
        work.step(1 + len(value) // 16)
        return list(value)
    return list(items_of(work, value))


def _reverse(work: Work, value: Any) -> Any:
    work.through(value)
    return value[::-1] if isinstance(value, str) else list(reversed(items_of(work, value)))


def _unique(work: Work, value: Any) -> list[Any]:
    items = items_of(work, value)
    if any(is_container(item) for item in items):
        raise Refusal("`unique` takes a list of texts and numbers")
    work.step(len(items) // 4)
    return list(dict.fromkeys(items))


def _sort(
    work: Work, value: Any, reverse: Any = False, case_sensitive: Any = False, attribute: Any = None
) -> Any:
    items = items_of(work, value)
    keys = list(items) if attribute is None else _attributes(work, items, attribute)
    if not (all(map(is_number, keys)) or all(isinstance(key, str) for key in keys)):
        raise Refusal("`sort` takes a list of numbers or a list of texts")
    for key in keys:
        work.step()
        work.through(key)
    if not case_sensitive and keys and isinstance(keys[0], str):
        keys = [key.lower() for key in keys]
    order = sorted(range(len(keys)), key=keys.__getitem__, reverse=bool(reverse))
    return [items[index] for index in order]


def _sum(work: Work, value: Any, attribute: Any = None, start: Any = 0) -> Any:
    items = items_of(work, value)
    total = start
    for item in items if attribute is None else _attributes(work, items, attribute):
        if not is_number(item):
            raise Refusal("`sum` takes a list of numbers")
        work.step()
        total = calculate(work, "+", total, item)
    return total


def _map(work: Work, value: Any, attribute: Any) -> list[Any]:
    return _attributes(work, items_of(work, value), attribute)


def _selected(keep: bool) -> Function:
    def call(work: Work, value: Any, attribute: Any, test: Any = None, other: Any = None) -> list[Any]:
        chosen: list[Any] = []
        name = _attribute_name(attribute)
        for item in items_of(work, value):
            work.step()
            found = member(item, attribute, name)
            if test is None:
                holds = not isinstance(found, Missing) and bool(found)
            elif test in ("equalto", "==", "eq", "ne", "!=", "in"):
                holds = compare(work, {"equalto": "eq", "==": "eq", "!=": "ne"}.get(test, test), found, other)
            else:
                raise Refusal(f"the test {str(test)[:40]!r} is not offered here; use `equalto`")
            if holds is keep:
                chosen.append(item)
        return chosen

    return Function(call, ("attribute", "test", "other"), 1)


def _int(work: Work, value: Any, default: Any = 0) -> Any:
    del work
    if isinstance(value, str) and len(value) > 40:
        return default
    try:
        return int(float(value)) if isinstance(value, str) and "." in value else int(value)
    except (ValueError, TypeError, OverflowError):
        return default


def _float(work: Work, value: Any, default: Any = 0.0) -> Any:
    del work
    if isinstance(value, str) and len(value) > 400:
        return default
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        return default


def _round(work: Work, value: Any, precision: Any = 0) -> float:
    del work
    if not is_number(value):
        raise Refusal(f"`round` takes a number, not {kind_of(value)}")
    try:
        return round(float(value), max(-20, min(20, _whole(precision, "round"))))
    except OverflowError:
        raise Refusal("`round` takes a number that is not so large") from None


def _abs(work: Work, value: Any) -> Any:
    del work
    if not is_number(value):
        raise Refusal(f"`abs` takes a number, not {kind_of(value)}")
    return abs(value)


def _tojson(work: Work, value: Any, indent: Any = None) -> str:
    width = None if indent is None else max(0, min(8, _whole(indent, "tojson")))

    def listed(numbers: Any) -> list[int]:
        """What JSON does not know: a range, wherever it stands."""
        work.step(1 + len(numbers) // 4)
        return list(numbers)

    text = json.dumps(value, ensure_ascii=False, indent=width, default=listed)
    work.step(1 + len(text) // 16)
    return text


def _indent(work: Work, value: Any, width: Any = 4, first: Any = False, blank: Any = False) -> str:
    text = text_of(work, value)
    space = " " * max(0, min(INDENT_MAX, _whole(width, "indent")))
    lines = text.split("\n")
    shifted = [space + line if line.strip() or blank else line for line in lines[1:]]
    return joined(work, [space + lines[0] if first else lines[0], *shifted], "\n")


def _truncate(work: Work, value: Any, length: Any = 255, killwords: Any = False, end: Any = "...") -> str:
    text, ending = text_of(work, value), text_of(work, end)
    most = max(len(ending), _whole(length, "truncate"))
    if len(text) <= most + 5:  # the leeway that Jinja has
        return text
    cut = text[: most - len(ending)]
    return joined(work, (cut if killwords else cut.rsplit(" ", 1)[0], ending))


def _items(work: Work, value: Any) -> list[Any]:
    return [(key, value[key]) for key in _object(work, value, "items")]


def _keys(work: Work, value: Any) -> list[Any]:
    return list(_object(work, value, "keys"))


def _values(work: Work, value: Any) -> list[Any]:
    return list(_object(work, value, "values").values())


def _wordcount(work: Work, value: Any) -> int:
    text = text_of(work, value)
    work.step(1 + len(text) // 64)
    return len(text.split())


def _dictsort(work: Work, value: Any) -> list[Any]:
    found = _object(work, value, "dictsort")
    return [(key, found[key]) for key in _sort(work, list(found))]


def _object(work: Work, value: Any, what: str) -> dict[str, Any]:
    work.through(value)
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    raise Refusal(f"`{what}` takes an object, not {kind_of(value)}")


def _whole(value: Any, what: str) -> int:
    if isinstance(value, int):
        return value
    raise Refusal(f"`{what}` takes a whole number, not {kind_of(value)}")


def _same(work: Work, value: Any) -> Any:
    del work
    return value


FILTERS: Final[dict[str, Function]] = {
    "abs": Function(_abs),
    "capitalize": _text_filter(str.capitalize),
    "count": Function(_length),
    "d": Function(_default, ("default_value", "boolean"), 0, takes_missing=True),
    "default": Function(_default, ("default_value", "boolean"), 0, takes_missing=True),
    "dictsort": Function(_dictsort),
    "first": _at(0),
    "float": Function(_float, ("default",)),
    "indent": Function(_indent, ("width", "first", "blank")),
    "int": Function(_int, ("default",)),
    "items": Function(_items),
    "join": Function(_join, ("d", "attribute")),
    "last": _at(-1),
    "length": Function(_length),
    "list": Function(_list),
    "lower": _text_filter(str.lower),
    "map": Function(_map, ("attribute",), 1),
    "rejectattr": _selected(keep=False),
    "replace": Function(_replace, ("old", "new", "count"), 2),
    "reverse": Function(_reverse),
    "round": Function(_round, ("precision",)),
    "safe": Function(_same),
    "selectattr": _selected(keep=True),
    "sort": Function(_sort, ("reverse", "case_sensitive", "attribute")),
    "string": Function(text_of),
    "sum": Function(_sum, ("attribute", "start")),
    "title": _text_filter(str.title),
    "tojson": Function(_tojson, ("indent",)),
    "trim": Function(_trim, ("chars",)),
    "truncate": Function(_truncate, ("length", "killwords", "end")),
    "unique": Function(_unique),
    "upper": _text_filter(str.upper),
    "wordcount": Function(_wordcount),
}


def _test(check: Callable[[Any], Any], *, takes_missing: bool = False) -> Function:
    def call(work: Work, value: Any) -> bool:
        del work
        return bool(check(value))

    return Function(call, takes_missing=takes_missing)


def _case_test(check: Callable[[str], bool]) -> Function:
    def call(work: Work, value: Any) -> bool:
        work.through(value)
        return isinstance(value, str) and check(value)

    return Function(call)


def _comparing(sign: str) -> Function:
    def call(work: Work, value: Any, other: Any) -> bool:
        return compare(work, sign, value, other)

    return Function(call, ("other",), 1)


def _whole_test(check: Callable[[int], bool], what: str) -> Function:
    return _test(lambda value: check(_whole(value, what)))


def _divisible(work: Work, value: Any, other: Any) -> bool:
    return bool(calculate(work, "%", _whole(value, "divisibleby"), _whole(other, "divisibleby")) == 0)


TESTS: Final[dict[str, Function]] = {
    "boolean": _test(lambda value: isinstance(value, bool)),
    "defined": _test(lambda value: not isinstance(value, Missing), takes_missing=True),
    "divisibleby": Function(_divisible, ("other",), 1),
    "even": _whole_test(lambda value: value % 2 == 0, "even"),
    "false": _test(lambda value: value is False),
    "float": _test(lambda value: isinstance(value, float)),
    "integer": _test(lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "iterable": _test(lambda value: isinstance(value, str) or is_container(value)),
    "lower": _case_test(str.islower),
    "mapping": _test(lambda value: isinstance(value, dict)),
    "none": _test(lambda value: value is None),
    "number": _test(is_number),
    "odd": _whole_test(lambda value: value % 2 == 1, "odd"),
    "sequence": _test(lambda value: isinstance(value, str) or is_container(value)),
    "string": _test(lambda value: isinstance(value, str)),
    "true": _test(lambda value: value is True),
    "undefined": _test(lambda value: isinstance(value, Missing), takes_missing=True),
    "upper": _case_test(str.isupper),
    **{name: _comparing("eq") for name in ("eq", "equalto", "==")},
    **{name: _comparing("ne") for name in ("ne", "!=")},
    **{name: _comparing("lt") for name in ("lt", "lessthan", "<")},
    **{name: _comparing("lteq") for name in ("le", "<=")},
    **{name: _comparing("gt") for name in ("gt", "greaterthan", ">")},
    **{name: _comparing("gteq") for name in ("ge", ">=")},
    "in": _comparing("in"),
}


def _get(work: Work, value: Any, key: Any, default: Any = None) -> Any:
    found = member(_object(work, value, "get"), key, "get")
    return default if isinstance(found, Missing) else found


def _starts(work: Work, value: Any, start: Any) -> bool:
    work.through(start)
    return text_of(work, value).startswith(text_of(work, start))


def _ends(work: Work, value: Any, end: Any) -> bool:
    work.through(end)
    return text_of(work, value).endswith(text_of(work, end))


METHODS: Final[dict[str, Function]] = {
    "endswith": Function(_ends, ("end",), 1),
    "get": Function(_get, ("key", "default"), 1),
    "items": Function(_items),
    "keys": Function(_keys),
    "lower": FILTERS["lower"],
    "startswith": Function(_starts, ("start",), 1),
    "strip": Function(_trim, ("chars",)),
    "title": FILTERS["title"],
    "upper": FILTERS["upper"],
    "values": Function(_values),
}
"""What may be called on a value, as in `order.items()`; no attribute of Python's is ever reached."""


def count_up(work: Work, *bounds: Any) -> range:
    """Return `range(...)` of at most 10,000 numbers. Raises Refusal for more."""
    work.step()
    numbers = [_whole(present(bound), "range") for bound in bounds]
    if any(abs(number) > 2**31 for number in numbers) or (len(numbers) == 3 and numbers[2] == 0):
        raise Refusal(f"`range` makes at most {RANGE_MAX} numbers")
    made = range(*numbers)
    if len(made) > RANGE_MAX:
        raise Refusal(f"`range` makes at most {RANGE_MAX} numbers, and this makes {len(made)}")
    return made
