"""Expressions of Jinja templates as nodes of our own; any other is refused when a version is made.

Read next: `managed.jinja_values` (operators), `managed.jinja_functions` (filters, tests, methods).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from jinja2 import nodes

from headgate.prompts.managed.jinja_functions import FILTERS, METHODS, TESTS, Function, count_up
from headgate.prompts.managed.jinja_values import (
    Missing,
    bounded,
    calculate,
    compare,
    is_number,
    is_true,
    items_of,
    joined,
    kind_of,
    member,
    present,
    text_of,
    weighed,
)
from headgate.prompts.managed.work import Refusal, Work

DEPTH_MAX: Final = 40

Scope = dict[str, Any]
Expression = Callable[[Work, Scope], Any]

_CALCULATIONS: Final[dict[type[Any], str]] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
}


class Names:
    """The variables of a template: those it reads, those it binds itself, and those it can't do without."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        self.assigned: set[str] = set()
        self.required: set[str] = set()

    def require(self, node: nodes.Node) -> None:
        """Note the names that an expression can't do without, where it is always evaluated."""
        if isinstance(node, nodes.Name):
            self.required.add(node.name)
        elif isinstance(node, nodes.Getattr | nodes.Getitem) or (
            isinstance(node, nodes.Filter) and node.name not in ("default", "d") and node.node is not None
        ):
            self.require(node.node)  # pyright: ignore[reportArgumentType]
        elif isinstance(node, nodes.Concat):
            for part in node.nodes:
                self.require(part)


def refuse(node: nodes.Node, what: str) -> Refusal:
    """Say that something in a template is not allowed, and in which line."""
    return Refusal(what, line=node.lineno)


def expression(node: nodes.Node, names: Names, depth: int) -> Expression:
    """Return what evaluates an expression. Raises Refusal that names the line."""
    make = _EXPRESSIONS.get(type(node))
    if make is None:
        word = type(node).__name__
        raise refuse(node, f"an expression of the kind {word} is not offered in a prompt")
    if depth > DEPTH_MAX:
        raise refuse(node, f"an expression may be nested {DEPTH_MAX} deep, and this is deeper")
    return make(node, names, depth + 1)


def _name(node: Any, names: Names, depth: int) -> Expression:
    del depth
    name: str = node.name
    names.read.add(name)

    def value(work: Work, scope: Scope) -> Any:
        work.step()
        return scope[name] if name in scope else Missing(name)

    return value


def _const(node: Any, names: Names, depth: int) -> Expression:
    del names, depth
    constant = node.value
    if is_number(constant):
        bounded(constant)

    def value(work: Work, scope: Scope) -> Any:
        del scope
        work.step()
        return constant

    return value


def _getattr(node: Any, names: Names, depth: int) -> Expression:
    of = expression(node.node, names, depth)
    key: str = node.attr
    if key.startswith("__"):
        raise refuse(node, f"{key[:60]!r} is no member of a JSON value, and nothing else can be reached")
    name = _written(node)

    def value(work: Work, scope: Scope) -> Any:
        work.step()
        return member(of(work, scope), key, name)

    return value


def _getitem(node: Any, names: Names, depth: int) -> Expression:
    of = expression(node.node, names, depth)
    if isinstance(node.arg, nodes.Slice):
        return _slice(of, node.arg, names, depth)
    key = expression(node.arg, names, depth)
    name = _written(node)

    def value(work: Work, scope: Scope) -> Any:
        work.step()
        return member(of(work, scope), key(work, scope), name)

    return value


def _slice(of: Expression, node: nodes.Slice, names: Names, depth: int) -> Expression:
    parts = [
        None if part is None else expression(part, names, depth)
        for part in (node.start, node.stop, node.step)
    ]

    def value(work: Work, scope: Scope) -> Any:
        bounds = [None if part is None else present(part(work, scope)) for part in parts]
        items = present(of(work, scope))
        if any(not (bound is None or isinstance(bound, int)) for bound in bounds) or bounds[2] == 0:
            raise Refusal("a slice takes whole numbers, and a step that is not 0")
        if not isinstance(items, str):
            items = items_of(work, items)
        work.through(items)
        return items[slice(*bounds)]

    return value


def _written(node: Any) -> str:
    """How a member is written, such as `user.name`, for messages."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_written(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem):
        key = repr(node.arg.value)[:40] if isinstance(node.arg, nodes.Const) else "..."
        return f"{_written(node.node)}[{key}]"
    return "..."


def _list(node: Any, names: Names, depth: int) -> Expression:
    items = [expression(item, names, depth) for item in node.items]

    def value(work: Work, scope: Scope) -> Any:
        return weighed(work, [present(item(work, scope)) for item in items])

    return value


def _tuple(node: Any, names: Names, depth: int) -> Expression:
    listed = _list(node, names, depth)
    return lambda work, scope: tuple(listed(work, scope))


def _dict(node: Any, names: Names, depth: int) -> Expression:
    pairs = [
        (expression(pair.key, names, depth), expression(pair.value, names, depth)) for pair in node.items
    ]

    def value(work: Work, scope: Scope) -> Any:
        made: dict[str, Any] = {}
        for key, item in pairs:
            name = present(key(work, scope))
            if not isinstance(name, str):
                raise Refusal(f"a member's name is a text, not {kind_of(name)}")
            made[name] = present(item(work, scope))
        return weighed(work, made)

    return value


def _calculation(node: Any, names: Names, depth: int) -> Expression:
    sign = _CALCULATIONS[type(node)]
    for side in (node.left, node.right):
        if isinstance(side, nodes.Const) and isinstance(side.value, str) and sign != "+":
            raise refuse(node, f"`{sign}` takes numbers, not texts; texts are neither repeated nor formatted")
    left, right = expression(node.left, names, depth), expression(node.right, names, depth)

    def value(work: Work, scope: Scope) -> Any:
        work.step()
        return calculate(work, sign, left(work, scope), right(work, scope))

    return value


def _negative(node: Any, names: Names, depth: int) -> Expression:
    of = expression(node.node, names, depth)
    return lambda work, scope: calculate(work, "-", 0, of(work, scope))


def _positive(node: Any, names: Names, depth: int) -> Expression:
    of = expression(node.node, names, depth)
    return lambda work, scope: calculate(work, "+", 0, of(work, scope))


def _not(node: Any, names: Names, depth: int) -> Expression:
    of = expression(node.node, names, depth)
    return lambda work, scope: not is_true(of(work, scope))


def _and(node: Any, names: Names, depth: int) -> Expression:
    left, right = expression(node.left, names, depth), expression(node.right, names, depth)

    def value(work: Work, scope: Scope) -> Any:
        first = left(work, scope)
        return right(work, scope) if is_true(first) else first

    return value


def _or(node: Any, names: Names, depth: int) -> Expression:
    left, right = expression(node.left, names, depth), expression(node.right, names, depth)

    def value(work: Work, scope: Scope) -> Any:
        first = left(work, scope)
        return first if is_true(first) else right(work, scope)

    return value


def _concat(node: Any, names: Names, depth: int) -> Expression:
    parts = [expression(part, names, depth) for part in node.nodes]
    return lambda work, scope: joined(work, [text_of(work, part(work, scope)) for part in parts])


def _compare(node: Any, names: Names, depth: int) -> Expression:
    first = expression(node.expr, names, depth)
    others = [(operand.op, expression(operand.expr, names, depth)) for operand in node.ops]

    def value(work: Work, scope: Scope) -> bool:
        left = first(work, scope)
        for sign, other in others:
            work.step()
            right = other(work, scope)
            if not compare(work, sign, left, right):
                return False
            left = right
        return True

    return value


def _choice(node: Any, names: Names, depth: int) -> Expression:
    test, chosen = expression(node.test, names, depth), expression(node.expr1, names, depth)
    otherwise = None if node.expr2 is None else expression(node.expr2, names, depth)

    def value(work: Work, scope: Scope) -> Any:
        if is_true(test(work, scope)):
            return chosen(work, scope)
        return "" if otherwise is None else otherwise(work, scope)

    return value


def _filter(node: Any, names: Names, depth: int) -> Expression:
    return _applied(node, (FILTERS, "filter"), names, depth)


def _test(node: Any, names: Names, depth: int) -> Expression:
    return _applied(node, (TESTS, "test"), names, depth)


def _applied(node: Any, among: tuple[dict[str, Function], str], names: Names, depth: int) -> Expression:
    table, what = among
    function = table.get(node.name)
    if function is None or node.node is None:
        raise refuse(node, f"the {what} {node.name[:60]!r} is not offered in a prompt")
    return _called(node, function, expression(node.node, names, depth), names, depth)


def _call(node: Any, names: Names, depth: int) -> Expression:
    """A call: of `range`, or of one of the few methods that values have."""
    if isinstance(node.node, nodes.Name) and node.node.name == "range" and not node.kwargs:
        if node.dyn_args is not None or not 1 <= len(node.args) <= 3:
            raise refuse(node, "`range` takes one to three numbers")
        bounds = [expression(bound, names, depth) for bound in node.args]
        if all(isinstance(bound, nodes.Const) for bound in node.args):
            count_up(Work(), *[bound.value for bound in node.args])
        return lambda work, scope: count_up(work, *[bound(work, scope) for bound in bounds])
    if isinstance(node.node, nodes.Getattr):
        function = METHODS.get(node.node.attr)
        if function is not None:
            return _called(node, function, expression(node.node.node, names, depth), names, depth)
    raise refuse(node, f"the call of {_written(node.node)[:80]!r} is not offered in a prompt")


def _called(node: Any, function: Function, of: Expression, names: Names, depth: int) -> Expression:
    arguments = _arguments(node, function, names, depth)
    call, takes_missing = function.call, function.takes_missing

    def value(work: Work, scope: Scope) -> Any:
        work.step()
        first = of(work, scope)
        if not takes_missing:
            first = present(first)
        if not arguments:
            return call(work, first)
        return call(work, first, **{name: present(each(work, scope)) for name, each in arguments})

    return value


def _arguments(node: Any, function: Function, names: Names, depth: int) -> Sequence[tuple[str, Expression]]:
    """The arguments by the names that the function of ours has for them."""
    called = getattr(node, "name", "") or getattr(node.node, "attr", "")
    given: dict[str, nodes.Node] = dict(zip(function.names, node.args, strict=False))
    given.update({pair.key: pair.value for pair in node.kwargs})
    fits = len(node.args) <= len(function.names) and set(given) <= set(function.names)
    if node.dyn_args is not None or node.dyn_kwargs is not None or not fits or len(given) < function.least:
        takes = ", ".join(function.names) or "nothing"
        raise refuse(node, f"{called!r} takes {takes} in a prompt")
    return [(name, expression(argument, names, depth)) for name, argument in given.items()]


_EXPRESSIONS: Final[dict[type[Any], Callable[[Any, Names, int], Expression]]] = {
    nodes.Name: _name,
    nodes.Const: _const,
    nodes.Getattr: _getattr,
    nodes.Getitem: _getitem,
    nodes.List: _list,
    nodes.Tuple: _tuple,
    nodes.Dict: _dict,
    **dict.fromkeys(_CALCULATIONS, _calculation),
    nodes.Neg: _negative,
    nodes.Pos: _positive,
    nodes.Not: _not,
    nodes.And: _and,
    nodes.Or: _or,
    nodes.Concat: _concat,
    nodes.Compare: _compare,
    nodes.CondExpr: _choice,
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.Call: _call,
}
