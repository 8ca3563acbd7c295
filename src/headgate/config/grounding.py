"""Rules of groundedness of a document, checked and compiled. Pure. Read next: `grounding.rules`."""

from typing import Final

from headgate.config.document import Document
from headgate.config.grounding_table import GroundingTable
from headgate.config.lines import Path
from headgate.config.problems import Problems, nearest
from headgate.config.values import read_amount
from headgate.grounding.rules import GroundingRule

RULES_MAX: Final = 32


def grounding_of(document: Document, problems: Problems) -> tuple[GroundingRule, ...]:
    """Return the rules of a document."""
    if len(document.grounding) > RULES_MAX:
        problems.add(("grounding",), f"has {len(document.grounding)} entries; at most {RULES_MAX} are held")
    found: list[GroundingRule] = []
    for place, table in enumerate(document.grounding):
        path: Path = ("grounding", place)
        if any(each.name == table.name for each in found):
            problems.add((*path, "name"), f"is {table.name!r} a second time; choose another")
        _check(document, table, path, problems)
        found.append(_rule(table))
    return tuple(found)


def _rule(table: GroundingTable) -> GroundingRule:
    return GroundingRule(
        name=table.name,
        share=table.share,
        projects=table.projects,
        models=table.models,
        prompts=table.prompts,
        judge=table.judge or "",
        budget_pico_usd=read_amount(table.budget),
        calls_a_day=table.calls_a_day,
        alert_below=table.alert_below,
        error=table.error,
    )


def _check(document: Document, table: GroundingTable, path: Path, problems: Problems) -> None:
    for place, project in enumerate(table.projects):
        if project != "default" and project not in document.projects:
            close = nearest(project, document.projects)
            at = (*path, "projects", place)
            problems.add(at, f"is {project!r}, which [projects] does not have{close}")
    named = [(("models", place), model) for place, model in enumerate(table.models)]
    if table.judge is not None:
        named.append((("judge",), table.judge))  # type: ignore[arg-type]
    for where, model in named:
        if model not in document.models and model.partition("/")[0] not in document.providers:
            close = nearest(model, document.models)
            problems.add(
                (*path, *where), f"is {model!r}, which is no alias and no model of a provider{close}"
            )
