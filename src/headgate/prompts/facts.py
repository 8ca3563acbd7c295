"""What a piece of a module says of where values go: what is bound, returned, called and sent to a model.

Pure, over the syntax tree of a piece; looks up no name, since another piece may bind it. Read next: `flow`,
which puts the facts of all pieces together.
"""

import ast

import msgspec

from headgate.prompts.calls import (
    ALWAYS,
    OF_MODEL_CALLS,
    SPEAKERS,
    is_memory,
    is_of_parts,
    is_tool_maker,
    takes_prompt,
)
from headgate.prompts.expressions import dotted
from headgate.prompts.nodes import children
from headgate.prompts.sites import FunctionNode, Scope, bound_symbol, is_message


class Placed(msgspec.Struct, eq=False):
    """An expression, the scope that it stands in, and once it was asked for, what it names."""

    node: ast.expr
    scope: Scope
    names: list["Name"] | None = None

    def named(self) -> list["Name"]:
        """Return what the expression names, outer names first."""
        if self.names is None:
            self.names = []
            _name_all(self.node, self.names)
        return self.names


class Name(msgspec.Struct, eq=False):
    """A name, attribute, entry or call in an expression; what is below it stands before `end` in the list."""

    node: ast.Name | ast.Attribute | ast.Subscript | ast.Call
    end: int = 0


def _name_all(node: ast.AST, names: list[Name]) -> None:
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
        name = Name(node)
        names.append(name)
        for child in children(node):
            _name_all(child, names)
        name.end = len(names)
    else:
        for child in children(node):
            _name_all(child, names)


class Called(msgspec.Struct, eq=False):
    """A call, and what it is given by position or keyword."""

    positional: list[Placed]
    keywords: dict[str, Placed]


_TELLING = frozenset(
    {
        ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign,
        ast.NamedExpr, ast.For, ast.AsyncFor, ast.comprehension, ast.Return, ast.Yield, ast.Raise, ast.Call,
        ast.Dict, ast.Tuple,
    }
)  # fmt: skip
"""The nodes that say something of where values go."""


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of a function: the function's own name, its position without `self`, and its name."""

    function: str
    position: int
    name: str


class Facts(msgspec.Struct):
    """What one piece says; only ever added to by `facts_of`."""

    assigned: list[tuple[str, Placed]] = []
    functions: dict[str, FunctionNode] = {}
    returned: list[tuple[str, Placed]] = []
    calls: list[tuple[str, Called]] = []
    parameters: dict[str, Parameter] = {}
    scopes: dict[Scope, str] = {}
    sinks: list[Placed] = []
    grown: list[tuple[ast.expr, Placed]] = []
    """Lists and what is put into them: `x.append(y)`."""
    formatted: list[Placed] = []
    """What `.format` is called on."""
    tools: list[Placed] = []
    """What is given to a model as tools."""
    raised: list[Placed] = []
    """What is raised or warned with."""
    remembered: list[Placed] = []
    """What is given to a memory, to be kept and not to be answered."""
    classes: list[ast.ClassDef] = []


def facts_of(body: list[ast.stmt], scope: Scope) -> Facts:
    """Return what statements say that stand in a scope."""
    gatherer = _Gatherer()
    for statement in body:
        gatherer.gather_one(statement, scope)
    return gatherer.facts


def _is_composed(node: ast.expr) -> bool:
    """Whether an expression is made of other texts."""
    match node:
        case ast.Dict() | ast.List() | ast.Tuple() | ast.BinOp(op=ast.Add() | ast.Mod()) | ast.JoinedStr():
            return True
        case ast.Call(func=ast.Attribute(attr="format" | "join")):
            return True
        case _:
            return False


class _Gatherer:
    def __init__(self) -> None:
        self.facts = Facts()

    def gather(self, node: ast.AST, scope: Scope) -> None:
        for child in children(node):
            if child.__class__ in _TELLING:
                self.gather_one(child, scope)
            else:
                self.gather(child, scope)

    def gather_one(self, child: ast.AST, scope: Scope) -> None:
        match child:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(child, scope)
                return
            case ast.ClassDef(name=name):
                self.facts.classes.append(child)
                self.facts.scopes[(*scope, name)] = "class"
                self.gather(child, (*scope, name))
                return
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind(target, value, scope)
            case ast.AugAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
                # Twice: what is added to, or bound within an expression, is no constant.
                self._bind(target, value, scope)
                self._bind(target, value, scope)
            case (
                ast.For(target=target, iter=value)
                | ast.AsyncFor(target=target, iter=value)
                | ast.comprehension(target=target, iter=value)
            ):
                self._bind(target, value, scope)
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                self.facts.returned.append((".".join(scope), Placed(value, scope)))
            case ast.Raise(exc=ast.Call() as raised):
                self.facts.raised.extend(Placed(argument, scope) for argument in raised.args)
            case ast.Call():
                self._call(child, scope)
            case ast.Dict():
                self._dictionary(child, scope)
            case ast.Tuple(elts=[ast.Constant(value=str(speaker)), text]) if speaker in SPEAKERS:
                self.facts.sinks.append(Placed(text, scope))
            case _:
                pass
        self.gather(child, scope)

    def _function(self, function: FunctionNode, scope: Scope) -> None:
        inner = (*scope, function.name)
        self.facts.scopes[inner] = "function"
        self.facts.functions[".".join(inner)] = function
        positional = [*function.args.posonlyargs, *function.args.args]
        shift = 1 if positional and positional[0].arg in ("self", "cls") else 0
        for index, parameter in enumerate([*positional, *function.args.kwonlyargs]):
            symbol = ".".join((*inner, parameter.arg))
            self.facts.parameters[symbol] = Parameter(function.name, index - shift, parameter.arg)
        self.gather(function, inner)

    def _bind(self, target: ast.expr, value: ast.expr, scope: Scope) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._bind(element, value, scope)
            return
        symbol, base, name = bound_symbol(target, scope)
        if not name:
            return
        placed = Placed(value, scope)
        self.facts.assigned.append((symbol, placed))
        if base != symbol:
            self.facts.assigned.append((base, placed))
        if isinstance(value, ast.Dict):
            for key, entry in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant):
                    self.facts.assigned.append((f"{symbol}[{key.value}]", Placed(entry, scope)))
        if is_of_parts(name) and _is_composed(value):
            self.facts.sinks.append(placed)
        if name == "tools":
            self.facts.tools.append(Placed(value, scope))

    def _call(self, call: ast.Call, scope: Scope) -> None:
        called = dotted(call.func)
        positional = [Placed(argument, scope) for argument in call.args]
        keywords = {each.arg: Placed(each.value, scope) for each in call.keywords if each.arg is not None}
        self.facts.calls.append((called.rpartition(".")[2], Called(positional, keywords)))
        if isinstance(call.func, ast.Attribute):
            self._method(call, call.func, scope)
        if called.endswith("warn"):
            self.facts.raised.extend(positional)
        if is_memory(called, frozenset(keywords)):
            self.facts.remembered.extend((*positional, *keywords.values()))
        if is_message(call):
            self.facts.sinks.extend(placed for name, placed in keywords.items() if name != "role")
            return
        for index, placed in enumerate(positional):
            if takes_prompt(called, str(index)):
                self.facts.sinks.append(placed)
        if positional and is_tool_maker(called):
            self.facts.tools.append(positional[0])
        for name, placed in keywords.items():
            if name in ("tools", "functions"):
                self.facts.tools.append(placed)
            elif takes_prompt(called, name):
                self.facts.sinks.append(placed)

    def _method(self, call: ast.Call, method: ast.Attribute, scope: Scope) -> None:
        if method.attr in ("append", "extend", "insert", "setdefault") and call.args:
            self.facts.grown.append((method.value, Placed(call.args[-1], scope)))
        elif method.attr == "format":
            self.facts.formatted.append(Placed(method.value, scope))

    def _dictionary(self, node: ast.Dict, scope: Scope) -> None:
        message = is_message(node)
        names = {key.value for key in node.keys if isinstance(key, ast.Constant)}
        is_body = "model" in names or "temperature" in names or "messages" in names
        for key, value in zip(node.keys, node.values, strict=True):
            name = key.value if isinstance(key, ast.Constant) else None
            if (
                (message and name in ("content", "parts"))
                or (is_body and name in OF_MODEL_CALLS)
                or name in ALWAYS
            ):
                self.facts.sinks.append(Placed(value, scope))
            elif is_body and name == "tools":
                self.facts.tools.append(Placed(value, scope))
