"""Templates of managed prompts: compiled once, rendered within bounds on output and on work.

Values are JSON and never become template syntax; nothing is escaped for HTML, for a prompt is no page. Uses
no thread and no clock: work is counted, so that the worst template stalls nothing. Read next:
`managed.mustache`, `managed.jinja`.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from headgate.prompts.managed.model import Engine
from headgate.prompts.managed.mustache import compile_mustache
from headgate.prompts.managed.work import Refusal, Work

COMPILED_KEPT: Final = 2048
"""How many templates stay compiled; a prompt of a few messages takes as many of them."""


class Template(msgspec.Struct, frozen=True, eq=False):
    """A template ready to be rendered. `names` are the variables that it reads, `required` those that it
    can't do without, whatever the others are."""

    write: Callable[[Work, dict[str, Any]], None]
    names: frozenset[str]
    required: frozenset[str]


@functools.lru_cache(maxsize=COMPILED_KEPT)
def compile_template(engine: Engine, text: str) -> Template:
    """Compile a template. Raises Refusal that names the line, for what is no template or is not allowed."""
    if engine == "mustache":
        write, names, required = compile_mustache(text)
    else:
        # Loaded by who has such a template: the parser takes longer to load than the rest of the SDK.
        from headgate.prompts.managed.jinja import compile_jinja  # noqa: PLC0415

        write, names, required = compile_jinja(text)
    return Template(write, frozenset(names), frozenset(required))


def render(templates: Iterable[Template], variables: Mapping[str, Any]) -> list[str]:
    """Render templates with the same variables, within one bound for all of them. Raises Refusal."""
    work = Work()
    values = dict(variables)
    texts: list[str] = []
    for template in templates:
        try:
            template.write(work, values)
        except RecursionError:
            raise Refusal("a value is nested too deeply; flatten it") from None
        texts.append(work.take())
    return texts


def unused(templates: Iterable[Template], variables: Mapping[str, Any]) -> list[str]:
    """Return the variables that none of the templates reads."""
    read = frozenset[str]().union(*[template.names for template in templates])
    return sorted(variables.keys() - read)
