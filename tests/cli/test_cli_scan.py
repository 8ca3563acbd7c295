"""`headgate scan` as people call it: its lines of JSON, its page, and the history of a repository."""

import json
import os
import pty
import re
import subprocess
import sys
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


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *who, *arguments]
    when = {"GIT_COMMITTER_DATE": "2026-11-20T10:00:00Z", "GIT_AUTHOR_DATE": "2026-11-20T10:00:00Z"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | when)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


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


def test_a_prompt_has_the_commits_that_hold_it_as_it_is_now(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = commit(folder)
    (folder / "b.py").write_text("x = 1\n")
    last = commit(folder)
    (folder / "c.py").write_text(PROMPT.replace("number", "word"))
    kept = str(tmp_path / "kept")
    assert main(["scan", str(folder), "--json", "--cache", kept]) == 0
    shown = capsys.readouterr()
    found = [json.loads(line) for line in shown.out.splitlines()]
    assert [(each["path"], each["first_commit"], each["last_commit"]) for each in found] == [
        ("a.py", first, last),
        ("c.py", None, None),
    ]
    assert "in no commit yet: 1 prompt" in shown.err


def test_where_there_is_no_history_it_says_why(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(folder), "--json"]) == 0
    assert "first_commit and last_commit are empty: it is in no git repository" in capsys.readouterr().err
    assert main(["scan", str(folder), "--history"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("hint: leave --history out")


def test_history_tells_the_commits_of_every_version(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = commit(folder)
    (folder / "a.py").write_text(PROMPT.replace("number", "word"))
    second = commit(folder)
    kept = str(tmp_path / "kept")
    assert main(["scan", str(folder), "--history", "--json", "--cache", kept]) == 0
    assert [(line["first_commit"], line["last_commit"]) for line in lines(capsys)] == [
        (first, first),
        (second, second),
    ]
    assert main(["scan", str(folder), "--history", "--cache", kept]) == 0
    shown = capsys.readouterr()
    assert "first commit" in shown.out
    assert "0 of 2 states of files were new" in shown.err


CODE = """
KEY = "sk-ant-KEY"

def ask(client, text):
    messages = [{"role": "user", "content": f"Sum up {text} in a line."}]
    client.chat.completions.create(model="gpt-4-0314", temperature=0.2, messages=messages)

OTHER_MODEL = "gpt-4o-2099-01-01"
"""
KEY = "api03-Zq8Rw2Lm5Xc9Vb4Nt7Ky3Hd6Js1Pf0"

REPORT = """\
Prompts (2)
where   prompt                    since                  versions  holes     text
a.py:1  SYSTEM_PROMPT             2026-11-20 COMMIT....         1  question  You are a <b>careful</b> clerk. \
Answer {question} with a nu…
b.py:5  ask.messages[0][content]  2026-11-20 COMMIT....         1  text      Sum up {text} in a line.

Parameters (1)
where   parameter    value  in   call
b.py:6  temperature  0.2    ask  client.chat.completions.create

Models (2)
model              state                  places  where
gpt-4-0314         retired on 2026-03-26       1  b.py:6
gpt-4o-2099-01-01  dated                       1  b.py:8

Keys (1)
where   key        masked
b.py:2  Anthropic  sk-ant-… (43 characters)

Not read (1)
where     why
old.py:1  Python 2: Missing parentheses in call to 'print'. Did you mean print(...)?
"""


def test_the_report_reads_as_it_does(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b.py").write_text(CODE.replace('KEY"\n', f'{KEY}"\n'))
    (folder / "old.py").write_text("print 'hello'\n")
    made = commit(folder)
    assert main(["scan", str(folder), "--cache", str(tmp_path / "kept")]) == 0
    shown = capsys.readouterr()
    lines = [line.rstrip() for line in shown.out.splitlines()]
    assert lines[:-1] == REPORT.replace("COMMIT....", made[:10]).splitlines()
    assert shown.err.splitlines() == [
        "2 versions in 1 commit; 2 of 2 states of files were new",
        "2 prompts, 1 parameter, 2 models (1 retired, 1 dated), 1 key in 3 files; 1 not read",
    ]


AT_TERMINAL = """\
Prompts (2)
prompt                      line  since       versions  text
a.py
  SYSTEM_PROMPT                1  2026-11-20         1  You are a <b>careful</b> clerk. Answer {questi…
b.py
  ask.messages[0][content]     5  2026-11-20         1  Sum up {text} in a line.
"""


def test_at_a_terminal_prompts_stand_under_their_file_and_a_bar_moves(folder: Path, tmp_path: Path) -> None:
    (folder / "b.py").write_text(CODE)
    commit(folder)
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "headgate.cli.app", "scan", str(folder), "--cache", str(tmp_path / "k")]
    wide = {"COLUMNS": "103", "LINES": "40", "TERM": "xterm-256color"}
    with subprocess.Popen(command, stdout=slave, stderr=slave, env=os.environ | wide) as scan:
        os.close(slave)
        shown = read_all(master)
    os.close(master)
    assert scan.returncode == 0
    assert "reading files" in shown
    assert "reading commits" in shown
    table = [line.rstrip() for line in shown[shown.index("Prompts (2)") :].splitlines()]
    assert table[: table.index("")] == AT_TERMINAL.splitlines()


def read_all(master: int) -> str:
    """Read what a program writes to a terminal until it ends, without colours and moves."""
    text = b""
    while True:
        try:
            some = os.read(master, 65536)
        except OSError:  # Linux says so when the other end has been closed
            some = b""
        if not some:
            return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode("utf-8"))
        text += some


def test_nothing_to_scan_is_an_error_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "/no/such/folder"]) == 1
    assert capsys.readouterr().err == (
        "error: there is no /no/such/folder\nhint: name a folder of code, for example `headgate scan .`\n"
    )


def test_the_scan_goes_by_two_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prompts", "scan", str(folder), "--json"]) == 0
    assert [line["symbol"] for line in lines(capsys)] == ["SYSTEM_PROMPT"]
