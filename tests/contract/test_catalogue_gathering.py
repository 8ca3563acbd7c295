"""What a push sends: of a repository, a part of one, a folder without history, and installed packages."""

from pathlib import Path
from typing import Any

import pytest
from demo.repository import git

from headgate.prompts.catalogue.gathering import Gathered, Reading, gather
from headgate.prompts.catalogue.model import commits_digest
from headgate.prompts.catalogue.pushing import parts_of

RULES = (
    'RULES = """You are a careful clerk of {shop}. Answer in %s, and never promise a day of delivery."""\n'
)


class Repository:
    """A git repository whose files are written and committed at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        git(self.folder, "init", "-q", "-b", "main")

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            path = self.folder / name.replace("__", "/").replace("_py", ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", "a change")
        return git(self.folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "old-maps")


def gathered(folder: Path, kept_in: Path, **changes: Any) -> list[Gathered]:
    return gather(folder, Reading(kept_in=kept_in, **changes))


def intervals(found: Gathered) -> dict[str, list[tuple[int, int, bool]]]:
    """The commits of each prompt's versions, oldest first."""
    by_name: dict[str, list[tuple[int, int, bool]]] = {}
    for each in found.state.versions:
        by_name.setdefault(f"{each.path}:{each.symbol}", []).append((each.first, each.last, each.is_newest))
    return {name: sorted(places) for name, places in by_name.items()}


def test_versions_have_the_places_of_their_commits(repository: Repository, tmp_path: Path) -> None:
    ids = [
        repository.commit(clerk_py=RULES % "Dutch"),
        repository.commit(other="1"),
        repository.commit(clerk_py=RULES % "German"),
        repository.commit(other="2"),
    ]
    (found,) = gathered(repository.folder, tmp_path / "kept")
    assert (found.source, found.kind, found.commits) == ("old-maps", "repository", tuple(ids))
    assert found.state.head == ids[-1]
    assert intervals(found) == {"clerk.py:RULES": [(0, 1, False), (2, 3, True)]}
    assert len(found.times) == 4
    assert set(found.templates) == {each.version for each in found.state.versions}


def test_a_part_of_a_repository_knows_all_its_commits(repository: Repository, tmp_path: Path) -> None:
    repository.commit(other="0")
    repository.commit(part__clerk_py=RULES % "Dutch")
    repository.commit(other="1")
    repository.commit(part__clerk_py=RULES % "German")
    last = repository.commit(other="2")
    git(repository.folder, "remote", "add", "origin", "git@example.com:anna/maps.git")
    (found,) = gathered(repository.folder / "part", tmp_path / "kept")
    assert (found.source, len(found.commits), found.state.head) == ("maps/part", 5, last)
    assert intervals(found) == {"clerk.py:RULES": [(1, 2, False), (3, 4, True)]}


def test_without_history_what_stands_there_is_sent(tmp_path: Path) -> None:
    folder = tmp_path / "loose"
    folder.mkdir()
    (folder / "clerk.py").write_text(RULES % "Dutch")
    (first,) = gathered(folder, tmp_path / "kept")
    assert (first.source, first.commits, first.state.is_snapshot) == ("loose", (), True)
    assert first.notes[0].startswith("no history is sent")
    (again,) = gathered(folder, tmp_path / "kept")
    assert again == first
    (folder / "clerk.py").write_text(RULES % "German")
    (other,) = gathered(folder, tmp_path / "kept")
    assert other.state.head != first.state.head


def test_installed_packages_are_sources_of_their_own(repository: Repository, tmp_path: Path) -> None:
    packages = repository.folder / ".venv" / "lib" / "python3.11" / "site-packages"
    (packages / "clerks").mkdir(parents=True)
    (repository.folder / ".venv" / "pyvenv.cfg").write_text("")
    (packages / "clerks" / "prompts.py").write_text(RULES % "Dutch")
    about = packages / "Clerks-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: Clerks\nVersion: 1.2\n")
    (about / "RECORD").write_text("clerks/prompts.py,,\nClerks-1.2.dist-info/METADATA,,\n")
    (repository.folder / ".gitignore").write_text(".venv\n")
    repository.commit(clerk_py=RULES % "German")
    own, library = gathered(repository.folder, tmp_path / "kept", dependencies=True)
    assert intervals(own) == {"clerk.py:RULES": [(0, 0, True)]}
    assert (library.source, library.kind, library.state.head) == ("Clerks", "library", "1.2")
    assert intervals(library) == {"clerks/prompts.py:RULES": [(0, 0, True)]}


def test_what_nobody_could_store_is_left_out(repository: Repository, tmp_path: Path) -> None:
    repository.commit(clerk_py=RULES % "Dutch" + (RULES % "a \\0").replace("RULES", "LONE"))
    (found,) = gathered(repository.folder, tmp_path / "kept")
    assert list(intervals(found)) == ["clerk.py:RULES"]
    assert "1 versions can't be sent" in found.notes[0]


def test_a_push_sends_only_what_is_new(repository: Repository, tmp_path: Path) -> None:
    repository.commit(clerk_py=RULES % "Dutch")
    (first,) = gathered(repository.folder, tmp_path / "kept")
    (whole,) = parts_of(first, None, "default")
    assert (whole["commits"]["start"], len(whole["templates"])) == (0, 1)
    there = {
        "commits": 1,
        "commits_digest": commits_digest(first.commits).hex(),
        "templates": [each.version for each in first.state.versions],
    }
    repository.commit(clerk_py=RULES % "German")
    (second,) = gathered(repository.folder, tmp_path / "kept")
    (more,) = parts_of(second, there, "default")
    assert (more["commits"]["start"], len(more["commits"]["ids"]), len(more["templates"])) == (1, 1, 1)
    git(repository.folder, "commit", "-q", "--amend", "--allow-empty", "-m", "rewritten")
    (third,) = gathered(repository.folder, tmp_path / "kept")
    digest = commits_digest(second.commits).hex()
    (rewritten,) = parts_of(third, {**there, "commits": 2, "commits_digest": digest}, "default")
    assert (rewritten["commits"]["start"], len(rewritten["commits"]["ids"])) == (0, 2)
