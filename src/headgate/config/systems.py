"""Business systems of a document, checked and compiled. Pure. Read next: `traces.systems.model`."""

from typing import Any, Final

import msgspec

from headgate.config.document import Document, FeedbackTable, OutcomeTable
from headgate.config.exporters import HEADER
from headgate.config.lines import Path
from headgate.config.problems import Problems
from headgate.config.values import read_duration, read_score_name
from headgate.core.written import read_value
from headgate.traces.scores.model import SUBJECTS
from headgate.traces.systems.model import HEADERS, ROOT, BusinessSystem, Outcome, Plain, read_path
from headgate.traces.systems.model import Path as Place

SYSTEMS_MAX: Final = 64
_SPAN: Final = {"span_id", "trace_id"}


def systems_of(document: Document, problems: Problems) -> dict[str, BusinessSystem]:
    """Return the business systems; what is wrong with one is added to the problems."""
    if len(document.feedback) > SYSTEMS_MAX:
        problems.add(("feedback",), f"has {len(document.feedback)} tables; at most {SYSTEMS_MAX} are read")
    return {name: _system(name, table, problems) for name, table in document.feedback.items()}


def _system(name: str, table: FeedbackTable, problems: Problems) -> BusinessSystem:
    path = ("feedback", name)
    if table.header is not None and table.signature == "standard-webhooks":
        problems.add((*path, "header"), "can't be chosen: standard-webhooks names its headers; take it out")
    elif table.header is not None and not HEADER.fullmatch(table.header):
        problems.add((*path, "header"), "is no name of a header; write one such as x-signature")
    if table.signature == "body" and table.tolerance is not None:
        problems.add((*path, "tolerance"), "is read where signatures bear a time, which `body` does not")
    return BusinessSystem(
        name=name,
        project=table.project,
        secrets=table.secrets,
        signature=table.signature,
        header=(table.header or HEADERS[table.signature]).lower(),
        tolerance_s=read_duration(table.tolerance or "5m"),
        items=None if table.items is None else _place(table.items, (*path, "items"), problems),
        source=table.source,
        outcomes=tuple(
            _outcome(outcome, (*path, "outcomes", index), problems)
            for index, outcome in enumerate(table.outcomes)
        ),
    )


def _outcome(table: OutcomeTable, path: Path, problems: Problems) -> Outcome:
    fields: dict[str, Any] = {
        name: value
        for name, value in msgspec.structs.asdict(table).items()
        if value is not None and name != "when"
    }
    found: dict[str, Place] = {}
    fixed: dict[str, Plain] = {}
    for field, value in fields.items():
        if isinstance(value, str) and value.startswith(ROOT):
            found[field] = _place(value, (*path, field), problems)
        else:
            fixed[field] = value
            _check_fixed(field, value, (*path, field), problems)
    subjects = [field for field in SUBJECTS if field in fields]
    if len(subjects) != 1 and set(subjects) != _SPAN:
        named = " and ".join(subjects) or "nothing"
        problems.add(path, f"is about {named}; name one of {', '.join(SUBJECTS)}")
    when = tuple(
        (_place(place, (*path, "when", place), problems), wanted) for place, wanted in table.when.items()
    )
    return Outcome(when=when, found=found, fixed=fixed)


def _check_fixed(field: str, value: Plain, path: Path, problems: Problems) -> None:
    try:
        if field == "value":
            read_value(value)
        elif field == "name":
            read_score_name(str(value))
        elif field not in ("by", "comment"):
            raise ValueError(f"is {value!r} for every event; write where it stands, such as '$.data.id'")
    except ValueError as error:
        problems.add(path, str(error))


def _place(text: str, path: Path, problems: Problems) -> Place:
    try:
        return read_path(text)
    except ValueError as error:
        problems.add(path, str(error))
        return ()
