"""Which names of a module reach a model call, and what its names stand for.

Data flow within one module: from what model calls take, back through names, attributes, parameters, returned
values and lists. It says too much rather than too little; never follows an import. Read next: `sites`, then
`likeness`.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from headgate.prompts.facts import Called, Facts, Parameter, Placed
from headgate.prompts.sites import FunctionNode, Scope


class Flow:
    """The data flow of one module, from the facts of its pieces."""

    def __init__(self, pieces: Iterable[Facts]) -> None:
        self._assigned: dict[str, list[Placed]] = defaultdict(list)
        self._functions: dict[str, FunctionNode] = {}
        self._returned: dict[str, list[Placed]] = defaultdict(list)
        self._calls: dict[str, list[Called]] = defaultdict(list)
        self._parameters: dict[str, Parameter] = {}
        self._scopes: dict[Scope, str] = {(): "module"}
        self._sinks: list[Placed] = []
        self._tools: list[Placed] = []
        gathered = list(pieces)
        self._merge(gathered)
        self.reached = self._reach(self._sinks)
        """Symbols that reach a model call."""
        self.remembered = self._reach([placed for facts in gathered for placed in facts.remembered])
        """Symbols that reach a memory."""
        self.raised = frozenset(
            symbol
            for facts in gathered
            for placed in facts.raised
            if (symbol := self._symbol(placed.node, placed.scope)) is not None
        )
        """Symbols that errors and warnings are made of."""
        self.tools = self._tool_functions()
        """Symbols of functions that are given to a model as tools."""

    def function(self, symbol: str) -> FunctionNode | None:
        """Return the function of a symbol."""
        return self._functions.get(symbol)

    def _merge(self, pieces: list[Facts]) -> None:
        for facts in pieces:
            for symbol, placed in facts.assigned:
                self._assigned[symbol].append(placed)
            for symbol, placed in facts.returned:
                self._returned[symbol].append(placed)
            for name, called in facts.calls:
                self._calls[name].append(called)
            self._functions.update(facts.functions)
            self._parameters.update(facts.parameters)
            self._scopes.update(facts.scopes)
            self._sinks.extend(facts.sinks)
            self._tools.extend(facts.tools)
        for facts in pieces:
            for listed, placed in facts.grown:
                symbol = self._symbol(listed, placed.scope)
                if symbol:
                    self._assigned[symbol].append(placed)
        self.formatted = {
            symbol
            for facts in pieces
            for placed in facts.formatted
            if (symbol := self._symbol(placed.node, placed.scope)) is not None
        }
        """Symbols whose text `.format` is called on."""

    def names_in(self, scope: Scope) -> "ScopedNames":
        """Return what names stand for in a scope."""
        return ScopedNames(self, scope)

    def is_in_function(self, scope: Scope) -> bool:
        """Whether a scope is that of a function or within one."""
        return any(self._scopes.get(scope[:end]) == "function" for end in range(1, len(scope) + 1))

    def constant_of(self, node: ast.expr, scope: Scope) -> ast.expr | None:
        """Return the one text that a name stands for in all of the module, or None."""
        symbol = self._symbol(node, scope, strict=True)
        values = self._assigned.get(symbol, []) if symbol else []
        if len(values) != 1 or symbol in self._parameters:
            return None
        value = values[0].node
        is_constant = isinstance(value, ast.Constant) and isinstance(value.value, str)
        return (
            value
            if is_constant or (isinstance(value, ast.JoinedStr | ast.BinOp) and values[0].scope == ())
            else None
        )

    def _symbol(self, node: ast.expr, scope: Scope, *, strict: bool = False) -> str | None:
        """Return the symbol that a name, attribute or entry refers to; `strict` leaves `self.x` out."""
        match node:
            case ast.Name(id=name):
                return self._named(name, scope)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                return None if strict else self._attribute(name, scope)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                symbol = f"{owner}.{name}"
                return symbol if symbol in self._assigned or symbol in self._functions else None
            case ast.Subscript(value=value, slice=ast.Constant(value=key)):
                base = self._symbol(value, scope, strict=strict)
                entry = f"{base}[{key}]"
                return entry if entry in self._assigned else None if strict else base
            case ast.Subscript(value=value) if not strict:
                return self._symbol(value, scope)
            case _:
                return None

    def _named(self, name: str, scope: Scope) -> str | None:
        for end in range(len(scope), -1, -1):
            around = scope[:end]
            if self._scopes.get(around) == "class" and around != scope:
                continue
            symbol = ".".join((*around, name))
            if symbol in self._assigned or symbol in self._parameters or symbol in self._functions:
                return symbol
        return None

    def _attribute(self, name: str, scope: Scope) -> str | None:
        for end in range(len(scope), 0, -1):
            if self._scopes.get(scope[:end]) == "class":
                return ".".join((*scope[:end], name))
        return None

    def _tool_functions(self) -> frozenset[str]:
        """Return the functions that stand in lists of tools, and those that tool makers are called with."""
        tools: set[str] = set()
        seen: set[str] = set()
        waiting: list[Placed] = list(self._tools)
        while waiting:
            placed = waiting.pop()
            for symbol in self._references(placed, functions=True):
                if symbol in self._functions:
                    tools.add(symbol)
                elif symbol not in seen:
                    seen.add(symbol)
                    waiting.extend(self._sources(symbol))
        return frozenset(tools)

    def _reach(self, sinks: list[Placed]) -> frozenset[str]:
        reached: set[str] = set()
        waiting = list(sinks)
        while waiting:
            for symbol in self._references(waiting.pop()):
                if symbol not in reached:
                    reached.add(symbol)
                    waiting.extend(self._sources(symbol))
        return frozenset(reached)

    def _references(self, placed: Placed, *, functions: bool = False) -> Iterator[str]:
        """Yield the symbols that an expression names; functions where they are called, or else on demand."""
        names, scope = placed.named(), placed.scope
        index = 0
        while index < len(names):
            name = names[index]
            index += 1
            if isinstance(name.node, ast.Call):
                if not isinstance(name.node.func, ast.Name | ast.Attribute):
                    continue
                if functions:
                    index = names[index].end  # what is called gives a tool, and is none
                    continue
                called = self._symbol(name.node.func, scope)
                if called in self._functions:
                    yield called
                continue
            symbol = self._symbol(name.node, scope)
            # A function that is named and not called is a tool: what it returns is no prompt.
            if symbol is not None and (functions or symbol not in self._functions):
                yield symbol
                if symbol.endswith("]"):
                    index = name.end  # this entry, and no other of its dictionary

    def _sources(self, symbol: str) -> Iterator[Placed]:
        """Yield the expressions that a symbol's value comes from."""
        yield from self._assigned.get(symbol, [])
        yield from self._returned.get(symbol, [])
        parameter = self._parameters.get(symbol)
        if parameter is None:
            return
        for called in self._calls.get(parameter.function, []):
            if 0 <= parameter.position < len(called.positional):
                yield called.positional[parameter.position]
            if parameter.name in called.keywords:
                yield called.keywords[parameter.name]


class ScopedNames:
    """What names stand for in one scope: the `Names` of `expressions`."""

    def __init__(self, flow: Flow, scope: Scope) -> None:
        self._flow = flow
        self._scope = scope

    def value_of(self, node: ast.expr) -> ast.expr | None:
        """Return the one text that a name stands for, or None."""
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            return self._flow.constant_of(node, self._scope)
        return None
