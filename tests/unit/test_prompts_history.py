"""The history of prompts, on repositories of git that the tests make."""

import subprocess
import sys
from pathlib import Path

import pytest

from headgate.prompts.git import NoHistory
from headgate.prompts.history import History, history_of
from headgate.prompts.kept import MANY


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


def test_a_prompt_goes_on_where_its_file_is_renamed(repository: Repository, kept: Path) -> None:
    first = repository.commit(a=prompt("One."), b="x = 1\n")
    repository.commit(a=None, b=None, c=prompt("One."))
    head = repository.commit(c=None, d=prompt("Two."))
    history = history_of(repository.folder, kept)
    assert intervals(history) == [
        ("c.py", "One.", first, history.versions[0].last_commit, False),
        ("d.py", "Two.", head, head, True),
    ]
    assert [each.was for each in history.versions] == [("a.py:SYSTEM_PROMPT",), ("c.py:SYSTEM_PROMPT",)]


def test_a_prompt_goes_on_under_another_name(repository: Repository, kept: Path) -> None:
    first = repository.commit(a=prompt("One."))
    head = repository.commit(a=prompt("One.").replace("SYSTEM_PROMPT", "CLERK_PROMPT"))
    (version,) = history_of(repository.folder, kept).versions
    assert (version.first_commit, version.last_commit, version.is_newest) == (first, head, True)
    assert (version.found.symbol, version.was) == ("CLERK_PROMPT", ("a.py:SYSTEM_PROMPT",))


def test_a_copy_is_a_prompt_of_its_own(repository: Repository, kept: Path) -> None:
    first = repository.commit(a=prompt("One."))
    head = repository.commit(b=prompt("One."))
    assert intervals(history_of(repository.folder, kept)) == [
        ("a.py", "One.", first, head, True),
        ("b.py", "One.", head, head, True),
    ]


def test_the_paths_that_are_wanted_are_read_with_what_they_were_called_before(
    repository: Repository, kept: Path
) -> None:
    first = repository.commit(a=prompt("One."), other=prompt("Three."))
    head = repository.commit(a=None, c=prompt("One."))
    history = history_of(repository.folder, kept, only=frozenset({"c.py"}))
    assert intervals(history) == [("c.py", "One.", first, head, True)]
    assert history.blobs_read == 2
    assert history.versions[0].first_day[:2] == "20"


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


@pytest.mark.timeout(60)
def test_where_no_process_can_be_started_this_one_reads(
    repository: Repository, kept: Path, tmp_path: Path
) -> None:
    repository.commit(**{f"m{index}": prompt(f"Number {index}.") for index in range(MANY)})
    # Without a guard for the main module, each process that is spawned fails before it does anything.
    script = tmp_path / "careless.py"
    script.write_text(
        "from pathlib import Path\n"
        "from headgate.prompts.history import history_of\n"
        f"print(len(history_of(Path({str(repository.folder)!r}), Path({str(kept)!r})).versions))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(MANY)]
