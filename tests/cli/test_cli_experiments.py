"""The output and the errors of `headgate experiments`, as they are kept in tests/cli/snapshots_experiments.

`HEADGATE_UPDATE_SNAPSHOTS=1` writes them again; then read the difference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kept_output import KeptOutput
from tests.cli.scripted_api import ScriptedApi, serving, surround

ITEM: dict[str, Any] = {
    "name": "smaller",
    "version": "0123456789abcdef",
    "alias": "assistant",
    "unit": "user",
    "arms": ["large", "small"],
    "state": "running",
    "started_at": "2026-11-01T08:00:00.000Z",
    "decided_at": None,
}
ARM: dict[str, Any] = {"share": 1.0, "targets": [], "complete": 900, "calls": 4000, "crossed": 0}
COMPARISON: dict[str, Any] = {
    "arm": "small",
    "finding": "better",
    "units": 1800,
    "mean": 64.21,
    "baseline": 60.0,
    "difference": 4.21,
    "low": 2.1,
    "high": 6.32,
    "p": 0.001,
    "more_days": None,
    "note": "",
}
EMPTY: dict[str, Any] = dict.fromkeys(("mean", "baseline", "difference", "low", "high", "p"))
METRIC: dict[str, Any] = {
    "name": "solved",
    "measure": "feedback",
    "role": "decision",
    "kind": "event",
    "better": "higher",
    "scale": "points",
    "comparisons": [COMPARISON],
    "answered": {},
    "adjusted": False,
    "complete": {"large": 640, "small": 660},
    "arrives_days": 2.0,
    "notes": [],
}
REPORT: dict[str, Any] = {
    **{name: ITEM[name] for name in ("name", "version", "alias", "unit", "state", "started_at")},
    "arms": [{**ARM, "name": "large", "units": 1002}, {**ARM, "name": "small", "units": 998, "crossed": 2}],
    "metrics": [
        METRIC,
        {
            **METRIC,
            "name": "errors",
            "measure": "errors",
            "role": "guardrail",
            "complete": {"large": 900, "small": 900},
            "comparisons": [
                {**COMPARISON, **EMPTY, "finding": "none", "note": "large: all units have the same value"}
            ],
        },
    ],
    "notes": ["2 calls were served by another arm than their unit's first; they count for that"],
    "sentence": "small is better on solved by 2.1 to 6.32 points than large; safe to stop.",
}
DECISION: dict[str, Any] = {
    "sealed": {
        "arm": "small",
        "reason": "solves more",
        "decided_at": "2026-11-20T08:00:00.000Z",
        "decided_by": "k1",
        "report": REPORT,
    },
    "seal": "5e" * 32,
    "intact": True,
}
SHOWN: dict[str, Any] = {"report": REPORT, "decision": None, "versions": [ITEM["version"]]}

RECORDED: dict[str, Any] = {
    "units": 4100,
    "complete": 3050,
    "measured": 3050,
    "per_day": 146.4,
    "mean": 0.62,
    "deviation": 0.4854,
}
LINE: dict[str, Any] = {
    "looks": "one",
    "units": 18494,
    "units_in_all": 18494,
    "days": 133.3,
    "detectable": 0.0425,
}
PLAN: dict[str, Any] = {
    "effect": 0.02,
    "mean": 0.62,
    "deviation": 0.4854,
    "alpha": 0.05,
    "per_day": 146.4,
    "days": 28,
    "source": "recorded",
    "recorded": RECORDED,
    "lines": [
        LINE,
        {**LINE, "looks": "planned", "units": 19795, "days": None, "detectable": None},
        {**LINE, "looks": "every", "units": 35312},
    ],
}

COMMANDS = {
    "plan": "experiments plan --effect 0.02 --metric solved",
    "plan-json": "experiments plan --effect 5% --rate 0.62 --json",
    "plan-ratio": "experiments plan --effect 5% --measure cost --per solved",
    "plan-of-nothing": "experiments plan --effect none --rate 0.62",
    "list": "experiments list",
    "list-json": "experiments list --json",
    "show": "experiments show smaller",
    "show-decided": "experiments show decided",
    "show-unknown": "experiments show nothing",
    "stop": "experiments stop smaller --arm small --reason 'solves more'",
}
KEPT = KeptOutput("snapshots_experiments", COMMANDS)


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    stopped = {**ITEM, "name": "older", "state": "stopped", "decided_at": "2026-10-01T08:00:00.000Z"}
    scripted.items("/api/v1/experiments", ITEM, stopped)
    scripted.on("GET", "/api/v1/experiments/smaller", SHOWN)
    scripted.on("GET", "/api/v1/experiments/decided", {**SHOWN, "decision": {**DECISION, "intact": False}})
    scripted.on("POST", "/api/v1/experiments/smaller/stop", DECISION)
    scripted.on("POST", "/api/v1/planning", PLAN)
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


@pytest.mark.parametrize("name", COMMANDS)
def test_output_of_experiments_is_as_kept(
    name: str, api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    KEPT.check(name, api, capsys)


def test_no_snapshot_of_experiments_is_left_over() -> None:
    KEPT.assert_none_is_left_over()
