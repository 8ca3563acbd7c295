"""Which names of a module reach a model call, and what its names stand for.

Data flow within one module, over the syntax tree: from what model calls take, back through names, attributes,
parameters, returned values and lists. It says too much rather than too little; never follows an import.
Read next: `sites`, then `likeness`.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from headgate.prompts.expressions import dotted
from headgate.prompts.nodes import children
from headgate.prompts.sites import FunctionNode, Scope, bound_symbol, is_message

ALWAYS = {
    "system_prompt", "system_message", "system_instruction", "system_instructions", "user_prompt",
    "prompt_template", "system_msg", "systemPrompt", "user_message", "instruction",
    "instructions", "system_msgs",
}  # fmt: skip
"""Arguments that are prompts whatever call takes them."""

OF_MODEL_CALLS = {
    "messages", "prompt", "prompts", "system", "instructions", "instruction", "content", "contents",
    "template", "text", "input", "inputs", "query", "message", "backstory", "goal", "role_description",
    "new_message", "input_list", "user", "human", "prefix", "suffix", "examples", "partial_variables",
    "msg", "question",
}  # fmt: skip
"""Arguments that are prompts where a call looks like a model call."""

MODEL_CALL = re.compile(
    r"(?:^|\.)(?:_?a?ask\w*|a?generate\w*|a?complet(?:e|ion|ions)\w*|chat\w*|a?invoke|a?predict|llm\w*|\w*_llm\w*"
    r"|a?responses?|responses\.create|completions\.create|messages\.(?:create|stream)|chat\.\w+"
    r"|generate_content\w*|send_message\w*|a?query_(?:llm|model|gpt)|call_(?:model|openai|llm|gpt|api)\w*"
    r"|simple_send\w*|send_completion|get_(?:chat|completion|response)\w*|openai_\w+|gpt\w*|converse\w*"
    r"|create_chat_completion|code_ask|Agent|LlmAgent|AssistantAgent|LLMChain|\w*PromptTemplate\w*(?:\.\w+)?"
    r"|PromptBuilder|ChatPromptBuilder|ChatMessage(?:\.\w+)?|\w*(?:System|Human|User|AI|Assistant)Message"
    r"|from_template|from_messages|from_system|from_user|from_assistant|create_react_agent|create_agent|Prompt)$"
)
"""Calls that look like a model call, or make what one takes."""

FIRST_ARGUMENT = re.compile(
    r"(?:^|\.)(?:_?a?ask\w*|a?generate|generate_content\w*|a?complete|a?completion|a?invoke|a?predict|llm|chat"
    r"|send_message\w*|call_(?:model|openai|llm|gpt)\w*|query_(?:llm|model|gpt)|\w*_llm|simple_send\w*"
    r"|PromptTemplate|\w*(?:System|Human|User|AI|Assistant)Message|from_template|from_messages|from_system"
    r"|from_user|from_assistant|create_chat_completion|gpt\w*)$"
)
"""Calls whose positional arguments are prompts."""

NO_MODEL_CALL = re.compile(
    r"(?:^|\.)(?:logger|log|logging|console|print|st|parser|subprocess|io|typer|click|Prompt|Confirm|questionary)\."
    r"|ask_(?:human|user|and_print)"
)
SPEAKERS = {"system", "human", "user", "ai", "assistant", "developer"}
DSPY = {"Signature", "dspy.Signature"}


def is_model_call(called: str) -> bool:
    """Whether a dotted name looks like a model call, or like what makes a message or a template."""
    return MODEL_CALL.search(called) is not None and NO_MODEL_CALL.search(called) is None


def takes_prompt(called: str, argument: str) -> bool:
    """Whether an argument of a call is a prompt; `argument` is a keyword, or a position in digits."""
    if argument in ALWAYS:
        return True
    if not is_model_call(called):
        return False
    if argument.isdigit():
        return FIRST_ARGUMENT.search(called) is not None
    return argument in OF_MODEL_CALLS


def is_signature(node: ast.ClassDef) -> bool:
    """Whether a class is a DSPy signature, whose docstring and field descriptions are the prompt."""
    return any(dotted(parent) in DSPY for parent in node.bases)


_TELLING = frozenset(
    {
        ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.AugAssign,
        ast.NamedExpr, ast.For, ast.comprehension, ast.Return, ast.Call, ast.Dict, ast.Tuple,
    }
)  # fmt: skip
"""The nodes that say something of where values go."""


class Flow:
    """The data flow of one module."""

    def __init__(self, tree: ast.Module) -> None:
        self._assigned: dict[str, list[tuple[ast.expr, Scope]]] = defaultdict(list)
        self._functions: dict[str, tuple[FunctionNode, Scope]] = {}
        self._returned: dict[str, list[tuple[ast.expr, Scope]]] = defaultdict(list)
        self._calls: dict[str, list[tuple[ast.Call, Scope]]] = defaultdict(list)
        self._parameters: dict[str, tuple[str, int, str]] = {}
        self._scopes: dict[Scope, str] = {(): "module"}
        self._sinks: list[tuple[ast.expr, Scope]] = []
        self.classes: list[ast.ClassDef] = []
        """Every class of the module."""
        self.formatted: set[str] = set()
        """Symbols whose text `.format` is called on."""
        self._gather(tree, ())
        self.reached = self._reach()
        """Symbols that reach a model call."""

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
        value = values[0][0]
        is_constant = isinstance(value, ast.Constant) and isinstance(value.value, str)
        return (
            value
            if is_constant or (isinstance(value, ast.JoinedStr | ast.BinOp) and values[0][1] == ())
            else None
        )

    def _gather(self, node: ast.AST, scope: Scope) -> None:
        for child in children(node):
            if child.__class__ not in _TELLING:
                self._gather(child, scope)
                continue
            match child:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._function(child, scope)
                    continue
                case ast.ClassDef(name=name):
                    self.classes.append(child)
                    self._scopes[(*scope, name)] = "class"
                    self._gather(child, (*scope, name))
                    continue
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._bind(target, value, scope)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._bind(target, value, scope)
                case ast.AugAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
                    self._bind(target, value, scope)
                    self._bind(target, value, scope)
                case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                    self._bind(target, value, scope)
                case ast.Return(value=ast.expr() as value):
                    self._returned[".".join(scope)].append((value, scope))
                case ast.Call():
                    self._call(child, scope)
                case ast.Dict():
                    self._dictionary(child, scope)
                case ast.Tuple(elts=[ast.Constant(value=str(speaker)), text]) if speaker in SPEAKERS:
                    self._sinks.append((text, scope))
                case _:
                    pass
            self._gather(child, scope)

    def _function(self, function: FunctionNode, scope: Scope) -> None:
        inner = (*scope, function.name)
        self._scopes[inner] = "function"
        self._functions[".".join(inner)] = (function, scope)
        positional = [*function.args.posonlyargs, *function.args.args]
        shift = 1 if positional and positional[0].arg in ("self", "cls") else 0
        for index, parameter in enumerate([*positional, *function.args.kwonlyargs]):
            self._parameters[".".join((*inner, parameter.arg))] = (
                function.name,
                index - shift,
                parameter.arg,
            )
        self._gather(function, inner)

    def _bind(self, target: ast.expr, value: ast.expr, scope: Scope) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._bind(element, value, scope)
            return
        symbol, base, name = bound_symbol(target, scope)
        if name:
            self._assigned[symbol].append((value, scope))
            if base != symbol:
                self._assigned[base].append((value, scope))
            if isinstance(value, ast.Dict):
                for key, entry in zip(value.keys, value.values, strict=True):
                    if isinstance(key, ast.Constant):
                        self._assigned[f"{symbol}[{key.value}]"].append((entry, scope))

    def _call(self, call: ast.Call, scope: Scope) -> None:
        called = dotted(call.func)
        self._calls[called.rpartition(".")[2]].append((call, scope))
        if isinstance(call.func, ast.Attribute):
            self._method(call, call.func, scope)
        if is_message(call):
            self._sinks.extend((keyword.value, scope) for keyword in call.keywords if keyword.arg != "role")
            return
        for index, argument in enumerate(call.args):
            if takes_prompt(called, str(index)):
                self._sinks.append((argument, scope))
        for keyword in call.keywords:
            if keyword.arg is not None and takes_prompt(called, keyword.arg):
                self._sinks.append((keyword.value, scope))

    def _method(self, call: ast.Call, method: ast.Attribute, scope: Scope) -> None:
        if method.attr in ("append", "extend", "insert", "setdefault") and call.args:
            symbol = self._symbol(method.value, scope)
            if symbol:
                self._assigned[symbol].append((call.args[-1], scope))
        elif method.attr == "format":
            symbol = self._symbol(method.value, scope)
            if symbol:
                self.formatted.add(symbol)

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
                self._sinks.append((value, scope))

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

    def _reach(self) -> frozenset[str]:
        reached: set[str] = set()
        waiting = list(self._sinks)
        while waiting:
            node, scope = waiting.pop()
            for symbol in self._references(node, scope):
                if symbol not in reached:
                    reached.add(symbol)
                    waiting.extend(self._sources(symbol))
        return frozenset(reached)

    def _references(self, node: ast.expr, scope: Scope) -> Iterator[str]:
        waiting: list[ast.AST] = [node]
        while waiting:
            child = waiting.pop()
            if isinstance(child, ast.Call) and isinstance(child.func, ast.Name | ast.Attribute):
                called = self._symbol(child.func, scope)
                if called in self._functions:
                    yield called
            if isinstance(child, ast.Name | ast.Attribute | ast.Subscript):
                symbol = self._symbol(child, scope)
                # A function that is named and not called is a tool: what it returns is no prompt.
                if symbol is not None and symbol not in self._functions:
                    yield symbol
                    if symbol.endswith("]"):
                        continue  # this entry, and no other of its dictionary
            waiting.extend(children(child))

    def _sources(self, symbol: str) -> Iterator[tuple[ast.expr, Scope]]:
        """Yield the expressions that a symbol's value comes from."""
        yield from self._assigned.get(symbol, [])
        yield from self._returned.get(symbol, [])
        parameter = self._parameters.get(symbol)
        if parameter is None:
            return
        function, index, name = parameter
        for call, scope in self._calls.get(function, []):
            if 0 <= index < len(call.args):
                yield call.args[index], scope
            for keyword in call.keywords:
                if keyword.arg == name:
                    yield keyword.value, scope


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
