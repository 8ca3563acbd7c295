"""Jinja templates: parsed by Jinja's own parser, run by nodes of our own, which are all that there is.

Jinja's sandbox keeps templates from Python but bounds neither their time nor their memory, and its code runs
in one piece. Here each kind of node stands in a table (`_STATEMENTS`, and that of `jinja_expressions`); what
stands in none is refused when a version is made. Read next: `managed.jinja_expressions`, `managed.work`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from jinja2 import Environment, TemplateSyntaxError, nodes

from headgate.prompts.managed.jinja_expressions import Expression, Names, Scope, expression, refuse
from headgate.prompts.managed.jinja_values import is_true, items_of, present, text_of
from headgate.prompts.managed.work import Hole, Refusal, Work

TAGS_MAX: Final = 500
TAG_CHARACTERS_MAX: Final = 20_000
"""Of all tags of a template together: what a parser has to go through besides plain text."""
DEPTH_MAX: Final = 24

Write = Callable[[Work, dict[str, Any]], None]
Node = Callable[[Work, Scope], None]

_ABSENT: Final = object()
_ENVIRONMENT: Final = Environment(autoescape=False)  # noqa: S701 - it parses, and never renders
_REFUSED: Final = {
    "Include": "include", "Import": "import", "FromImport": "from", "Extends": "extends", "Block": "block",
    "Macro": "macro", "CallBlock": "call", "FilterBlock": "filter", "AssignBlock": "set ... endset",
    "With": "with", "ScopedEvalContextModifier": "autoescape",
}  # fmt: skip


def compile_jinja(text: str) -> tuple[Write, set[str], set[str]]:
    """Return what writes a template, the names that it reads, and those that it always needs.

    Raises Refusal that names the line.
    """
    _check_size(text)
    try:
        parsed = _ENVIRONMENT.parse(text)
    except TemplateSyntaxError as error:
        raise Refusal(str(error.message), line=error.lineno) from None
    except (RecursionError, OverflowError, MemoryError):
        raise Refusal("the template is nested too deeply") from None
    except (ValueError, SyntaxError) as error:  # thousands of digits, or digits of other scripts
        raise Refusal(f"the template can't be read: {error}") from None
    names = Names()
    written = _block(parsed.body, names, 0)
    plain = _plain(parsed.body)
    if plain is not None:
        return _filled(plain), names.read, names.required

    def write(work: Work, variables: dict[str, Any]) -> None:
        _run(written, work, dict(variables))

    return write, names.read - names.assigned, names.required - names.assigned


def _plain(statements: Sequence[nodes.Node]) -> list[str | Hole] | None:
    """The parts of a template of texts and plain variables alone; None for any other."""
    parts: list[str | Hole] = []
    for statement in statements:
        if not isinstance(statement, nodes.Output):
            return None
        for node in statement.nodes:
            if isinstance(node, nodes.TemplateData):
                parts.append(node.data)
            elif isinstance(node, nodes.Name):
                parts.append(Hole(node.name))
            else:
                return None
    return parts


def _filled(parts: Sequence[str | Hole]) -> Write:
    def write(work: Work, variables: dict[str, Any]) -> None:
        work.fill(parts, variables, text_of)

    return write


def _check_size(text: str) -> None:
    tags = text.count("{{") + text.count("{%") + text.count("{#")
    if tags > TAGS_MAX:
        raise Refusal(f"a template may have {TAGS_MAX} tags, and this has {tags}")
    inside = 0
    for opening, closing in (("{{", "}}"), ("{%", "%}")):
        for piece in text.split(opening)[1:]:
            inside += len(piece.partition(closing)[0])
    if inside > TAG_CHARACTERS_MAX:
        raise Refusal(
            f"the tags of a template may hold {TAG_CHARACTERS_MAX} characters, and these have {inside}"
        )


def _run(written: Sequence[Node], work: Work, scope: Scope) -> None:
    for node in written:
        node(work, scope)


def _block(statements: Sequence[nodes.Node], names: Names, depth: int) -> tuple[Node, ...]:
    if depth > DEPTH_MAX:
        raise Refusal(f"blocks may be nested {DEPTH_MAX} deep, and these are deeper")
    written: list[Node] = []
    for statement in statements:
        make = _STATEMENTS.get(type(statement))
        if make is None:
            word = _REFUSED.get(type(statement).__name__, type(statement).__name__.lower())
            raise Refusal(
                f"`{{% {word} %}}` is not offered in a prompt; use if, for and set", line=statement.lineno
            )
        written.extend(make(statement, names, depth))
    return tuple(written)


def _output(statement: Any, names: Names, depth: int) -> list[Node]:
    written: list[Node] = []
    for part in statement.nodes:
        if isinstance(part, nodes.TemplateData):
            written.append(_literal(part.data))
            continue
        value = expression(part, names, 0)
        if depth == 0:
            names.require(part)
        written.append(_printed(value))
    return written


def _literal(text: str) -> Node:
    def write(work: Work, scope: Scope) -> None:
        del scope
        work.write(text)

    return write


def _printed(value: Expression) -> Node:
    def write(work: Work, scope: Scope) -> None:
        work.write(text_of(work, value(work, scope)))

    return write


def _if(statement: Any, names: Names, depth: int) -> list[Node]:
    arms = [
        (expression(arm.test, names, 0), _block(arm.body, names, depth + 1))
        for arm in (statement, *statement.elif_)
    ]
    otherwise = _block(statement.else_, names, depth + 1)

    def write(work: Work, scope: Scope) -> None:
        for test, body in arms:
            if is_true(test(work, scope)):
                _run(body, work, scope)
                return
        _run(otherwise, work, scope)

    return [write]


def _assign(statement: Any, names: Names, depth: int) -> list[Node]:
    del depth
    targets = _targets(statement.target, names)
    value = expression(statement.node, names, 0)

    def write(work: Work, scope: Scope) -> None:
        _bind(scope, targets, present(value(work, scope)))

    return [write]


def _for(statement: Any, names: Names, depth: int) -> list[Node]:
    if statement.recursive:
        raise Refusal("a loop may not be recursive", line=statement.lineno)
    items = expression(statement.iter, names, 0)
    targets = _targets(statement.target, names)
    test = None if statement.test is None else expression(statement.test, names, 0)
    body = _block(statement.body, names, depth + 1)
    otherwise = _block(statement.else_, names, depth + 1)
    kept = (*_names_of(targets), *_assigned(statement.body))
    counts = any(name.name == "loop" for name in statement.find_all(nodes.Name))
    if counts:
        kept = (*kept, "loop")
        names.assigned.add("loop")

    def write(work: Work, scope: Scope) -> None:
        before = {name: scope.get(name, _ABSENT) for name in kept}
        given = items_of(work, items(work, scope))
        if test is not None:
            given = [each for each in given if _passes(work, scope, (targets, each), test)]
        for index, each in enumerate(given):
            work.step(2 + len(before) // 16)
            _restore(scope, before)
            _bind(scope, targets, each)
            if counts:
                work.step(2)
                scope["loop"] = _loop(index, len(given))
            _run(body, work, scope)
        _restore(scope, before)
        if not given:
            _run(otherwise, work, scope)

    return [write]


def _passes(work: Work, scope: Scope, bound: tuple[Any, Any], test: Expression) -> bool:
    work.step()
    _bind(scope, *bound)
    return is_true(test(work, scope))


def _loop(index: int, length: int) -> dict[str, Any]:
    return {
        "index": index + 1,
        "index0": index,
        "first": index == 0,
        "last": index == length - 1,
        "length": length,
        "revindex": length - index,
        "revindex0": length - index - 1,
    }


def _restore(scope: Scope, before: dict[str, Any]) -> None:
    for name, value in before.items():
        if value is _ABSENT:
            scope.pop(name, None)
        else:
            scope[name] = value


Targets = str | tuple[str, ...]


def _targets(target: nodes.Node, names: Names) -> Targets:
    """The names that a loop or `set` binds."""
    if isinstance(target, nodes.Name):
        names.assigned.add(target.name)
        return target.name
    if isinstance(target, nodes.Tuple) and all(isinstance(item, nodes.Name) for item in target.items):
        found = tuple(item.name for item in target.items if isinstance(item, nodes.Name))
        names.assigned.update(found)
        return found
    raise refuse(target, "binds something else than names")


def _names_of(targets: Targets) -> tuple[str, ...]:
    return (targets,) if isinstance(targets, str) else targets


def _assigned(body: Sequence[nodes.Node]) -> set[str]:
    """The names that `set` binds in a loop's body: they end with each turn."""
    found: set[str] = set()
    for statement in body:
        for assign in (
            [statement] if isinstance(statement, nodes.Assign) else statement.find_all(nodes.Assign)
        ):
            target = assign.target
            found.update(item.name for item in target.find_all(nodes.Name))
            if isinstance(target, nodes.Name):
                found.add(target.name)
    return found


def _bind(scope: Scope, targets: Targets, value: Any) -> None:
    if isinstance(targets, str):
        scope[targets] = value
        return
    items = cast("list[Any]", value) if isinstance(value, list | tuple) else []
    if len(items) != len(targets):
        raise Refusal(f"{', '.join(targets)} need a list of {len(targets)} items")
    scope.update(zip(targets, items, strict=True))


_STATEMENTS: Final[dict[type[Any], Callable[[Any, Names, int], list[Node]]]] = {
    nodes.Output: _output,
    nodes.If: _if,
    nodes.Assign: _assign,
    nodes.For: _for,
}
