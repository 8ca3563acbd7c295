"""Every place of a module where a text is written, each with what the code around it says of its use.

Pure, over the syntax tree; never judges whether a text is a prompt. Read next: `flow` and `likeness`.
"""

import ast
from collections.abc import Iterator
from typing import cast

import msgspec

from headgate.prompts.expressions import dotted
from headgate.prompts.nodes import children

LETTERS_MIN = 12
"""A shorter literal says nothing to a model that would be worth a line in a report."""

Scope = tuple[str, ...]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A text in a module: its symbol, and what takes it.

    `base` is the symbol without `[key]` and `.keyword`; `call` is the dotted name of the innermost call that
    takes the text, `keyword` the argument, `key` the entry of the innermost dictionary, `role` who speaks if
    that is a message, `tool` whether it describes one.
    """

    symbol: str
    base: str
    name: str
    line: int
    node: ast.expr
    scope: Scope
    call: str = ""
    keyword: str = ""
    key: str = ""
    role: str = ""
    tool: bool = False
    is_bound: bool = False
    in_hole: bool = False


class _Around(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around an expression that is being walked."""

    scope: Scope
    symbol: str
    base: str
    name: str
    line: int = 0
    call: str = ""
    keyword: str = ""
    key: str = ""
    role: str = ""
    tool: bool = False
    is_bound: bool = False
    in_hole: bool = False


def sites_in(body: list[ast.stmt], scope: Scope) -> list[Site]:
    """Return every text of some statements, outermost expressions only, but for a word or two."""
    walker = _Walker()
    walker.body(body, scope)
    return walker.sites


def is_a_word(node: ast.expr) -> bool:
    """Whether a text is a literal that is too short to be anybody's prompt, whatever takes it."""
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return False
    return len(node.value) < LETTERS_MIN or (
        " " not in node.value and "\n" not in node.value and node.value.isascii()
    )


def is_text(node: ast.expr) -> bool:
    """Whether an expression is itself a text: a literal or something made of literals."""
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.BinOp(op=ast.Add()):
            return is_text(node.left) or is_text(node.right)
        case ast.BinOp(op=ast.Mod()):
            return is_text(node.left)
        case ast.IfExp():
            return is_text(node.body) and is_text(node.orelse)
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=args):
            if name == "join":
                return bool(args) and isinstance(args[0], ast.List | ast.Tuple) and _has_text(args[0].elts)
            if name in {"dedent", "cleandoc", "Template"} and args:
                return is_text(args[0])
            return name in TEXT_METHODS and is_text(value)
        case ast.Call(func=ast.Name(id=name), args=args):
            return name in {"dedent", "cleandoc", "Template"} and bool(args) and is_text(args[0])
        case _:
            return False


def _has_text(nodes: list[ast.expr]) -> bool:
    return sum(is_text(node) for node in nodes) * 2 >= len(nodes) > 0


TEXT_METHODS = {"format", "strip", "lstrip", "rstrip", "replace", "substitute", "safe_substitute", "render"}


def is_message(node: ast.expr) -> bool:
    """Whether an expression is a message: a dictionary with a role and a content."""
    return role_of(node) != ""


UNKNOWN_ROLE = "?"


def role_of(node: ast.expr) -> str:
    """Return whose message an expression is, `?` where that varies; empty where it is no message."""
    match node:
        case ast.Dict(keys=keys, values=values):
            entries = {
                key.value: value
                for key, value in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant)
            }
        case ast.Call(func=ast.Name(id="dict"), keywords=keywords):
            entries = {keyword.arg: keyword.value for keyword in keywords}
        case _:
            return ""
    if "role" not in entries or not entries.keys() & {"content", "parts"}:
        return ""
    role = entries["role"]
    return role.value if isinstance(role, ast.Constant) and isinstance(role.value, str) else UNKNOWN_ROLE


def is_tool(node: ast.Dict) -> bool:
    """Whether a dictionary describes a tool to a model: its name, what it does, and what it takes."""
    names = {key.value for key in node.keys if isinstance(key, ast.Constant)}
    return {"name", "description"} <= names and bool(names & TOOL_ENTRIES)


TOOL_ENTRIES = {"parameters", "input_schema", "inputSchema", "parametersJsonSchema"}


class _Walker:
    def __init__(self) -> None:
        self.sites: list[Site] = []

    def body(self, statements: list[ast.stmt], scope: Scope) -> None:
        """Walk statements; `x = ...` and the `x += ...` right after it in one block are one text."""
        gathered: dict[str, tuple[ast.expr, int]] = {}
        for statement in statements:
            bound = _text_bound(statement)
            if bound is not None:
                name, node, is_more = bound
                before = gathered.get(name)
                if is_more and before is not None:
                    node = ast.BinOp(left=before[0], op=ast.Add(), right=node)
                    gathered[name] = (ast.copy_location(node, before[0]), before[1])
                    continue
                if before is not None:
                    self._bound(name, *before, scope)
                gathered[name] = (node, statement.lineno)
                continue
            self._statement(statement, scope)
        for name, (node, line) in gathered.items():
            self._bound(name, node, line, scope)

    def _bound(self, name: str, node: ast.expr, line: int, scope: Scope) -> None:
        symbol = ".".join((*scope, name))
        self._expression(
            node,
            _Around(scope=scope, symbol=symbol, base=symbol, name=name, line=line, is_bound=True),
        )

    def _statement(self, statement: ast.stmt, scope: Scope) -> None:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(statement, scope)
            case ast.ClassDef(name=name, body=body):
                self.body(_without_docstring(body), (*scope, name))
            case ast.Assign(targets=targets, value=value):
                self._assigned(targets[0], value, statement.lineno, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assigned(target, value, statement.lineno, scope)
            case ast.AugAssign(target=target, value=value):
                self._assigned(target, value, statement.lineno, scope)
            case ast.Return(value=ast.expr() as value):
                symbol = ".".join(scope)
                name = scope[-1] if scope else ""
                self._expression(
                    value, _Around(scope=scope, symbol=symbol, base=symbol, name=name, is_bound=True)
                )
            case ast.Raise() | ast.Assert() | ast.Import() | ast.ImportFrom():
                pass
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                self._inside(statement, scope)

    def _inside(self, statement: ast.stmt, scope: Scope) -> None:
        """Walk the expressions and the blocks of any other statement."""
        around = _Around(scope=scope, symbol=".".join(scope), base=".".join(scope), name="")
        for field in ast.iter_fields(statement):
            values = cast("list[object]", field[1]) if isinstance(field[1], list) else [field[1]]
            if values and all(isinstance(value, ast.stmt) for value in values):
                self.body(cast("list[ast.stmt]", values), scope)
                continue
            for value in values:
                if isinstance(value, ast.expr):
                    self._expression(value, around)
                elif isinstance(value, ast.ExceptHandler | ast.match_case):
                    self.body(value.body, scope)

    def _function(self, function: FunctionNode, scope: Scope) -> None:
        inner = (*scope, function.name)
        for parameter, default in defaults(function):
            symbol = ".".join((*inner, parameter))
            self._expression(
                default,
                _Around(scope=scope, symbol=symbol, base=symbol, name=parameter, is_bound=True),
            )
        for decorator in function.decorator_list:
            symbol = ".".join(inner)
            self._expression(decorator, _Around(scope=scope, symbol=symbol, base=symbol, name=""))
        self.body(_without_docstring(function.body), inner)

    def _assigned(self, target: ast.expr, value: ast.expr, line: int, scope: Scope) -> None:
        symbol, base, name = bound_symbol(target, scope)
        if (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
        ):
            for each, its in zip(target.elts, value.elts, strict=True):
                self._assigned(each, its, its.lineno, scope)
            return
        around = _Around(scope=scope, symbol=symbol, base=base, name=name, line=line, is_bound=bool(name))
        self._expression(value, around)

    def _expression(self, node: ast.expr, around: _Around) -> None:
        if isinstance(node, ast.Name):
            return
        if is_text(node):
            self._site(node, around)
            for inner in _holes_with_text(node):
                self._expression(inner, msgspec.structs.replace(around, line=0, in_hole=True))
            return
        match node:
            case ast.Dict():
                self._dictionary(node, around)
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                for index, element in enumerate(elements):
                    self._expression(element, _entry(around, str(index)))
            case ast.Call():
                self._call(node, around)
            case ast.Lambda(body=body):
                self._expression(body, around)
            case ast.Compare():
                pass  # a text that is compared with is never sent
            case _:
                for child in children(node):
                    if isinstance(child, ast.expr):
                        self._expression(child, around)
                    elif isinstance(child, ast.comprehension):
                        self._expression(child.iter, around)

    def _dictionary(self, node: ast.Dict, around: _Around) -> None:
        role, tool = role_of(node), around.tool or is_tool(node)
        around = msgspec.structs.replace(around, tool=tool) if tool else around
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str | int):
                inner = _entry(around, str(key.value))
                self._expression(value, msgspec.structs.replace(inner, key=str(key.value), role=role))
            else:
                self._expression(value, around)

    def _call(self, node: ast.Call, around: _Around) -> None:
        called = dotted(node.func)
        role = role_of(node)
        if isinstance(node.func, ast.Attribute):
            self._expression(node.func.value, around)
        for index, argument in enumerate(node.args):
            inner = argument.value if isinstance(argument, ast.Starred) else argument
            self._expression(inner, msgspec.structs.replace(around, call=called, keyword=str(index), key=""))
        for keyword in node.keywords:
            name = keyword.arg or ""
            inner = msgspec.structs.replace(around, call=called, keyword=name, key="")
            if name and role:
                inner = msgspec.structs.replace(_entry(around, name), key=name, role=role)
            elif name:
                inner = msgspec.structs.replace(inner, symbol=_dot(around.symbol, name), line=0)
            self._expression(keyword.value, inner)

    def _site(self, node: ast.expr, around: _Around) -> None:
        if is_a_word(node):
            return
        self.sites.append(
            Site(
                symbol=around.symbol or "<module>",
                base=around.base,
                name=around.name,
                line=around.line or node.lineno,
                node=node,
                scope=around.scope,
                call=around.call,
                keyword=around.keyword,
                key=around.key,
                role=around.role,
                tool=around.tool,
                is_bound=around.is_bound,
                in_hole=around.in_hole,
            )
        )


def _entry(around: _Around, key: str) -> _Around:
    return msgspec.structs.replace(around, symbol=f"{around.symbol}[{key}]", line=0)


def _dot(symbol: str, name: str) -> str:
    return f"{symbol}.{name}" if symbol else name


def bound_symbol(target: ast.expr, scope: Scope) -> tuple[str, str, str]:
    """Return the symbol that an assignment binds, its base and its last name; empty where it binds none."""
    match target:
        case ast.Name(id=name):
            symbol = ".".join((*scope, name))
            return symbol, symbol, name
        case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
            symbol = ".".join((*scope[:-1], name))
            return symbol, symbol, name
        case ast.Attribute(attr=name):
            symbol = dotted(target) or name
            return symbol, symbol, name
        case ast.Subscript(value=value, slice=ast.Constant(value=str() | int() as key)):
            _, base, _ = bound_symbol(value, scope)
            return f"{base}[{key}]", base, str(key)
        case ast.Subscript(value=value):
            return bound_symbol(value, scope)
        case _:
            return ".".join(scope), ".".join(scope), ""


def defaults(function: FunctionNode) -> Iterator[tuple[str, ast.expr]]:
    """Yield each parameter that has a default, with it."""
    positional = [*function.args.posonlyargs, *function.args.args]
    given = function.args.defaults
    for parameter, default in zip(positional[len(positional) - len(given) :], given, strict=True):
        yield parameter.arg, default
    for parameter, default in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if default is not None:
            yield parameter.arg, default


def _text_bound(statement: ast.stmt) -> tuple[str, ast.expr, bool] | None:
    """Return name, text and whether it is added, of a statement that binds a name to a text."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if is_text(value):
            return name, value, False
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if is_text(value):
            return name, value, False
        case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value) if is_text(value):
            return name, value, True
        case _:
            return None


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
        case _:
            return body


def _holes_with_text(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what stands in the holes of a text and may hold texts of its own."""
    for child in children(node):
        if isinstance(child, ast.FormattedValue):
            if not is_text(child.value):
                yield child.value
            else:
                yield from _holes_with_text(child.value)
        elif isinstance(child, ast.Call) and not is_text(child):
            yield child
        elif isinstance(child, ast.keyword):
            yield child.value
        elif isinstance(child, ast.expr):
            yield from _holes_with_text(child)
