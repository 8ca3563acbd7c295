"""The output and the errors of `headgate erase`, as they are kept in tests/cli/snapshots_erase.

`HEADGATE_UPDATE_SNAPSHOTS=1` writes them again; then read the difference."""

import io
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kept_output import KeptOutput
from tests.cli.scripted_api import ScriptedApi, serving, surround

from headgate.cli.app import main

ID = "0197a1b2-0000-7000-8000-000000000001"
LEFT = "0197a1b2-0000-7000-8000-000000000002"

RUNNING: dict[str, Any] = {"id": ID, "state": "running"}
DONE: dict[str, Any] = {
    "id": ID,
    "project": "default",
    "kind": "user",
    "subject": "anna",
    "subject_digest": "ab" * 32,
    "before": "2026-11-21T08:00:00.000Z",
    "at": "2026-11-21T08:00:00.000Z",
    "by": "k1",
    "dry_run": False,
    "state": "done",
    "finished_at": "2026-11-21T08:00:01.000Z",
    "looks": 1,
    "stands_until": "2026-12-21T08:00:00.000Z",
    "tables": [
        {"table": "requests", "removed": 3, "remained": 0, "why": ""},
        {"table": "messages", "removed": 5, "remained": 1, "why": "other calls hold the same text"},
        {"table": "alerts", "removed": 0, "remained": 0, "why": ""},
    ],
    "kept": {"audit_log": "a digest stands there in place of the name"},
    "elsewhere": {"journal segments": "go after 24 hours"},
    "second_look": [{"table": "requests", "found": 0}, {"table": "messages", "found": 1}],
    "digest": "cd" * 32,
}

COMMANDS = {
    "yes": "erase user anna --yes",
    "json": "erase user anna --yes --json",
    "refused": "erase user anna",
    "kind": "erase person anna --yes",
    "create": "erasures create user anna --yes",
    "create-refused": "erasures create user anna",
    "list": "erasures list",
    "list-json": "erasures list --json",
    "show": f"erasures show {ID}",
    "show-unknown": "erasures show nothing",
    "verify": f"erasures verify {ID}",
    "verify-found": f"erasures verify {LEFT}",
}
KEPT = KeptOutput("snapshots_erase", COMMANDS)


@pytest.fixture(autouse=True)
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.on("POST", "/api/v1/erasures", RUNNING)
    scripted.on("GET", f"/api/v1/erasures/{ID}", DONE)
    scripted.on(
        "GET", "/api/v1/erasures", {"items": [DONE, {**DONE, "id": LEFT, "dry_run": True}], "next": None}
    )
    unknown = {"error": {"code": "not_found", "message": "there is no erasure 'nothing'; list them"}}
    scripted.on("GET", "/api/v1/erasures/nothing", unknown, status=404)
    scripted.on("POST", f"/api/v1/erasures/{ID}/verify", DONE)
    left = [{"table": "requests", "found": 2}, {"table": "messages", "found": 1}]
    scripted.on("POST", f"/api/v1/erasures/{LEFT}/verify", {**DONE, "second_look": left})
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    with serving(scripted):
        surround(monkeypatch, scripted, tmp_path)
        yield scripted


@pytest.mark.parametrize("name", COMMANDS)
def test_output_of_erase_is_as_kept(name: str, api: ScriptedApi, capsys: pytest.CaptureFixture[str]) -> None:
    KEPT.check(name, api, capsys)


def test_no_snapshot_of_erase_is_left_over() -> None:
    KEPT.assert_none_is_left_over()


def test_who_says_no_has_asked_for_nothing(api: ScriptedApi) -> None:
    assert main(["erase", "user", "anna"]) == 1
    assert [method for method, *_ in api.asked if method == "POST"] == []


def test_a_dry_run_asks_nobody_and_says_so_to_the_server(api: ScriptedApi) -> None:
    assert main(shlex.split("erase session s1 --project blue --dry-run")) == 0
    [(_, _, _, body)] = [asked for asked in api.asked if asked[0] == "POST"]
    assert body == {"project": "blue", "session": "s1", "dry_run": True}
