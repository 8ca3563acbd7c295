"""Managed prompts on the command line, and between a server and files in git, against a real server."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.flow.gateway_house import House

from headgate.cli.app import main

FILE = """\
name: FOLDER/greeting
model: mock/small
parameters:
  temperature: 0.2
messages:
- role: system
  content: |
    You help the customers of {{company}}.

    Be brief.
- role: user
  content: Greet {{name}}.
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command against the house; return its status and what it printed on both streams."""
    monkeypatch.setenv("HEADGATE_KEY", house.key)
    monkeypatch.setenv("HEADGATE_URL", house.url)
    monkeypatch.setenv("NO_COLOR", "1")

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(["prompts", *arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


def make(run: Run, folder: Path, name: str, text: str = FILE) -> None:
    path = folder / "new.yaml"
    path.write_text(text.replace("FOLDER/greeting", name))
    status, _, said = run("create", name, str(path), "--label", "production", "--note", "why not")
    assert status == 0, said


def test_a_prompt_from_a_file_to_a_rendering(run: Run, tmp_path: Path) -> None:
    make(run, tmp_path, "cli/greeting")
    status, printed, _ = run("versions", "cli/greeting", "--json")
    (only,) = json.loads(printed)
    assert (status, only["version"], only["labels"], only["note"]) == (
        0,
        1,
        ["production", "latest"],
        "why not",
    )
    changed = FILE.replace("0.2", "0.7")
    make(run, tmp_path, "cli/greeting", changed)
    assert run("create", "cli/greeting", str(tmp_path / "new.yaml"))[2] == (
        "version 2 of cli/greeting says that already: nothing is made\n"
    )
    assert "-  temperature: 0.2\n+  temperature: 0.7" in run("diff", "cli/greeting")[1]
    assert run("label", "cli/greeting", "production", "1")[2] == "production of cli/greeting is 1\n"
    assert run("label", "cli/greeting", "canary", "2")[0] == 0
    assert run("label", "cli/greeting", "canary", "0")[2] == "cli/greeting has no label canary any more\n"
    shown = run("show", "cli/greeting")[1]
    assert "version 2\nlabels: production is 1; variables: company, name\n" in shown
    status, printed, _ = run("render", "cli/greeting", "--var", "company=A=B", "--var", "name:=[1]")
    assert printed == "[system]\nYou help the customers of A=B.\n\nBe brief.\n\n\n[user]\nGreet [1].\n"
    asked = ["--var", "company=A", "--var", "name=B", "--dialect", "anthropic"]
    body = json.loads(run("render", "cli/greeting", *asked)[1])
    assert body["system"] == "You help the customers of A.\n\nBe brief.\n" and body["temperature"] == 0.2
    assert run("delete", "cli/greeting")[0] == 0


def test_an_error_names_what_is_wrong_and_says_what_to_do(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    for text, said in (
        ("messages: [", "bad.yaml: line 1: "),
        (
            "messages:\n- role: user\n  content: |\n    one\n    {{#a}}\n",
            "line 2: the section 'a' is never closed",
        ),
        ("messages:\n- role: robot\n  content: x\n", "Invalid enum value 'robot'"),
        ("parameters: {heat: 1}\nmessages:\n- {role: user, content: x}\n", "parameters.heat is no parameter"),
    ):
        bad.write_text(text)
        status, _, told = run("create", "bad", str(bad))
        assert status == 1 and said in told and told.splitlines()[-1].startswith("hint: "), told
    status, _, told = run("create", "nowhere", str(tmp_path / "none.yaml"))
    assert status == 1 and "can't be read" in told
    assert run("render", "nothing", "--var", "x")[0] == 1
    status, _, told = run("show", "nothing")
    assert status == 1 and "no managed prompt 'nothing'" in told


def test_what_is_exported_comes_back_as_it_was(run: Run, tmp_path: Path) -> None:
    made = ("files/one", "files/two", "files/three")
    for name in made:
        make(run, tmp_path, name, FILE.replace("Be brief.", f"Be {name}.\n\n      - so  \n    \tand so"))
    folder = tmp_path / "prompts"
    status, printed, _ = run("export", str(folder), "--json")
    assert status == 0 and {each["done"] for each in json.loads(printed)} == {"written"}
    files = {path: path.read_bytes() for path in sorted(folder.rglob("*.yaml"))}
    assert sorted(str(path.relative_to(folder)) for path in files) == [
        "files/one.yaml", "files/three.yaml", "files/two.yaml"
    ]  # fmt: skip
    times = {path: path.stat().st_mtime_ns for path in files}
    again = json.loads(run("export", str(folder), "--json")[1])
    assert {each["done"] for each in again} == {"same"}
    assert times == {path: path.stat().st_mtime_ns for path in files}, (
        "a file that is the same is not written"
    )
    back = json.loads(run("import", str(folder), "--json")[1])
    assert [(each["done"], each["version"]) for each in back] == [("same", 1)] * 3
    changed = folder / "files" / "one.yaml"
    changed.write_text(changed.read_text().replace("0.2", "0.9"))
    tried = json.loads(run("import", str(folder), "--dry-run", "--json")[1])
    assert [(each["name"], each["done"]) for each in tried] == [
        ("files/one", "would be made"), ("files/three", "same"), ("files/two", "same")
    ]  # fmt: skip
    done = json.loads(run("import", str(folder), "--label", "staging", "--json")[1])
    assert [(each["name"], each["done"], each["version"]) for each in done] == [
        ("files/one", "made", 2), ("files/three", "same", 1), ("files/two", "same", 1)
    ]  # fmt: skip
    for name in made:
        labels = json.loads(run("show", name, "--json")[1])["labels"]
        assert labels["staging"] == (2 if name == "files/one" else 1)
        assert run("delete", name)[0] == 0


def test_one_refused_file_keeps_no_other_from_coming_in(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "bad.yaml").write_text("messages: 7")
    (folder / "good.yaml").write_text("messages:\n- {role: user, content: hello}\n")
    (folder / ".hidden.yaml").write_text("not ours")
    (folder / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    status, printed, told = run("import", str(folder), "--json")
    done: list[dict[str, Any]] = json.loads(printed)
    assert [(each["name"], each["done"]) for each in done] == [
        ("bad", "refused"), ("binary", "refused"), ("good", "made")
    ]  # fmt: skip
    assert status == 1 and "2 of 3 files are refused" in told and "hint:" in told
    assert run("delete", "good")[0] == 0
