"""What a push sends of a folder of code: its prompts in all commits, and those of the libraries it runs with.

Reads files, asks git and runs none of the code; asks no server. Read next: `catalogue.pushing`,
`prompts.history`.
"""

import itertools
import re
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath

import msgspec

from headgate.prompts.catalogue.model import (
    COMMITS_MAX,
    NAME_CHARACTERS_MAX,
    SOURCE_CHARACTERS_MAX,
    TEMPLATE_CHARACTERS_MAX,
    TIME_S_MAX,
    NewState,
    NewVersion,
    SourceKind,
    digest_of,
)
from headgate.prompts.git import NoHistory, ask
from headgate.prompts.history import Progress as HistoryProgress
from headgate.prompts.history import Version, history_of
from headgate.prompts.model import Found, Scan, Template
from headgate.prompts.packages import environments_of
from headgate.prompts.scanning import Options, Progress, scan_tree

_REMOTE = re.compile(r"(?:^|[/:])(?P<name>[^/:]+?)(?:\.git)?/?$")
LABEL_LENGTH = 12


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What is gathered, and who is told how far it is."""

    source: str | None = None
    """The name of the source; by default that of the repository."""
    dependencies: bool = False
    kept_in: Path = Path("~/.cache/headgate/scan")
    history_progress: HistoryProgress | None = None
    progress: Progress | None = None


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """One source as it is pushed. `notes` are for people."""

    source: str
    kind: SourceKind
    commits: tuple[str, ...]
    times: tuple[int, ...]
    templates: dict[str, Template]
    state: NewState
    notes: tuple[str, ...] = ()


def gather(folder: Path, reading: Reading) -> list[Gathered]:
    """Return what a folder holds, its own source first. Never raises for what files hold."""
    scan = scan_tree(folder, Options(), reading.progress)
    try:
        gathered = [_repository(folder, reading, scan)]
    except NoHistory as error:
        gathered = [_snapshot(reading.source or folder.resolve().name, "repository", scan, str(error))]
    if reading.dependencies:
        for packages in environments_of(folder):
            gathered.extend(_libraries(packages, reading))
    return gathered


def _repository(folder: Path, reading: Reading, scan: Scan) -> Gathered:
    history = history_of(folder, reading.kept_in.expanduser(), reading.history_progress)
    lines = ask(folder, "log", "--reverse", "--topo-order", "--format=%H %ct").splitlines()
    commits, times = [line.split()[0] for line in lines], [_time_of(line.split()[1]) for line in lines]
    cut = max(0, len(commits) - COMMITS_MAX)
    places = {commit: max(0, place - cut) for place, commit in enumerate(commits)}
    ends = _ends(folder, places)
    head = len(commits) - cut - 1
    templates: dict[str, Template] = {}
    versions: list[NewVersion] = []
    left_out = 0
    for each in history.versions:
        version = _version(each, places, ends, head)
        if version is None:
            left_out += 1
            continue
        versions.append(version)
        templates[version.version] = each.found.template
    notes = [f"{left_out} versions can't be sent: too long, or no text that others could read"] * (
        left_out > 0
    )
    if history.shallow:
        notes.append("a shallow clone: older commits are unknown; `git fetch --unshallow` brings them")
    if cut:
        notes.append(f"the {cut} oldest of {len(commits)} commits are left out")
    return Gathered(
        source=reading.source or _name_of(folder),
        kind="repository",
        commits=tuple(commits[cut:]),
        times=tuple(times[cut:]),
        templates=templates,
        state=_state(commits[-1], versions, scan),
        notes=tuple(notes),
    )


def _time_of(text: str) -> int:
    return min(max(int(text), 0), TIME_S_MAX)


def _ends(folder: Path, places: dict[str, int]) -> dict[str, int]:
    """Return, for a part of a repository, where each of its commits stops being the last that touched it."""
    if ask(folder, "rev-parse", "--show-prefix").strip() == "":
        return places
    touching = ask(
        folder, "log", "--reverse", "--topo-order", "--full-history", "--format=%H", "--", "."
    ).split()
    return {
        commit: max(places[commit], places[following] - 1)
        for commit, following in itertools.pairwise(touching)
    }


def _version(each: Version, places: dict[str, int], ends: dict[str, int], head: int) -> NewVersion | None:
    first = places.get(each.first_commit, 0)
    last = head if each.is_newest else ends.get(each.last_commit, places.get(each.last_commit, head))
    return _of_found(each.found, first, max(first, last), is_newest=each.is_newest)


def _of_found(found: Found, first: int, last: int, *, is_newest: bool) -> NewVersion | None:
    """Return a version as it is sent; None where it can't be."""
    text = found.template.text
    if not found.template.parts or len(text) > TEMPLATE_CHARACTERS_MAX:
        return None
    if max(len(found.path), len(found.symbol)) > NAME_CHARACTERS_MAX or not found.symbol:
        return None
    if not _is_sendable(f"{found.path}{found.symbol}{text}"):
        return None
    return NewVersion(
        path=found.path,
        symbol=found.symbol,
        version=found.template.version,
        kind=found.kind[:SOURCE_CHARACTERS_MAX],
        line=found.line,
        first=first,
        last=last,
        is_newest=is_newest,
    )


def _is_sendable(text: str) -> bool:
    """Whether a text is some that JSON and the database can hold: no lone surrogates, no NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _state(
    head: str, versions: Iterable[NewVersion], scan: Scan | None, *, is_snapshot: bool = False
) -> NewState:
    parameters = [] if scan is None else [msgspec.to_builtins(each) for each in scan.parameters]
    models = [] if scan is None else [msgspec.to_builtins(each) for each in scan.models]
    return NewState(
        head=head,
        versions=tuple(versions),
        parameters=tuple(each for each in parameters if _is_sendable("".join(map(str, each.values())))),
        models=tuple(each for each in models if _is_sendable("".join(map(str, each.values())))),
        is_snapshot=is_snapshot,
    )


def _snapshot(source: str, kind: SourceKind, scan: Scan, why: str) -> Gathered:
    """Return what stands in files now, where there is no history: named by a digest of it."""
    versions, templates = _of_scan(scan.prompts)
    label = digest_of(*(f"{each.path}:{each.symbol}@{each.version}" for each in versions)).hex[:LABEL_LENGTH]
    return Gathered(
        source=source,
        kind=kind,
        commits=(),
        times=(),
        templates=templates,
        state=_state(label, versions, scan, is_snapshot=True),
        notes=(f"no history is sent: {why}",),
    )


def _of_scan(prompts: Iterable[Found]) -> tuple[list[NewVersion], dict[str, Template]]:
    made = [(each, _of_found(each, 0, 0, is_newest=True)) for each in prompts]
    versions = {(v.path, v.symbol, v.version): v for _, v in made if v is not None}
    return list(versions.values()), {v.version: each.template for each, v in made if v is not None}


def _libraries(packages: Path, reading: Reading) -> list[Gathered]:
    """Return the prompts of each installed package that has some, under its name and version."""
    scan = scan_tree(packages, Options(libraries=True, settings=False), reading.progress)
    by_folder: dict[str, list[Found]] = {}
    for each in scan.prompts:
        by_folder.setdefault(PurePosixPath(each.path).parts[0], []).append(each)
    if not by_folder:
        return []
    owners = _owners(packages)
    by_owner: dict[tuple[str, str], list[Found]] = {}
    for name, prompts in by_folder.items():
        by_owner.setdefault(owners.get(name, (name, "")), []).extend(prompts)
    gathered: list[Gathered] = []
    for (name, number), prompts in sorted(by_owner.items()):
        versions, templates = _of_scan(prompts)
        if versions:
            state = _state(number or "unknown", versions, None, is_snapshot=True)
            gathered.append(
                Gathered(
                    source=name[:SOURCE_CHARACTERS_MAX],
                    kind="library",
                    commits=(),
                    times=(),
                    templates=templates,
                    state=state,
                )
            )
    return gathered


def _owners(packages: Path) -> dict[str, tuple[str, str]]:
    """Return name and version of the distribution that each folder of installed packages belongs to."""
    owners: dict[str, tuple[str, str]] = {}
    for distribution in distributions(path=[str(packages)]):
        owner = (distribution.name, distribution.version)
        for file in distribution.files or ():
            owners.setdefault(PurePosixPath(file).parts[0], owner)
    return owners


def _name_of(folder: Path) -> str:
    """Return a repository's name: what its origin is called, else its folder; with the part of it."""
    prefix = ask(folder, "rev-parse", "--show-prefix").strip().strip("/")
    try:
        found = _REMOTE.search(ask(folder, "remote", "get-url", "origin").strip())
    except NoHistory:
        found = None
    name = (
        found["name"] if found is not None else Path(ask(folder, "rev-parse", "--show-toplevel").strip()).name
    )
    return f"{name}/{prefix}"[:SOURCE_CHARACTERS_MAX] if prefix else name[:SOURCE_CHARACTERS_MAX]
