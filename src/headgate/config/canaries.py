"""Canaries of a document, checked and compiled. Pure. Read next: `drift.model`."""

from typing import Final

import msgspec

from headgate.config.document import Document
from headgate.config.drift_tables import CanaryTable, CaseTable
from headgate.config.lines import Path
from headgate.config.problems import Problems, check_twice, nearest
from headgate.config.projects import check_project
from headgate.config.values import read_amount, read_duration
from headgate.core.chat import Fields
from headgate.drift.model import Canary, Case, version_of
from headgate.drift.suite import BUILT_IN
from headgate.wire.dialects.validating import fault_of

CANARIES_MAX: Final = 64
EVERY_S_LEAST: Final = 60.0

PARAMETERS: Final[dict[str, bool | int | float | str]] = {"temperature": 0, "max_tokens": 256}


def canaries_of(document: Document, problems: Problems) -> tuple[Canary, ...]:
    """Return the canaries of a document."""
    if len(document.canaries) > CANARIES_MAX:
        problems.add(
            ("canaries",), f"has {len(document.canaries)} entries; at most {CANARIES_MAX} run at once"
        )
    check_twice([table.name for table in document.canaries], ("canaries",), problems)
    for place, table in enumerate(document.canaries):
        _check(document, table, ("canaries", place), problems)
    return tuple([_canary(table) for table in document.canaries])


def _canary(table: CanaryTable) -> Canary:
    canary = Canary(
        name=table.name,
        targets=table.targets,
        cases=_cases(table),
        every_s=read_duration(table.every),
        draws=table.cases_a_run,
        reference=table.reference,
        parameters=msgspec.json.encode(
            PARAMETERS if table.parameters is None else table.parameters, order="sorted"
        ),
        project=table.project,
        budget_pico_usd=read_amount(table.budget),
        dataset=table.dataset or "",
        scorer=table.scorer,
    )
    return msgspec.structs.replace(canary, version=version_of(canary))


def _cases(table: CanaryTable) -> tuple[Case, ...]:
    if table.dataset is not None:
        return ()
    return tuple([_case(case, place) for place, case in enumerate(table.cases, 1)]) or BUILT_IN


def _case(table: CaseTable, place: int) -> Case:
    return Case(
        name=table.name or f"case-{place}",
        prompt=table.prompt,
        system=table.system,
        scorer=table.scorer or ("exact" if table.expected else "none"),
        expected=table.expected,
    )


def _check(document: Document, table: CanaryTable, path: Path, problems: Problems) -> None:
    for place, target in enumerate(table.targets):
        provider, slash, model = target.partition("/")
        if not slash or not model or provider not in document.providers:
            close = nearest(provider, document.providers)
            at = (*path, "targets", place)
            problems.add(at, f"is {target!r}; write provider/model of a provider in [providers]{close}")
    if read_duration(table.every) < EVERY_S_LEAST:
        problems.add((*path, "every"), f"is {table.every!r}; a minute at least lies between two runs")
    check_project(document, table.project, (*path, "project"), problems)
    for reserved in sorted({"model", "messages", "stream"} & set(table.parameters or ())):
        problems.add((*path, "parameters", reserved), "is set by the canary itself; take it out")
    _check_dataset(table, path, problems)
    cases = [_case(case, place) for place, case in enumerate(table.cases, 1)]
    check_twice([case.name for case in cases], (*path, "cases"), problems)
    for place, case in enumerate(cases):
        reason = _fault(case)
        if reason:
            problems.add((*path, "cases", place, "expected"), reason)


def _check_dataset(table: CanaryTable, path: Path, problems: Problems) -> None:
    if table.dataset is None:
        if table.scorer is not None:
            problems.add((*path, "scorer"), "is for the cases of a dataset; write it into each case")
        return
    name, at, version = table.dataset.partition("@")
    if not name or (at and not (version.isascii() and version.isdigit())):
        problems.add((*path, "dataset"), f"is {table.dataset!r}; write a name, or name@version with a number")
    if table.cases:
        problems.add((*path, "dataset"), "stands beside cases of its own; write one or the other")


def _fault(case: Case) -> str:
    """Say why a case can't be marked."""
    match case.scorer:
        case "none":
            return ""
        case "length":
            return (
                ""
                if case.expected.isdecimal()
                else f"is {case.expected[:50]!r}; write a number of characters"
            )
        case "schema":
            try:
                fault = fault_of(msgspec.json.decode(case.expected, type=Fields))
            except (msgspec.MsgspecError, RecursionError) as error:
                fault = str(error)
            return "" if fault is None else f"is no JSON schema: {fault}"
        case _:
            return "" if case.expected.strip() else f"is empty; the scorer {case.scorer} needs it"
