"""The prompts of one Python module: its texts, what reaches a model call, and what looks like a prompt.

Pure: takes the source, gives findings; raises SyntaxError for what is no Python 3. Read next: `scanning`.
"""

import ast
import inspect
import re

from headgate.prompts.expressions import dotted, templates_of
from headgate.prompts.flow import Flow, is_signature, takes_prompt
from headgate.prompts.likeness import UNNAMED_MIN, Surroundings, is_fragment, is_prompt, judge
from headgate.prompts.model import Found, Hole, Template
from headgate.prompts.sites import Site, sites_of

OTHER_CALLS = re.compile(
    r"(?:^|\.)(?:print|pprint|rprint|echo|secho|log|logger\.\w+|logging\.\w+|debug|info|warn|warning|error|exception"
    r"|critical|add_argument|add_option|Option|Argument|argument|option|tool_output|tool_error|tool_warning"
    r"|confirm_ask|input|write|writelines|markdown|caption|header|subheader|success|execute|executemany|compile"
    r"|sub|match|search|findall|getenv|get|add_parser|ArgumentParser|open|run|Popen|check_output|Exception"
    r"|\w*Error|\w*Exception|HTTPException|sleep|skip|xfail|fail|cprint|st\.\w+|console\.\w+|deprecated|startswith"
    r"|endswith|split|rsplit|index|find|count|Field|set_help|help|abort|notify|toast|report\w*|strftime|strptime"
    r"|create_task|emit|publish|send_json|JSONResponse|HTMLResponse|Response)$"
)
"""Calls whose texts are for people or machines: nothing in them is taken for a prompt by its looks alone."""

FOR_PEOPLE = re.compile(
    r"(?:^|\.)(?:send_(?:json|text|str|bytes)|emit|publish|broadcast|\w*Response|print|echo)$"
)
"""Calls whose messages go to a person's window: a role in them speaks to no model."""

OTHER_ARGUMENTS = {
    "help", "epilog", "usage", "title", "label", "placeholder", "error", "detail", "reason", "caption",
    "metavar", "description", "desc", "doc", "summary", "version", "url", "path", "name", "headers", "sql",
    "deprecated",
}  # fmt: skip

FIELDS = {"InputField", "OutputField"}


def prompts_in(source: str, path: str) -> list[Found]:
    """Return the prompts of a module, in the order of its lines; the same text in one symbol is one."""
    tree = ast.parse(source)
    return prompts_of(tree, path)


def prompts_of(tree: ast.Module, path: str) -> list[Found]:
    """Return the prompts of a parsed module."""
    flow = Flow(tree)
    found: dict[tuple[str, str], Found] = {}
    versions: set[str] = set()
    for site in sites_of(tree):
        names = flow.names_in(site.scope)
        for template in templates_of(site.node, names, formatted=site.symbol in flow.formatted):
            why = _why(site, template, flow, path)
            if why is None or (template.version in versions and not _is_own(site.node)):
                continue
            versions.add(template.version)
            found.setdefault(
                (site.symbol, template.version),
                Found(
                    path=path, symbol=site.symbol, line=site.line, template=template,
                    kind=_kind(site.node, template), why=why,
                ),
            )  # fmt: skip
    for signature in flow.classes:
        if is_signature(signature):
            prompt = _signature(signature, path)
            found[(prompt.symbol, prompt.template.version)] = prompt
    return sorted(found.values(), key=lambda each: each.line)


def _why(site: Site, template: Template, flow: Flow, path: str) -> str | None:
    """Say why a text is a prompt, or None."""
    literal = template.literal
    around = Surroundings(name=_name(site), path=path)
    if site.role and site.key in ("content", "parts") and not FOR_PEOPLE.search(site.call):
        return "sent to a model: a message's content" if is_fragment(literal) else None
    if site.call and takes_prompt(site.call, site.keyword) and not site.key:
        return f"sent to a model: {site.call}" if is_fragment(literal) else None
    judgement = judge(literal, around, holes=len(template.holes))
    reached = site.symbol in flow.reached or site.base in flow.reached
    if _is_for_others(site):
        return None
    if reached and is_fragment(literal) and not site.in_hole and (site.is_bound or judgement.points >= 3):
        return f"reaches a model call: {site.symbol}"
    is_constant = site.is_bound and not flow.is_in_function(site.scope)
    if is_prompt(judgement, literal, around, is_constant=is_constant) and (
        site.is_bound or judgement.points >= UNNAMED_MIN
    ):
        return f"looks like a prompt: {', '.join(judgement.reasons)}"
    return None


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
    return bool(site.call) and OTHER_CALLS.search(site.call) is not None


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


def _signature(node: ast.ClassDef, path: str) -> Found:
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
        path=path, symbol=node.name, line=node.lineno, template=Template.of(parts),
        kind="signature", why="a DSPy signature",
    )  # fmt: skip
