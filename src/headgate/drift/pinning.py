"""Suites that are datasets on the server: their cases, as a canary asks them, at the time of a run.

A canary's version hangs on the cases, so that another version of the dataset begins anew; `name@version` pins
one. Read next: `drift.running`, `headgate.datasets`.
"""

from typing import Any, Final, cast

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.datasets import model as datasets
from headgate.datasets.store import get_dataset, list_cases
from headgate.drift.model import Canary, Case, Scorer, version_of
from headgate.store.database import Connection

PAGE: Final = 500
CASES_MAX: Final = 1000


async def with_cases(connection: Connection, canary: Canary) -> Canary:
    """Return a canary with the cases of its dataset, if it has one, and the version that they make it.

    Raises NotFound for a dataset that is not there, and InvalidRequest for one that holds nothing to ask.
    """
    if not canary.dataset:
        return canary
    name, _, version = canary.dataset.partition("@")
    dataset = await get_dataset(connection, canary.project, name)
    pinned = int(version) if version else None
    found: list[Case] = []
    cursor = None
    while len(found) < CASES_MAX:
        page = await list_cases(connection, dataset, pinned, limit=PAGE, cursor=cursor)
        found += [case for each in page.items if (case := asked(each, canary.scorer)) is not None]
        cursor = page.next
        if cursor is None:
            break
    if not found:
        raise InvalidRequest(
            f"dataset {canary.dataset} in {canary.project} has no case with an input or messages; "
            f"add some by `headgate datasets add {name} FILE`"
        )
    pinned_to = msgspec.structs.replace(canary, cases=tuple(found[:CASES_MAX]))
    return msgspec.structs.replace(pinned_to, version=version_of(pinned_to))


def asked(case: datasets.Case, scorer: Scorer | None) -> Case | None:
    """Return a case of a dataset as a canary asks it; None for one of a managed prompt, which needs more."""
    messages: Any = case.input if case.input is not None else (case.body or {}).get("messages")
    if not messages:
        return None
    expected = case.expected if isinstance(case.expected, str) else ""
    if scorer == "schema" and isinstance(case.expected, dict):
        expected = msgspec.json.encode(cast("dict[str, Any]", case.expected)).decode()
    marked: Scorer = (scorer or "exact") if expected else "none"
    told: dict[str, Any] = {"name": case.id, "scorer": marked, "expected": expected}
    if isinstance(messages, str):
        return Case(prompt=messages, **told)
    return Case(prompt=case.question, messages=msgspec.json.encode(messages).decode(), **told)
