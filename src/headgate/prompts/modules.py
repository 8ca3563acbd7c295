"""The prompts of one Python module: its texts, what reaches a model call, and what looks like a prompt.

Pure: takes the source, gives findings; raises SyntaxError for what is no Python 3. Read next: `scanning`.
"""

import ast
import inspect
from collections.abc import Iterator

import msgspec

from headgate.prompts.calls import (
    OTHER_ARGUMENTS,
    is_for_others,
    is_for_people,
    is_memory,
    is_tool_maker,
    takes_prompt,
)
from headgate.prompts.expressions import dotted, templates_of
from headgate.prompts.flow import Flow
from headgate.prompts.likeness import (
    EXAMPLES,
    UNNAMED_MIN,
    Surroundings,
    is_fragment,
    is_prompt,
    judge,
    words_in,
)
from headgate.prompts.model import Found, Hole, Template
from headgate.prompts.pieces import Piece, Pieces
from headgate.prompts.sites import Site

FIELDS = {"InputField", "OutputField"}

CHARACTERS_MAX = 10_000_000
"""Of all that a module's texts can give together: ten times what a file may hold."""


class Overgrown(ValueError):
    """A module's texts stand for one another so often that reading them all would take minutes."""


def prompts_in(source: str, path: str) -> list[Found]:
    """Return the prompts of a module, in the order of its lines; the same text in one symbol is one."""
    return prompts_of(Pieces().of(source), path)


def prompts_of(pieces: list[Piece], path: str) -> list[Found]:
    """Return the prompts of a module of which the pieces were read."""
    flow = Flow(piece.facts for piece in pieces)
    file = _File(path=path, flow=flow, is_mostly_text=_is_mostly_text(pieces, flow))
    found: dict[tuple[str, str], Found] = {}
    versions: set[str] = set()
    characters = 0
    for piece in pieces:
        for site in piece.sites:
            tells = _describes_tool(site)
            certain = None if tells else _certain(site, file)
            if not tells and certain is None and (_is_for_others(site) or site.symbol in flow.raised):
                continue
            names = flow.names_in(site.scope)
            for template in templates_of(site.node, names, formatted=site.symbol in flow.formatted):
                characters += len(template.text)
                if characters > CHARACTERS_MAX:
                    raise Overgrown(f"its texts can give more than {CHARACTERS_MAX:,} characters together")
                why = _tells(template) if tells else _why(site, certain, template, file)
                if why is None or (template.version in versions and not _is_own(site.node)):
                    continue
                versions.add(template.version)
                found.setdefault(
                    (site.symbol, template.version),
                    Found(
                        path=path, symbol=site.symbol, line=site.line + piece.line, template=template,
                        kind="tool" if why == TOOL else _kind(site.node, template), why=why,
                    ),
                )  # fmt: skip
        for each in (*_signatures(piece, path), *_tools(piece, flow, path)):
            found[(each.symbol, each.template.version)] = each
    return sorted(found.values(), key=lambda each: each.line)


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """What a module as a whole says of its texts."""

    path: str
    flow: Flow
    is_mostly_text: bool


def _is_mostly_text(pieces: list[Piece], flow: Flow) -> bool:
    """Whether the constants of a module that are texts take most of it."""
    texts = sum(
        len(site.node.value)
        for piece in pieces
        for site in piece.sites
        if isinstance(site.node, ast.Constant)
        and isinstance(site.node.value, str)
        and not flow.is_in_function(site.scope)
    )
    return texts * 2 > sum(piece.size for piece in pieces)


TOOL = "tells a model what a tool does"


def _signatures(piece: Piece, path: str) -> Iterator[Found]:
    for node in piece.facts.classes:
        if is_signature(node):
            yield _signature(node, path, piece.line)


def is_signature(node: ast.ClassDef) -> bool:
    """Whether a class is a DSPy signature, whose docstring and field descriptions are the prompt."""
    return any(dotted(parent) in DSPY for parent in node.bases)


DSPY = {"Signature", "dspy.Signature"}


def _tools(piece: Piece, flow: Flow, path: str) -> Iterator[Found]:
    """Yield the docstrings of functions that are given to a model as tools: it reads them."""
    for symbol, function in piece.facts.functions.items():
        if symbol not in flow.tools and not any(map(_makes_tool, function.decorator_list)):
            continue
        text = ast.get_docstring(function)
        if text is not None and words_in(text) >= TOOL_WORDS_MIN:
            yield Found(
                path=path, symbol=symbol, line=function.lineno + piece.line, kind="tool", why=TOOL,
                template=Template.of([text]),
            )  # fmt: skip


TOOL_WORDS_MIN = 2


def _makes_tool(decorator: ast.expr) -> bool:
    return is_tool_maker(dotted(decorator))


def _certain(site: Site, file: _File) -> str | None:
    """Say why a text is a prompt, whatever it says, or None where what it says must tell."""
    if site.role and site.key in ("content", "parts"):
        if is_for_people(site.call):
            return None
        # What user and assistant say to fill a memory is no prompt.
        if site.role in TALK and (site.base in file.flow.remembered or is_memory(site.call, FOR_A_PERSON)):
            return None
        return "sent to a model: a message's content"
    if site.call and takes_prompt(site.call, site.keyword) and not site.key:
        return f"sent to a model: {site.call}"
    return None


CERTAIN_WORDS_MIN = 2
TALK = ("user", "assistant")
FOR_A_PERSON = frozenset({"user_id"})


def _why(site: Site, certain: str | None, template: Template, file: _File) -> str | None:
    """Say why a text is a prompt, or None."""
    literal = template.literal
    if certain is not None:
        # A hole is a word of it, though not its only one: `You are a {role}.`
        return certain if words_in(literal) >= CERTAIN_WORDS_MIN and is_fragment(template.text) else None
    around = Surroundings(name=_name(site), path=file.path, is_mostly_text=file.is_mostly_text)
    judgement = judge(literal, around, holes=len(template.holes))
    reached = site.symbol in file.flow.reached or site.base in file.flow.reached
    kinds = EXAMPLES if "example" in site.symbol.lower() else ()
    if (
        reached
        and not around.name_denies
        and is_fragment(literal, kinds=kinds)
        and not site.in_hole
        and (site.is_bound or judgement.points >= 3)
    ):
        return f"reaches a model call: {site.symbol}"
    is_constant = site.is_bound and not file.flow.is_in_function(site.scope)
    if is_prompt(judgement, literal, around, is_constant=is_constant) and (
        site.is_bound or (judgement.points >= UNNAMED_MIN and (judgement.speaks or around.file_says))
    ):
        return f"looks like a prompt: {', '.join(judgement.reasons)}"
    return None


def _tells(template: Template) -> str | None:
    return TOOL if words_in(template.literal) >= TOOL_WORDS_MIN else None


def _describes_tool(site: Site) -> bool:
    if site.tool:
        return site.key == "description"
    return site.keyword == "description" and is_tool_maker(site.call) and not site.key


def _name(site: Site) -> str:
    """The most telling name: of the entry or argument, else of the binding."""
    if site.key and not site.key.isdigit():
        return f"{site.name}_{site.key}" if site.name else site.key
    if site.keyword and not site.keyword.isdigit():
        return site.keyword
    return site.name


def _is_for_others(site: Site) -> bool:
    if site.keyword in OTHER_ARGUMENTS or (site.key in OTHER_ARGUMENTS and not site.role):
        return True
    return bool(site.call) and is_for_others(site.call)


def _is_own(node: ast.expr) -> bool:
    """Whether an expression holds words of its own, and is not only made of named texts."""
    return any(
        isinstance(child, ast.Constant) and isinstance(child.value, str) and len(child.value.split()) >= 3
        for child in ast.walk(node)
    )


def _kind(node: ast.expr, template: Template) -> str:
    """Say how a text is written."""
    match node:
        case ast.JoinedStr():
            return "f-string"
        case ast.BinOp(op=ast.Mod()):
            return "percent"
        case ast.BinOp():
            return "concatenation"
        case ast.Call(func=ast.Attribute(attr="format")):
            return "format"
        case ast.Call() if "Template" in dotted(node.func):
            return "template"
        case ast.Call(func=ast.Attribute(attr="join")):
            return "concatenation"
        case _:
            return "format" if template.holes else "string"


def _signature(node: ast.ClassDef, path: str, line: int) -> Found:
    parts: list[str | Hole] = [inspect.cleandoc(ast.get_docstring(node, clean=False) or "")]
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as value):
                pass
            case _:
                continue
        if dotted(value.func).rpartition(".")[2] in FIELDS:
            described = [
                keyword.value.value
                for keyword in value.keywords
                if keyword.arg == "desc" and isinstance(keyword.value, ast.Constant)
            ]
            parts.extend([f"\n{name}: {' '.join(map(str, described))}", Hole(name=name)])
    return Found(
        path=path, symbol=node.name, line=node.lineno + line, template=Template.of(parts),
        kind="signature", why="a DSPy signature",
    )  # fmt: skip
