"""What `headgate doctor` says of a database and its standbys."""

from datetime import UTC, datetime
from typing import Any

import pytest

from headgate.cli.evidence import Evidence
from headgate.cli.judgements import State, survives_failover


@pytest.mark.parametrize(
    ("differs", "state", "says"),
    [
        ({}, "ok", "no standby"),
        ({"standbys": 1}, "warning", "asynchronous"),
        ({"standbys": 2, "synchronous": True}, "ok", "wait for a standby"),
        ({"standbys": 1, "synchronous": True, "commits": "local"}, "warning", "asynchronous"),
        ({"commits": "off"}, "failing", "crash"),
        ({"syncs": False}, "failing", "crash"),
        ({"waiting": ["gateway 1 on east"]}, "warning", "gateway 1 on east"),
    ],
)
def test_a_failover_is_judged_by_what_the_standby_has(
    differs: dict[str, Any], state: State, says: str
) -> None:
    sound: dict[str, Any] = {"syncs": True, "commits": "on", "synchronous": False, "standbys": 0}
    evidence = Evidence(url="", now=datetime.now(UTC), status={"database": {**sound, **differs}})
    finding = survives_failover(evidence)
    assert finding.state == state and says in finding.detail


@pytest.mark.parametrize("status", [None, {}, {"database": None}])
def test_what_is_not_said_is_not_judged(status: dict[str, Any] | None) -> None:
    assert survives_failover(Evidence(url="", now=datetime.now(UTC), status=status)).state == "unknown"
