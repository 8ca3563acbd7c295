"""Rules of groundedness of a document, checked and compiled. Pure. Read next: `grounding.rules`."""

from typing import Final

from headgate.config.document import Document
from headgate.config.grounding_table import GroundingTable
from headgate.config.lines import Path
from headgate.config.problems import Problems, check_twice, nearest
from headgate.config.projects import check_project
from headgate.config.values import read_amount
from headgate.grounding.rules import GroundingRule

RULES_MAX: Final = 32


def grounding_of(document: Document, problems: Problems) -> tuple[GroundingRule, ...]:
    """Return the rules of a document."""
    if len(document.grounding) > RULES_MAX:
        problems.add(("grounding",), f"has {len(document.grounding)} entries; at most {RULES_MAX} are held")
    check_twice([table.name for table in document.grounding], ("grounding",), problems)
    for place, table in enumerate(document.grounding):
        _check(document, table, ("grounding", place), problems)
    return tuple([_rule(table) for table in document.grounding])


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
        check_project(document, project, (*path, "projects", place), problems)
    named = [(("models", place), model) for place, model in enumerate(table.models)]
    if table.judge is not None:
        named.append((("judge",), table.judge))  # type: ignore[arg-type]
    for where, model in named:
        if model not in document.models and model.partition("/")[0] not in document.providers:
            close = nearest(model, document.models)
            problems.add(
                (*path, *where), f"is {model!r}, which is no alias and no model of a provider{close}"
            )
