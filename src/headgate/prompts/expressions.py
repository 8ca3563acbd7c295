"""Folds a Python expression into the templates that it can give: constants are text, the rest are holes.

Pure, over the syntax tree; never runs what it reads. Read next: `flow`, which says what names stand for.
"""

import ast
import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, islice, product
from typing import Protocol, cast

from headgate.prompts import notations
from headgate.prompts.model import Hole, Part, Template

ARMS_MAX = 8
DEPTH_MAX = 40
STEPS_MAX = 5_000
"""Of one expression: names that stand for each other end here."""
PARTS_MAX = 5_000
CHARACTERS_MAX = 1_000_000
"""Of one template: what repeats, joins or replaces texts beyond either is a hole."""
HOLE_LENGTH_MAX = 80
LITERALS_KEPT = 8192
"""Plain literals whose templates are remembered: the states of a file hold mostly the same."""

Parts = list[Part]
Arms = list[Parts]

TEXT_WRAPPERS = {"dedent", "textwrap.dedent", "cleandoc", "inspect.cleandoc"}
TEMPLATE_TYPES = {"Template", "string.Template", "jinja2.Template"}
STRIPPERS = {"strip", "lstrip", "rstrip"}
FILLERS = {"substitute", "safe_substitute", "render"}
UNCHANGED = {"str", "cast", "typing.cast"}


class Names(Protocol):
    """What the names in an expression stand for."""

    def value_of(self, node: ast.expr) -> ast.expr | None:
        """Return the one expression that a name, attribute or entry stands for, or None where it varies."""
        ...


class Nameless:
    """Nothing is known of any name."""

    def value_of(self, node: ast.expr) -> ast.expr | None:
        """Return None."""
        return None


def templates_of(node: ast.expr, names: Names | None = None, *, formatted: bool = False) -> list[Template]:
    """Return the templates that an expression can give, at most 8; none where all of it are holes.

    `formatted` says that `.format` is called on it later, so that its braces are holes for certain.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return list(_of_literal(node.value, formatted=formatted))
    arms = _Folder(names or Nameless()).fold(node, 0)
    made: dict[Template, None] = {}
    for arm in arms:
        template = Template.of(_with_holes(arm, formatted=formatted))
        if any(isinstance(part, str) for part in template.parts):
            made[template] = None
    return list(made)


@functools.lru_cache(maxsize=LITERALS_KEPT)
def _of_literal(text: str, *, formatted: bool) -> tuple[Template, ...]:
    template = Template.of(_with_holes([text], formatted=formatted))
    return (template,) if any(isinstance(part, str) for part in template.parts) else ()


class Verbatim(str):
    """A literal whose braces are known to be text, as those of an f-string are."""

    __slots__ = ()


def _with_holes(parts: Iterable[Part], *, formatted: bool) -> Parts:
    found: Parts = []
    plain = [part for part in parts if part != ""]
    for part in _joined(plain):
        if isinstance(part, Hole | Verbatim):
            found.append(part)
        elif formatted:
            found.extend(notations.braces(part) or [part])
        else:
            found.extend(notations.guessed(part))
    return [str(part) if isinstance(part, str) else part for part in found]


def _joined(parts: Parts) -> Parts:
    """Join neighbouring literals of one sort, so that a hole split by concatenation is seen."""
    joined: Parts = []
    for kind, run in groupby(parts, type):
        if issubclass(kind, str):
            joined.append(kind("".join(cast("Iterator[str]", run))))
        else:
            joined.extend(run)
    return joined


class _Folder:
    def __init__(self, names: Names) -> None:
        self._names = names
        self._steps = 0

    def fold(self, node: ast.expr, depth: int) -> Arms:
        self._steps += 1
        if depth > DEPTH_MAX or self._steps > STEPS_MAX:
            return [[_hole(node)]]
        match node:
            case ast.Constant(value=str(text)):
                return [[text]]
            case ast.Constant(value=int() | float() as number) if depth:
                return [[str(number)]]
            case ast.JoinedStr(values=values):
                return self._joined_str(values, depth) or [[_hole(node)]]
            case ast.FormattedValue():
                return self._formatted(node, depth)
            case ast.BinOp(op=ast.Add()):
                sides = [self.fold(node.left, depth + 1), self.fold(node.right, depth + 1)]
                return self._sequence(sides) or [[_hole(node)]]
            case ast.BinOp(op=ast.Mod()):
                return self._percent(node, depth)
            case ast.BinOp(op=ast.Mult(), right=ast.Constant(value=int(times))) if 0 < times <= 200:
                left = self.fold(node.left, depth + 1)
                return [arm * times for arm in left if _fits([arm] * times)] or [[_hole(node)]]
            case ast.IfExp():
                return self._arms([node.body, node.orelse], depth)
            case ast.BoolOp(op=ast.Or(), values=values):
                return self._arms(values, depth)
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self.fold(value, depth + 1)
            case ast.Call():
                return self._call(node, depth)
            case ast.Name() | ast.Attribute() | ast.Subscript():
                value = self._names.value_of(node)
                return [[_hole(node)]] if value is None else self.fold(value, depth + 1)
            case _:
                return [[_hole(node)]]

    def _sequence(self, arms: list[Arms]) -> Arms:
        """Put one arm of each together, in all ways; none where that grows too large."""
        return [
            [part for arm in chosen for part in arm]
            for chosen in islice(product(*arms), ARMS_MAX)
            if _fits(chosen)
        ]

    def _joined_str(self, nodes: list[ast.expr], depth: int) -> Arms:
        return self._sequence(
            [
                [[Verbatim(node.value)]]
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
                else self.fold(node, depth + 1)
                for node in nodes
            ]
        )

    def _arms(self, nodes: list[ast.expr], depth: int) -> Arms:
        return [arm for node in nodes for arm in self.fold(node, depth + 1)][:ARMS_MAX]

    def _formatted(self, node: ast.FormattedValue, depth: int) -> Arms:
        is_plain = node.conversion == -1 and node.format_spec is None
        value = self._names.value_of(node.value) if is_plain else None
        if value is not None:
            return self.fold(value, depth + 1)
        if is_plain and isinstance(node.value, ast.Constant):
            return [[str(node.value.value)]]
        name = _short(node.value)
        if node.conversion != -1:
            name += f"!{chr(node.conversion)}"
        if isinstance(node.format_spec, ast.JoinedStr):
            name += ":" + _spec(node.format_spec)
        return [[Hole(name=name)]]

    def _percent(self, node: ast.BinOp, depth: int) -> Arms:
        values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
        given = tuple(_short(value) for value in values)
        return self._each(node.left, depth, lambda text: notations.percent(text, given=given))

    def _call(self, node: ast.Call, depth: int) -> Arms:
        called = dotted(node.func)
        if called in TEXT_WRAPPERS and len(node.args) == 1:
            change = textwrap.dedent if called.endswith("dedent") else inspect.cleandoc
            return [_changed(arm, change) for arm in self.fold(node.args[0], depth + 1)]
        if called in TEMPLATE_TYPES and node.args:
            return self._each(node.args[0], depth, _dollar_or_jinja)
        if called in UNCHANGED and node.args:
            return self.fold(node.args[-1], depth + 1)
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, depth)
        return [[_hole(node)]]

    def _method(self, node: ast.Call, method: ast.Attribute, depth: int) -> Arms:
        if method.attr == "format":
            given = tuple(_short(value) for value in node.args)
            return self._each(
                method.value, depth, lambda text: notations.braces(text, given=given) or [Verbatim(text)]
            )
        if method.attr in STRIPPERS and not node.args:
            return [_stripped(arm, method.attr) for arm in self.fold(method.value, depth + 1)]
        if method.attr in FILLERS or method.attr in ("encode", "partial"):
            return self.fold(method.value, depth + 1)
        if method.attr == "join" and len(node.args) == 1:
            return self._join(node.args[0], method.value, depth) or [[_hole(node)]]
        if method.attr == "replace" and len(node.args) == 2 and isinstance(node.args[0], ast.Constant):
            old, new = node.args[0].value, node.args[1]
            if isinstance(old, str) and old:
                arms = self.fold(method.value, depth + 1)
                return [_replaced(arm, old, new) for arm in arms if _fits_replaced(arm, old, new)] or [
                    [_hole(node)]
                ]
        return [[_hole(node)]]

    def _join(self, listed: ast.expr, between: ast.expr, depth: int) -> Arms:
        if not isinstance(listed, ast.List | ast.Tuple):
            return []
        nodes: list[ast.expr] = []
        for element in listed.elts:
            nodes.extend([element] if not nodes else [between, element])
        return self._sequence([self.fold(node, depth + 1) for node in nodes])

    def _each(self, node: ast.expr, depth: int, read: Callable[[str], Parts]) -> Arms:
        """Read the notation of holes in each literal of what an expression gives."""
        made: Arms = []
        for arm in self.fold(node, depth + 1):
            parts: Parts = []
            for part in _joined([str(part) if isinstance(part, str) else part for part in arm]):
                read_parts = read(part) if isinstance(part, str) else [part]
                parts.extend(Verbatim(each) if isinstance(each, str) else each for each in read_parts)
            made.append(parts)
        return made


def dotted(node: ast.expr) -> str:
    """Return the dotted name of an expression, calls left out: `a.b(c).d` is `a.b.d`; empty where none."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            before = dotted(value)
            return f"{before}.{name}" if before else name
        case ast.Call(func=called):
            return dotted(called)
        case ast.Subscript(value=value) | ast.Await(value=value):
            return dotted(value)
        case _:
            return ""


def _hole(node: ast.expr) -> Hole:
    return Hole(name=_short(node))


def _spec(node: ast.JoinedStr) -> str:
    try:
        return ast.unparse(node)[2:-1]
    except ValueError:  # a text in it with a line break
        return "..."


def _fits(arms: Sequence[Parts]) -> bool:
    """Whether these together are no more than one template holds."""
    parts = characters = 0
    for arm in arms:
        parts += len(arm)
        characters += sum(len(part) for part in arm if isinstance(part, str))
    return parts <= PARTS_MAX and characters <= CHARACTERS_MAX


def _fits_replaced(arm: Parts, old: str, new: ast.expr) -> bool:
    found = sum(part.count(old) for part in arm if isinstance(part, str))
    length = len(new.value) if isinstance(new, ast.Constant) and isinstance(new.value, str) else 0
    characters = sum(len(part) for part in arm if isinstance(part, str))
    return len(arm) + 2 * found <= PARTS_MAX and characters + found * length <= CHARACTERS_MAX


def _short(node: ast.expr) -> str:
    try:
        text = " ".join(ast.unparse(node).split())
    except (RecursionError, ValueError):
        return "..."
    return text if len(text) <= HOLE_LENGTH_MAX else text[: HOLE_LENGTH_MAX - 1] + "…"


def _dollar_or_jinja(text: str) -> Parts:
    return notations.jinja(text) if "{{" in text or "{%" in text else notations.dollar(text)


MARK = "\ue000"
"""Stands for a hole while the text around it is changed; private, so that no text holds it."""


def _changed(arm: Parts, change: Callable[[str], str]) -> Parts:
    holes = [part for part in arm if isinstance(part, Hole)]
    is_verbatim = any(isinstance(part, Verbatim) for part in arm)
    pieces = change("".join(MARK if isinstance(part, Hole) else part for part in arm)).split(MARK)
    made: Parts = []
    for index, piece in enumerate(pieces):
        made.append(Verbatim(piece) if is_verbatim else piece)
        if index < len(holes):
            made.append(holes[index])
    return made


def _stripped(arm: Parts, method: str) -> Parts:
    changes: dict[str, Callable[[str], str]] = {
        "strip": str.strip,
        "lstrip": str.lstrip,
        "rstrip": str.rstrip,
    }
    return _changed(arm, changes[method])


def _replaced(arm: Parts, old: str, new: ast.expr) -> Parts:
    made: Parts = []
    for part in arm:
        if isinstance(part, Hole):
            made.append(part)
            continue
        pieces = part.split(old)
        for index, piece in enumerate(pieces):
            if index:
                is_text = isinstance(new, ast.Constant) and isinstance(new.value, str)
                made.append(Verbatim(new.value) if is_text else _hole(new))  # type: ignore[union-attr]
            made.append(type(part)(piece))
    return made
