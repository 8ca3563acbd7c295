"""`headgate scan` as people call it: its lines of JSON, its page, and the history of a repository."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from headgate.cli.app import main

PROMPT = 'SYSTEM_PROMPT = "You are a <b>careful</b> clerk. Answer {question} with a number."\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    code = tmp_path / "code"
    code.mkdir()
    (code / "a.py").write_text(PROMPT)
    return code


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_prompt_is_an_object_on_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(folder), "--json"]) == 0
    (prompt,) = lines(capsys)
    assert len(prompt.pop("version")) == 12
    assert prompt == {
        "path": "a.py",
        "symbol": "SYSTEM_PROMPT",
        "line": 1,
        "text": "You are a <b>careful</b> clerk. Answer {question} with a number.",
        "holes": ["question"],
        "kind": "format",
        "first_commit": None,
        "last_commit": None,
    }


def test_the_page_shows_code_as_text_and_loads_nothing(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert main(["scan", str(folder), "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "You are a &lt;b&gt;careful&lt;/b&gt; clerk." in text
    assert "<b>" not in text
    assert not [word for word in ("<script", "src=", "href=", "http") if word in text]


def test_history_tells_the_commits_of_every_version(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        command = ["git", "-C", str(folder), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "a.py")
    git("commit", "-q", "-m", "one")
    first = git("rev-parse", "HEAD")
    (folder / "a.py").write_text(PROMPT.replace("number", "word"))
    git("commit", "-q", "-a", "-m", "two")
    second = git("rev-parse", "HEAD")
    kept = str(tmp_path / "kept")
    assert main(["scan", str(folder), "--history", "--json", "--cache", kept]) == 0
    assert [(line["first_commit"], line["last_commit"]) for line in lines(capsys)] == [
        (first, first),
        (second, second),
    ]
    assert main(["scan", str(folder), "--history", "--cache", kept]) == 0
    shown = capsys.readouterr()
    assert "first commit" in shown.out
    assert "0 of 2 files' states were new" in shown.err
