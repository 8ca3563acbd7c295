"""No table is forgotten by erasures: each is erased, or is kept for a reason that is told."""

import re

from headgate.store.migrate import migrations
from headgate.store.queries import Queries
from headgate.traces.erasure.tables import BELOW, COUNTED, ERASED, KEPT, NOBODY

CREATED = re.compile(r"^create table (?:if not exists )?(\w+) \((.*?)^\)", re.MULTILINE | re.DOTALL)
TELLING = re.compile(
    r'^\s+("user"|session|trace_id|request|request_id|body|example|payload|comment)\s', re.MULTILINE
)
"""Columns that name a subject or hold what was said."""


def made() -> dict[str, str]:
    return {name: body for migration in migrations() for name, body in CREATED.findall(migration.sql)}


def test_every_table_is_erased_or_kept_for_a_reason() -> None:
    named = [*ERASED, *COUNTED, *BELOW, *KEPT, *NOBODY]
    assert len(named) == len(set(named))
    assert not set(made()) - set(named), "name the new tables in traces/erasure/tables.py"


def test_no_table_that_names_a_subject_is_said_to_hold_nobody() -> None:
    telling = {name for name, body in made().items() if TELLING.search(body)}
    assert {"requests", "spans", "traces", "scores", "ledger", "open_calls", "messages"} <= telling
    assert telling & NOBODY <= {"rule_versions", "managed_versions", "snapshots"}


def test_every_table_that_is_erased_is_looked_at_again() -> None:
    known = Queries.load("headgate.traces.erasure").names
    for table in ERASED:
        assert f"erase_{table}" in known, table
    for table in [*ERASED, *COUNTED]:
        assert f"count_{table}" in known, table
