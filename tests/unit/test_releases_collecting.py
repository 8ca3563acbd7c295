"""What a team's CI knows of a release, read from real git repositories that the tests make."""

import json
from pathlib import Path

import pytest
from demo.repository import git

from headgate.prompts.git import NoHistory
from headgate.releases.collecting import Dirty, collect
from headgate.releases.dependencies import Unread, dependencies_of, installed

APP = '''
SYSTEM = """You are a careful assistant. Answer in one short sentence."""

def look_up(order: str) -> str:
    """Find out where an order is."""
    return "on its way"

def ask(client):
    return client.chat.completions.create(
        model="gpt-5-mini", temperature=0.7, tools=[look_up], messages=[{"role": "system", "content": SYSTEM}]
    )
'''


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "app.py").write_text(APP)
    (folder / "requirements.txt").write_text("openai==2.1.0  # the client\nhttpx>=0.28\n")
    (folder / ".gitignore").write_text("*.log\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_a_clean_repository_gives_commit_prompts_parameters_models_and_versions(repository: Path) -> None:
    (repository / "run.log").write_text("ignored")
    facts = collect(repository).facts
    assert facts.commit == git(repository, "rev-parse", "HEAD")
    assert facts.dirty == ""
    assert [each.name for each in facts.prompts] == ["app.py:SYSTEM"]
    assert facts.prompts[0].text.startswith("You are a careful assistant.")
    assert [(each.name, each.text) for each in facts.tools] == [("look_up", "Find out where an order is.")]
    assert ("temperature", "0.7") in [(each.name, each.value) for each in facts.parameters]
    assert facts.models == ("gpt-5-mini",)
    assert facts.dependencies == {"httpx": ">=0.28", "openai": "2.1.0"}


def test_what_is_not_committed_is_refused_or_digested(repository: Path) -> None:
    (repository / "app.py").write_text(APP.replace("short", "long"))
    with pytest.raises(Dirty) as refused:
        collect(repository)
    assert refused.value.paths == ("app.py",)
    first = collect(repository, allow_dirty=True).facts
    assert len(first.dirty) == 64
    assert first == collect(repository, allow_dirty=True).facts
    (repository / "new.py").write_text("X = 1\n")
    assert collect(repository, allow_dirty=True).facts.dirty != first.dirty
    (repository / "new.py").write_text("X = 2\n")
    second = collect(repository, allow_dirty=True).facts.dirty
    git(repository, "add", "new.py")
    assert len({first.dirty, second, collect(repository, allow_dirty=True).facts.dirty}) == 3


def test_more_changes_than_are_shown_are_counted(repository: Path) -> None:
    for number in range(12):
        (repository / f"{number:02}.txt").write_text("x")
    with pytest.raises(Dirty) as refused:
        collect(repository)
    assert (len(refused.value.paths), refused.value.more) == (10, 2)


def test_a_folder_without_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoHistory, match="no git repository"):
        collect(tmp_path)
    git(tmp_path, "init", "-q")
    with pytest.raises(NoHistory):
        collect(tmp_path)


def test_a_prompt_with_what_json_cannot_hold_is_sent_without_it(repository: Path) -> None:
    (repository / "app.py").write_text(APP.replace("sentence.", "sentence.\\x00 Thank you."))
    (prompt,) = collect(repository, allow_dirty=True).facts.prompts
    assert prompt.text.endswith("sentence.\ufffd Thank you.")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", '[[package]]\nname = "Open_AI"\nversion = "3.0"\n'),
        ("poetry.lock", '[[package]]\nname = "open-ai"\nversion = "3.0"\n'),
        ("pdm.lock", '[[package]]\nname = "open.ai"\nversion = "3.0"\n'),
        ("pylock.toml", 'lock-version = "1.0"\n[[packages]]\nname = "open-ai"\nversion = "3.0"\n'),
        ("Pipfile.lock", json.dumps({"default": {"open-ai": {"version": "==3.0"}}, "develop": {}})),
        ("constraints.txt", "# pinned\nopen-ai[x]==3.0 ; python_version > '3' \\\n    --hash=sha256:00\n"),
        ("requirements-all.txt", "-r other.txt\nopen-ai === 3.0\n"),
        ("pyproject.toml", '[project]\nname = "shop"\ndependencies = ["open-ai==3.0"]\n'),
    ],
)
def test_each_file_of_versions_is_read(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert dependencies_of(tmp_path) == {"open-ai": "3.0"}


def test_a_lock_wins_over_constraints_and_those_over_what_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["a>=1", "b>=1", "c"]\n')
    (tmp_path / "requirements.txt").write_text("a==1.5\n")
    (tmp_path / "constraints.txt").write_text("a==2\nb==2\n")
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "a"\nversion = "3"\n')
    assert dependencies_of(tmp_path) == {"a": "3", "b": "2", "c": "any"}


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("[[package]\n")
    with pytest.raises(Unread, match=r"^uv\.lock: "):
        dependencies_of(tmp_path)


def test_versions_can_come_from_what_is_installed() -> None:
    assert installed()["msgspec"]
