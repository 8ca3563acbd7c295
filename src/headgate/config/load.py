"""Reads headgate.toml: every unknown key, wrong type and wrong value, each with its line.

What refers to what is checked later (`config.compile`). Never shows a value where a secret may stand.
"""

import re
import tomllib
import types
from pathlib import Path as FilePath
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from headgate.config.case_files import with_files
from headgate.config.document import Document
from headgate.config.lines import Path, locate
from headgate.config.problems import Locations, Problems, nearest
from headgate.config.values import READERS
from headgate.core.faults import Misconfigured

FILE_BYTES_MAX = 4 * 1024 * 1024
TEXT_NAME = "headgate.toml"

_SYNTAX_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")
_TYPE_WORDS: dict[type, str] = {
    str: "a text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A document, and where its parts stand in the file."""

    document: Document
    locations: Locations


def load(source: FilePath | str) -> Document:
    """Read a configuration from a file, or from a text that holds one.

    Raises Misconfigured that lists all that is wrong with the file's shape, a line of text each.
    """
    return load_located(source).document


def load_located(source: FilePath | str) -> Loaded:
    """Read a configuration and keep the lines of its parts, for the checks that follow. Raises as `load`."""
    name, text = _read(source)
    try:
        raw = tomllib.loads(text)
    except RecursionError:
        raise Misconfigured("this is nested too deeply", where=name) from None
    except ValueError as error:  # TOMLDecodeError, or a number with thousands of digits
        raise _syntax(name, text, str(error)) from None
    locations = Locations(source=name, lines=locate(text))
    problems = Problems(locations)
    _Checker(problems).check(raw, Document, ())
    problems.raise_if_any()
    folder = None if isinstance(source, str) else source.parent
    document = with_files(msgspec.convert(raw, Document), folder, problems)
    problems.raise_if_any()
    return Loaded(document=document, locations=locations)


def _read(source: FilePath | str) -> tuple[str, str]:
    name = TEXT_NAME if isinstance(source, str) else source.name
    try:
        content = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{source} can't be read: {error.strerror}") from None
    if len(content) > FILE_BYTES_MAX:
        raise Misconfigured(f"{name} has {len(content)} bytes; at most {FILE_BYTES_MAX} are read")
    if not isinstance(source, str) and not content.strip():
        raise Misconfigured(f"{name} is empty; a server without providers answers nothing")
    try:
        # Some editors begin a file with a byte order mark.
        return name, content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Misconfigured("is no UTF-8 text", where=f"{name}:{line}") from None


def _syntax(name: str, text: str, message: str) -> Misconfigured:
    match = _SYNTAX_LINE.search(message)
    line = int(match[1]) if match and match[1] else text.count("\n") + 1
    reason = _SYNTAX_LINE.sub("", message)
    return Misconfigured(f"this is no valid TOML: {reason}", where=f"{name}:{line}")


class _Checker:
    """Walks a raw document along the types of its structs, so that all problems show at once."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def check(self, value: Any, expected: Any, path: Path) -> None:
        """Compare a value with its type, and what lies in it with theirs."""
        expected, metas = _unwrapped(expected)
        if expected is Any:
            return  # Whatever it is: who reads it checks it.
        origin = get_origin(expected)
        if origin in (Union, types.UnionType):
            self._check_union(value, get_args(expected), path)
        elif origin is Literal:
            self._check_choice(value, cast("tuple[str, ...]", get_args(expected)), path)
        elif origin is dict:
            self._check_names(value, get_args(expected), path)
        elif origin is tuple:
            self._check_list(value, get_args(expected)[0], metas, path)
        elif isinstance(expected, type) and issubclass(expected, msgspec.Struct):
            self._check_table(value, expected, path)
        else:
            self._check_plain(value, expected, metas, path)

    def _check_union(self, value: Any, members: tuple[Any, ...], path: Path) -> None:
        kind = cast("type[object]", type(value))
        choices = [member for member in members if member is not type(None)]
        if len(choices) > 1:
            tables = [each for each in choices if isinstance(each, type) and issubclass(each, msgspec.Struct)]
            choices = tables if isinstance(value, dict) else [each for each in choices if each not in tables]
        fitting = [each for each in choices if _unwrapped(each)[0] is kind]
        self.check(value, (fitting or choices)[0], path)

    def _check_choice(self, value: Any, choices: tuple[str, ...], path: Path) -> None:
        if value in choices:
            return
        close = nearest(value, choices) if isinstance(value, str) else ""
        listed = "" if close.startswith("; known") else f" (one of {', '.join(choices)})"
        self._problems.add(path, f"can't be {_shown(value, path)}{close}{listed}")

    def _check_names(self, value: Any, arguments: tuple[Any, ...], path: Path) -> None:
        if not isinstance(value, dict):
            self._problems.add(path, f"has to be a table, and is {_shown(value, path)}")
            return
        for name, inner in cast("dict[str, Any]", value).items():
            self.check(name, arguments[0], (*path, name))
            self.check(inner, arguments[1], (*path, name))

    def _check_list(self, value: Any, element: Any, metas: list[msgspec.Meta], path: Path) -> None:
        if not isinstance(value, list):
            hint = "; write [[...]] for its table" if isinstance(value, dict) else "; write it in [ ]"
            self._problems.add(path, f"has to be a list, and is {_shown(value, path)}{hint}")
            return
        elements = cast("list[Any]", value)
        for meta in metas:
            if meta.min_length is not None and len(elements) < meta.min_length:
                self._problems.add(path, "is empty; name at least one")
            if meta.max_length is not None and len(elements) > meta.max_length:
                self._problems.add(path, f"has {len(elements)} elements; at most {meta.max_length} are read")
        for index, inner in enumerate(elements):
            self.check(inner, element, (*path, index))

    def _check_table(self, value: Any, table: type[msgspec.Struct], path: Path) -> None:
        if not isinstance(value, dict):
            self._problems.add(path, f"has to be a table, and is {_shown(value, path)}")
            return
        given = cast("dict[str, Any]", value)
        hints = get_type_hints(table, include_extras=True)
        for name, inner in given.items():
            if name in hints:
                self.check(inner, hints[name], (*path, name))
            else:
                self._problems.add((*path, name), f"is unknown{nearest(name, hints)}")
        for field in msgspec.structs.fields(table):
            if field.required and field.name not in given:
                self._problems.add(path, f"has no {field.name}, which it needs")

    def _check_plain(self, value: Any, expected: Any, metas: list[msgspec.Meta], path: Path) -> None:
        fits = isinstance(value, (int, float) if expected is float else expected)
        if not fits or (isinstance(value, bool) and expected is not bool):
            self._problems.add(path, f"has to be {_TYPE_WORDS[expected]}, and is {_shown(value, path)}")
            return
        for meta in metas:
            reads = (meta.extra or {}).get("reads")
            if reads is not None:
                try:
                    READERS[reads](str(value))
                except ValueError as error:
                    self._problems.add(path, str(error))
            elif (limits := _outside(value, meta)) is not None:
                self._problems.add(path, f"is {value!r}; it has to be {limits}")


def _outside(value: float | str, meta: msgspec.Meta) -> str | None:
    low, high = meta.ge if meta.ge is not None else meta.gt, meta.le
    if low is None or high is None or isinstance(value, str):
        return None
    # `not (a <= b)` and not `a > b`: a TOML `nan` is outside every limit.
    above = value > low if meta.gt is not None else value >= low
    if above and value <= high:
        return None
    least, most = _written(low), _written(high)
    return f"above {least} and at most {most}" if meta.gt is not None else f"between {least} and {most}"


def _written(limit: float) -> str:
    """A limit of 1000000.0 is the same annotation as one of 1000000: typing hands out which came first."""
    return str(int(limit)) if float(limit).is_integer() else str(limit)


def _unwrapped(expected: Any) -> tuple[Any, list[msgspec.Meta]]:
    metas = [meta for meta in getattr(expected, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    return (get_args(expected)[0], metas) if metas else (expected, metas)


def _shown(value: Any, path: Path) -> str:
    if "api_key" in path or "headers" in path or "secrets" in path:
        return "not shown, as it may be a secret"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
