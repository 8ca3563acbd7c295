"""What is hard-coded beside prompts: parameters of model calls, and the models named.

Pure, over the syntax tree; knows of models what the price table `genai-prices` and `catalog.withdrawn` know.
Read next: `keys`.
"""

import ast
import functools
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
from genai_prices.data_snapshot import get_snapshot

from headgate.catalog.withdrawn import withdrawal_of
from headgate.prompts.calls import is_model_call
from headgate.prompts.expressions import dotted
from headgate.prompts.model import ModelNamed, Parameter, State
from headgate.prompts.nodes import children
from headgate.prompts.pieces import Piece
from headgate.prompts.sites import FunctionNode, Scope, bound_symbol, defaults

CERTAIN = {
    "temperature", "top_p", "max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens",
    "max_tokens_to_sample", "frequency_penalty", "presence_penalty", "repetition_penalty", "repeat_penalty",
    "reasoning_effort", "budget_tokens", "thinking_tokens", "num_ctx", "logit_bias", "top_logprobs",
    "embedding_dims", "embedding_dim", "embedding_size", "embedding_dimensions", "embedding_model_dims",
    "stop_sequences", "maxOutputTokens", "topP", "topK",
}  # fmt: skip
"""Names that mean a model call wherever they stand."""

AMONG = {"top_k", "seed", "stop", "n", "dimensions", "num_predict", "min_p", "best_of"}
"""Names that mean one only in a model call, or beside one of the others."""

WORDS = re.compile(r"(?:^|_)(?:reasoning_effort|stop|stop_sequences)$", re.IGNORECASE)
"""Names of parameters that are words; all others are numbers: `{"max_tokens": "max_gen_len"}` sets none."""

ABOUT = re.compile(
    r"(?:^|_)(?:temperature|top_p|(?:max|output)_(?:output_|completion_|new_|response_)?tokens|embedding_dims?"
    r"|embedding_dimensions?|embedding_size|reasoning_effort|frequency_penalty|presence_penalty)$",
    re.IGNORECASE,
)
"""Names of constants that hold such a value: `DEFAULT_TEMPERATURE`."""

FAMILY = re.compile(
    r"(?:[\w.-]+/){0,3}(?:gpt-[3-9o]|gpt-oss|chatgpt-|o[134](?:-|$)|text-(?:embedding|davinci|curie|babbage|ada)-"
    r"|code-davinci|davinci-|claude-|gemini-|gemma-?\d|palm-|text-bison|chat-bison|mistral-|mixtral-|codestral"
    r"|ministral|magistral|devstral|pixtral|open-mi[sx]tral|command-[ar]|deepseek-|llama-?\d|llama3|meta-llama"
    r"|qwen-?\d|qwen-|qwq|grok-|sonar|kimi-|moonshot-|glm-\d|phi-?\d|dall-e-|whisper-1|tts-1|voyage-|embed-"
    r"|anthropic\.claude|amazon\.(?:nova|titan)|cohere\.|meta\.llama|yi-|ernie-|doubao-|jamba-)[\w.:@-]*"
)
DATED = re.compile(
    r"(?:[-@](?:20\d{6}|20\d\d-\d\d(?:-\d\d)?|\d{4}|\d\d-\d\d|\d\d-20\d\d))(?:-preview|-v\d+(?::\d+)?)?$"
)
NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)")
VALUE_LENGTH_MAX = 60


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is hard-coded in one module."""

    parameters: tuple[Parameter, ...] = ()
    models: tuple[ModelNamed, ...] = ()


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """By which day models are withdrawn or not, and when models end that the catalogue doesn't know, or knows
    another day of: by `provider/model`, or by the model's name alone."""

    today: date
    own: dict[str, date] = {}

    def own_day(self, model: str) -> date | None:
        """Return the day that is set for a model as code spells it."""
        if not self.own:
            return None
        days = [self.own[name] for name in (model, *_spellings(model)) if name in self.own]
        days += [day for name, day in self.own.items() if name.partition("/")[2] == model]
        return days[0] if days else None


def settings_of(pieces: list[Piece], path: str, ends: Ends) -> Settings:
    """Return the parameters and models that a module's pieces name, in the order of its lines."""
    parameters: list[Parameter] = []
    models: dict[tuple[int, str], ModelNamed] = {}
    for piece in pieces:
        tree = ast.Module(body=piece.body, type_ignores=[])
        reader = _Reader(path, piece.line)
        reader.read(tree, piece.scope)
        parameters.extend(reader.parameters)
        for text, node_line in _texts(tree):
            if looks_like_model(text) or ends.own_day(text) is not None:
                line = node_line + piece.line
                models[(line, text)] = named(text, path, line, ends)
    unique = dict.fromkeys(parameters)
    return Settings(
        parameters=tuple(sorted(unique, key=lambda each: (each.line, each.name))),
        models=tuple(models[key] for key in sorted(models)),
    )


def _texts(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each text with its line, but for what is looked for: `"gpt-4" in name` names no model."""
    for child in children(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            if not (isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn)):
                yield child.value, child.lineno
        elif not (isinstance(child, ast.Call) and dotted(child.func).endswith(("startswith", "endswith"))):
            yield from _texts(child)


def looks_like_model(text: str) -> bool:
    """Whether a text is written as a model's name is; says nothing of whether there is such a model."""
    if len(text) > 100 or not text[-1:].isalnum():
        return False
    if any(withdrawal_of(name) is not None for name in _spellings(text)):
        return True
    return FAMILY.fullmatch(text) is not None and any(char.isdigit() for char in text)


def named(model: str, path: str, line: int, ends: Ends) -> ModelNamed:
    """Return what is known of a model that code names."""
    own = ends.own_day(model)
    state, until = state_of(model, ends.today) if own is None else _ending(own, ends.today)
    return ModelNamed(path=path, line=line, model=model, state=state, until=until)


@functools.lru_cache(maxsize=4096)
def state_of(model: str, today: date) -> tuple[State, str]:
    """Say what is known of a model, and the day on which it was or will be withdrawn; empty where none is."""
    withdrawals = [each for name in _spellings(model) if (each := withdrawal_of(name)) is not None]
    if withdrawals:
        return _ending(withdrawals[0].on, today)
    known = [each for name in _spellings(model) for each in _in_table(name)]
    if known and all(each.deprecated for each in known):
        return "retired", ""
    if DATED.search(model):
        return "dated", ""
    return ("known" if known else "unknown"), ""


def _ending(on: date, today: date) -> tuple[State, str]:
    return ("retired" if on <= today else "retiring"), on.isoformat()


def _spellings(model: str) -> list[str]:
    """A model's name with and without the provider's path before it."""
    bare = model.rpartition("/")[2]
    return list(dict.fromkeys((model, bare, model.partition("/")[2] or model)))


@functools.cache
def _table() -> tuple[Any, ...]:
    return tuple(get_snapshot().providers)


def _in_table(name: str) -> Iterator[Any]:
    for provider in _table():
        for model in provider.models:
            if model.is_match(name.lower()):
                yield model


class _Reader:
    def __init__(self, path: str, line: int) -> None:
        self.parameters: list[Parameter] = []
        self._path = path
        self._line = line

    def read(self, node: ast.AST, scope: Scope) -> None:
        for child in children(node):
            match child:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._defaults(child, (*scope, child.name))
                    self.read(child, (*scope, child.name))
                    continue
                case ast.ClassDef(name=name):
                    self.read(child, (*scope, name))
                    continue
                case ast.Assign(targets=[target], value=value):
                    self._assigned(target, value, scope)
                case ast.AnnAssign(target=target, value=ast.expr() as value):
                    self._assigned(target, value, scope)
                case ast.Call():
                    called = dotted(child.func)
                    pairs = [(keyword.arg or "", keyword.value) for keyword in child.keywords]
                    self._pairs(pairs, scope, called)
                case ast.Dict():
                    keys = [key.value if isinstance(key, ast.Constant) else "" for key in child.keys]
                    pairs = [(str(key), value) for key, value in zip(keys, child.values, strict=True)]
                    self._pairs(pairs, scope, "")
                case _:
                    pass
            self.read(child, scope)

    def _pairs(self, pairs: list[tuple[str, ast.expr]], scope: Scope, called: str) -> None:
        names = {name for name, _ in pairs}
        is_call = (
            is_model_call(called) or "embed" in called.lower() or bool(names & CERTAIN) or "messages" in names
        )
        for name, value in pairs:
            if name in CERTAIN or (name in AMONG and is_call):
                self._add(name, value, scope, called)

    def _defaults(self, function: FunctionNode, scope: Scope) -> None:
        for name, value in defaults(function):
            if name in CERTAIN:
                self._add(name, value, scope, "default")

    def _assigned(self, target: ast.expr, value: ast.expr, scope: Scope) -> None:
        _, _, name = bound_symbol(target, scope)
        if name in CERTAIN or (name and ABOUT.search(name)):
            self._add(name, value, scope, "")

    def _add(self, name: str, value: ast.expr, scope: Scope, called: str) -> None:
        if isinstance(value, ast.Call) and dotted(value.func).endswith("Field") and value.args:
            value = value.args[0]
        shown = _constant(value, is_words=WORDS.search(name) is not None)
        if shown is not None:
            self.parameters.append(
                Parameter(
                    path=self._path,
                    line=value.lineno + self._line,
                    symbol=".".join(scope),
                    name=name,
                    value=shown,
                    call=called,
                )
            )


def _constant(node: ast.expr, *, is_words: bool) -> str | None:
    """Return a constant as it is written, or None where it sets nothing: None, booleans, other words."""
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    if value is None or value is ... or isinstance(value, bool | dict) or value in ("", [], ()):
        return None
    if isinstance(value, str) and not is_words and not NUMBER.fullmatch(value):
        return None
    shown = ast.unparse(node)
    return shown if len(shown) <= VALUE_LENGTH_MAX else shown[: VALUE_LENGTH_MAX - 1] + "…"
