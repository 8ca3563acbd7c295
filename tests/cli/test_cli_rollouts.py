"""The output and the errors of `headgate rollouts`, as they are kept in tests/cli/snapshots_rollouts.

`HEADGATE_UPDATE_SNAPSHOTS=1` writes them again; then read the difference."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kept_output import KeptOutput
from tests.cli.scripted_api import ScriptedApi, serving, surround

ITEM: dict[str, Any] = {
    "name": "smaller",
    "alias": "assistant",
    "version": "0123456789abcdef",
    "stage": "shadow",
    "stages": ["shadow", "internal", "10 %", "all"],
    "held": False,
    "sentence": "errors may still be worse by 2.1 points in the candidate.",
    "back": None,
}
ARM: dict[str, Any] = {"share": 1.0, "targets": [], "units": 240, "complete": 240, "calls": 251, "crossed": 0}
COMPARISON: dict[str, Any] = {
    "arm": "candidate",
    "finding": "open",
    "units": 240,
    "mean": 1.25,
    "baseline": 0.83,
    "difference": 0.42,
    "low": -2.6,
    "high": 2.1,
    "p": None,
    "more_days": None,
    "note": "",
}
METRIC: dict[str, Any] = {
    "name": "errors",
    "measure": "errors",
    "role": "guardrail",
    "scale": "points",
    "comparisons": [COMPARISON],
    "notes": [],
}
AGREEMENT: dict[str, Any] = {
    **METRIC,
    "name": "the same tools",
    "measure": "agreement",
    "comparisons": [
        {**COMPARISON, "finding": "holds", "mean": 97.5, "baseline": 100, "difference": -2.5, "low": -6.4}
    ],
}
REPORT: dict[str, Any] = {
    "sentence": "240 calls that the present served were answered by both arms.",
    "arms": [{**ARM, "name": "present"}, {**ARM, "name": "candidate", "share": 0.2}],
    "metrics": [METRIC, AGREEMENT],
    "notes": [
        "12 shadows were left out: half of a budget is used",
        "of 251 compared calls the first of each unit counts: 240",
    ],
}
BEGUN: dict[str, Any] = {
    "at": "2026-11-20T08:00:00.000Z",
    "action": "begin",
    "moved_by": "system",
    "from_stage": "",
    "to_stage": "shadow",
    "why": "it is in the configuration in force",
}
SHOWN: dict[str, Any] = {"rollout": ITEM, "report": REPORT, "moves": [BEGUN]}
FELL_BACK: dict[str, Any] = {
    **BEGUN,
    "action": "back",
    "from_stage": "shadow",
    "to_stage": "back",
    "why": "errors is worse by at least 4 points in the candidate than now, more than its margin.",
}
BACK: dict[str, Any] = {
    **ITEM,
    "name": "cheaper",
    "stage": "back",
    "sentence": f"It fell back from shadow on 2026-11-20 at 08:00 UTC: {FELL_BACK['why']} All calls go where "
    "the alias says.",
    "back": FELL_BACK,
}

COMMANDS = {
    "list": "rollouts list",
    "list-json": "rollouts list --json",
    "show": "rollouts show smaller",
    "show-back": "rollouts show cheaper",
    "show-unknown": "rollouts show nothing",
    "hold": "rollouts hold smaller --why 'a holiday'",
    "resume": "rollouts resume smaller",
    "advance": "rollouts advance smaller",
    "back-already": "rollouts back cheaper",
}
KEPT = KeptOutput("snapshots_rollouts", COMMANDS)


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.items("/api/v1/rollouts", ITEM, BACK)
    scripted.on("GET", "/api/v1/rollouts/smaller", SHOWN)
    scripted.on(
        "GET",
        "/api/v1/rollouts/cheaper",
        {"rollout": BACK, "report": None, "moves": [FELL_BACK, BEGUN]},
    )

    def moved(body: dict[str, Any]) -> dict[str, Any]:
        is_hold = body["action"] == "hold"
        item = {**ITEM, "held": is_hold, "stage": "internal" if body["action"] == "advance" else "shadow"}
        return {**SHOWN, "rollout": item, "report": None}

    scripted.on("POST", "/api/v1/rollouts/smaller/moves", moved)
    fault = {"code": "conflict", "message": "cheaper has fallen back already; change it to begin anew"}
    scripted.on("POST", "/api/v1/rollouts/cheaper/moves", {"error": fault}, status=409)
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


@pytest.mark.parametrize("name", COMMANDS)
def test_output_of_rollouts_is_as_kept(
    name: str, api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    KEPT.check(name, api, capsys)


def test_no_snapshot_of_rollouts_is_left_over() -> None:
    KEPT.assert_none_is_left_over()
