"""What `headgate prompts list`, `show`, `push` and `unknown` print and ask, against a scripted API."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.scripted_api import ScriptedApi, serving

from headgate.cli.app import main

RULES = "maps/clerk.py:RULES"
TRAFFIC = {"calls": 7, "cost_usd": "0.5", "unpriced": 0, "last_seen": "2026-11-21T08:00:00.125Z"}
ITEM: dict[str, Any] = {
    "kind": "code",
    "name": RULES,
    "project": "default",
    "source": "old-maps",
    "version": "0123456789ab",
    "versions": 2,
    "text": "You are the clerk of {shop}, a shop for old maps, and you answer every letter in {language}.",
    "state": "differs",
    "seen": ["ba9876543210"],
    "traffic": TRAFFIC,
}
VERSION: dict[str, Any] = {
    "version": "0123456789ab",
    "text": "You are the clerk of {shop}.\nBe kind.",
    "holes": ["shop"],
    "is_newest": True,
    "line": 3,
    "first_commit": "f" * 40,
    "first_at": "2026-11-20T08:00:00.000Z",
    "last_commit": "e" * 40,
    "last_at": "2026-11-21T08:00:00.000Z",
    "traffic": TRAFFIC,
}
DETAIL: dict[str, Any] = {
    "object": "prompt",
    "kind": "code",
    "name": RULES,
    "project": "default",
    "source": "old-maps",
    "path": "maps/clerk.py",
    "symbol": "RULES",
    "state": "differs",
    "parameters": [{"name": "temperature", "value": "0.2", "line": 9}],
    "versions": [VERSION, {**VERSION, "version": "ba9876543210", "is_newest": False, "traffic": None}],
}
UNKNOWN = {
    "id": "0197a1b2-0000-7000-8000-000000000001",
    "project": "default",
    "role": "system",
    "template": "Sort the letters of <*> into heaps.",
    "example": "Sort the letters of Anna into heaps.",
    "calls": 3,
    "share": 0.125,
    "first_seen": "2026-11-20T08:00:00.000Z",
    "last_seen": "2026-11-21T08:00:00.000Z",
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedApi]:
    scripted = ScriptedApi()
    scripted.items("/api/v1/prompts", ITEM)
    scripted.items("/api/v1/prompts/unknown", UNKNOWN)
    scripted.items("/api/v1/prompts/catalogue")
    scripted.on("GET", f"/api/v1/prompts/{RULES}", DETAIL)
    scripted.on(
        "GET",
        f"/api/v1/prompts/{RULES}/versions/0123456789ab",
        {
            "object": "prompt_version",
            "kind": "code",
            "name": RULES,
            "project": "p",
            "source": "s",
            "version": VERSION,
        },
    )
    scripted.on("GET", "/api/v1/whoami", {"key": {"project": "default"}})
    pushed = {
        "project": "default",
        "source": "old-maps",
        "changed": True,
        "commits": 1,
        "versions": 1,
        "queued": 4,
    }
    scripted.on("POST", "/api/v1/prompts/catalogue", pushed)
    with serving(scripted):
        monkeypatch.setenv("HEADGATE_URL", scripted.url)
        monkeypatch.setenv("HEADGATE_KEY", "hg_test_key")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.chdir(tmp_path)
        yield scripted


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(list(arguments))
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_list_shows_state_and_traffic(api: ScriptedApi, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = ran(
        capsys, "prompts", "list", "--show", "differs", "--days", "3", "--source", "old-maps"
    )
    assert status == 0
    row = out.splitlines()[1]
    for part in (RULES, "DIFFERS from the code", "ba9876543210", " 7 ", "$0.5", "2026-11-21 08:00:00", "…"):
        assert part in row, part
    assert api.asked[-1][2] == {"show": "differs", "days": "3", "source": "old-maps"}


@pytest.mark.parametrize(
    ("path", "command", "hint"),
    [
        ("/api/v1/prompts", "list", "headgate prompts push ."),
        ("/api/v1/prompts/unknown", "unknown", "Nothing unknown"),
    ],
)
def test_where_there_is_nothing_it_says_what_to_do(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str], path: str, command: str, hint: str
) -> None:
    api.items(path)
    status, out, err = ran(capsys, "prompts", command)
    assert (status, out) == (0, "")
    assert hint in err
    assert ran(capsys, "prompts", command, "--json")[1] == "[]\n"


def test_show_prints_versions_parameters_and_text(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = ran(capsys, "prompts", "show", RULES)
    assert status == 0
    newest = next(line for line in out.splitlines() if line.startswith("0123456789ab"))
    oldest = next(line for line in out.splitlines() if line.startswith("ba9876543210"))
    assert (" now " in newest, " now " in oldest, "eeeeeeeeee " in oldest) == (True, False, True)
    assert "temperature" in out
    assert out.endswith("You are the clerk of {shop}.\nBe kind.\n")
    status, out, _ = ran(capsys, "prompts", "show", RULES, "--version", "0123456789ab")
    assert (status, out.endswith("Be kind.\n")) == (0, True)
    status, _, err = ran(capsys, "prompts", "show", "no/such.py:PROMPT #1")
    assert (status, "hint: " in err) == (1, True)
    assert api.asked[-1][1] == "/api/v1/prompts/no/such.py:PROMPT%20%231"


def test_unknown_shows_shares(api: ScriptedApi, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = ran(capsys, "prompts", "unknown", "--days", "2", "--environment", "-")
    assert out.splitlines()[1].split()[:3] == ["12.5%", "3", "system"]
    assert api.asked[-1][2] == {"days": "2", "limit": "20", "environment": "-"}


def test_push_sends_a_folder_of_code(
    api: ScriptedApi, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "old-maps"
    folder.mkdir()
    (folder / "clerk.py").write_text(
        'RULES = "You are a careful clerk of {shop}. Answer every letter in Dutch."\n'
    )
    for arguments in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=tests", "-c", "user.email=tests@example.com", "commit", "-q", "-m", "The clerk"),
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    status, out, err = ran(capsys, "prompts", "push", str(folder), "--cache", str(tmp_path / "kept"))
    assert (status, err) == (0, "")
    assert out.splitlines()[1].split() == ["old-maps", "repository", "1", "1", "1", "yes", "4"]
    body = api.asked[-1][3]
    assert (body["source"], body["project"], len(body["commits"]["ids"])) == ("old-maps", "default", 1)
    assert body["state"]["versions"][0]["symbol"] == "RULES"
    status, _, err = ran(capsys, "prompts", "push", "nowhere")
    assert (status, "hint: name a folder of code" in err) == (1, True)
