"""The history of prompts, on repositories of git that the tests make."""

import subprocess
from pathlib import Path

import pytest

from headgate.prompts.git import NoHistory
from headgate.prompts.history import MANY, History, history_of


class Repository:
    """A repository in a folder; every commit is the id that git gives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", str(self.folder), *who, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, **files: str | None) -> str:
        for name, text in files.items():
            path = self.folder / f"{name}.py"
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")


def prompt(text: str) -> str:
    return f'SYSTEM_PROMPT = "You are a careful clerk. {text}"\n'


def intervals(history: History) -> list[tuple[str, str, str, str, bool]]:
    return [
        (
            each.found.path,
            each.found.template.text.removeprefix("You are a careful clerk. "),
            each.first_commit,
            each.last_commit,
            each.is_newest,
        )
        for each in history.versions
    ]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def test_each_version_has_the_commits_that_hold_it(repository: Repository, kept: Path) -> None:
    first = repository.commit(a=prompt("One."))
    second = repository.commit(b="x = 1\n")
    third = repository.commit(a=prompt("Two."))
    head = repository.commit(b="x = 2\n")
    assert intervals(history_of(repository.folder, kept)) == [
        ("a.py", "One.", first, second, False),
        ("a.py", "Two.", third, head, True),
    ]


def test_a_rename_ends_one_path_and_begins_another(repository: Repository, kept: Path) -> None:
    first = repository.commit(a=prompt("One."))
    head = repository.commit(a=None, b=prompt("One."))
    assert intervals(history_of(repository.folder, kept)) == [
        ("a.py", "One.", first, first, False),
        ("b.py", "One.", head, head, True),
    ]


def test_a_branch_that_was_merged_counts_from_its_own_commit(repository: Repository, kept: Path) -> None:
    first = repository.commit(a=prompt("One."))
    repository.git("checkout", "-q", "-b", "side")
    draft = repository.commit(a=prompt("Draft."))
    side = repository.commit(a=prompt("Two."))
    repository.git("checkout", "-q", "main")
    main = repository.commit(b="x = 1\n")
    repository.git("merge", "-q", "--no-ff", "-m", "m", "side")
    head = repository.git("rev-parse", "HEAD")
    found = {
        text: (begun, ended, newest)
        for _, text, begun, ended, newest in intervals(history_of(repository.folder, kept))
    }
    assert found == {
        "One.": (first, main, False),
        "Draft.": (draft, draft, False),
        "Two.": (side, head, True),
    }


def test_only_what_is_new_is_read_again(repository: Repository, kept: Path) -> None:
    repository.commit(a=prompt("One."), b=prompt("Other."))
    before = history_of(repository.folder, kept)
    assert before.blobs_read == 2
    again = history_of(repository.folder, kept)
    assert again.blobs_read == 0
    assert again.versions == before.versions
    repository.commit(a=prompt("Two."))
    assert history_of(repository.folder, kept).blobs_read == 1


def test_what_another_scanner_kept_is_not_trusted(repository: Repository, kept: Path) -> None:
    repository.commit(a=prompt("One."))
    history_of(repository.folder, kept)
    (file,) = kept.iterdir()
    file.write_bytes(b"\xc1 no such thing")
    assert history_of(repository.folder, kept).blobs_read == 1


def test_bad_states_are_passed_over(repository: Repository, kept: Path) -> None:
    repository.commit(a="print 'hello'\n")
    good = repository.commit(a=prompt("One."))
    head = repository.commit(a="x = (\n")
    history = history_of(repository.folder, kept)
    assert intervals(history) == [("a.py", "One.", good, good, False)]
    assert head != good
    assert [each.path for each in history.skipped] == ["a.py"]


def test_a_shallow_clone_says_so(repository: Repository, kept: Path, tmp_path: Path) -> None:
    repository.commit(a=prompt("One."))
    head = repository.commit(a=prompt("Two."))
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{repository.folder}", str(clone)],
        check=True,
        capture_output=True,
    )
    history = history_of(clone, kept)
    assert history.shallow
    assert intervals(history) == [("a.py", "Two.", head, head, True)]


def test_a_folder_within_a_repository_has_its_own_paths(repository: Repository, kept: Path) -> None:
    (repository.folder / "app").mkdir()
    repository.commit(a=prompt("One."))
    repository.commit(**{"app/b": prompt("Two.")})
    assert [each.found.path for each in history_of(repository.folder / "app", kept).versions] == ["b.py"]


def test_what_is_no_repository_is_refused(tmp_path: Path, kept: Path) -> None:
    with pytest.raises(NoHistory):
        history_of(tmp_path, kept)
    empty = Repository(tmp_path / "empty")
    with pytest.raises(NoHistory):
        history_of(empty.folder, kept)


def test_many_states_are_read_by_several_processes_and_none_is_lost(
    repository: Repository, kept: Path
) -> None:
    repository.commit(**{f"m{index}": prompt(f"Number {index}.") for index in range(MANY + 20)})
    told: list[tuple[int, int]] = []
    history = history_of(repository.folder, kept, lambda done, of: told.append((done, of)))
    assert len(history.versions) == MANY + 20
    assert told[0] == (0, MANY + 20)
    assert history_of(repository.folder, kept).versions == history.versions
