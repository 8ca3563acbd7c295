"""What a team's CI knows of a release: commit, what is not committed, prompts and parameters, dependencies.

Reads a folder and asks git; runs none of its code, writes nothing, asks no server. Read next:
`releases.manifests`, `prompts.scanning`.
"""

import hashlib
from pathlib import Path

import msgspec

from headgate.prompts.git import NoHistory, ask, head_of
from headgate.prompts.scanning import Options, Progress, scan_tree
from headgate.releases.dependencies import Unread, dependencies_of, installed
from headgate.releases.model import CodeFacts, ParameterInCode, PromptInCode, ToolInCode

CHANGED_SHOWN = 10
TOOL = "tool"
"""The kind of what models are told of a tool, among prompts that a scan finds."""


class Dirty(Exception):
    """What is checked out differs from its commit; `paths` are the first that do."""

    def __init__(self, paths: tuple[str, ...], more: int) -> None:
        super().__init__(", ".join(paths))
        self.paths = paths
        self.more = more


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """The facts, and what could not be read, for people."""

    facts: CodeFacts
    unread: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def collect(
    folder: Path,
    *,
    allow_dirty: bool = False,
    with_installed: bool = False,
    progress: Progress | None = None,
) -> Collected:
    """Collect the code's part of a manifest.

    Raises NoHistory where the folder is in no git repository or has no commit, Dirty where something is not
    committed and `allow_dirty` does not say that this is meant, Unread for a broken file of dependencies.
    """
    commit = head_of(folder)
    changed = _changed(folder)
    if changed and not allow_dirty:
        raise Dirty(changed[:CHANGED_SHOWN], max(0, len(changed) - CHANGED_SHOWN))
    scan = scan_tree(folder, Options(), progress)
    facts = CodeFacts(
        commit=commit,
        dirty=_digest_of_changes(folder) if changed else "",
        prompts=tuple(
            PromptInCode(
                path=each.path,
                symbol=each.symbol,
                version=each.template.version,
                text=_sendable(each.template.text),
                kind=each.kind,
            )
            for each in scan.prompts
            if each.kind != TOOL
        ),
        tools=tuple(
            ToolInCode(
                path=each.path,
                name=each.symbol,
                version=each.template.version,
                text=_sendable(each.template.text),
            )
            for each in scan.prompts
            if each.kind == TOOL
        ),
        parameters=tuple(
            ParameterInCode(
                path=each.path,
                symbol=each.symbol,
                name=each.name,
                value=_sendable(each.value),
                call=each.call,
            )
            for each in scan.parameters
        ),
        models=tuple(sorted({each.model for each in scan.models})),
        dependencies=installed() if with_installed else dependencies_of(folder),
    )
    unread = tuple(f"{each.path}:{each.line}: {each.why}" for each in scan.skipped)
    return Collected(facts=facts, unread=unread, changed=changed)


def _sendable(text: str) -> str:
    """The text without what neither JSON nor PostgreSQL can hold; its version is that of the whole."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _changed(folder: Path) -> tuple[str, ...]:
    """Paths that differ from the commit, those that git does not know and does not ignore included."""
    listed = ask(folder, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    return tuple(entry[3:] for entry in listed.split("\0") if entry)


def _digest_of_changes(folder: Path) -> str:
    """The SHA-256 of the difference to the commit and of the files that git does not know."""
    root = Path(ask(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    digest = hashlib.sha256()
    diff = ask(root, "diff", "HEAD", "--binary", "--no-ext-diff", "--no-textconv", "--no-color")
    digest.update(diff.encode("utf-8", "surrogateescape"))
    unknown = ask(root, "ls-files", "--others", "--exclude-standard", "-z")
    for name in sorted(filter(None, unknown.split("\0"))):
        digest.update(f"\0{name}\0".encode("utf-8", "surrogateescape"))
        path = root / name
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


__all__ = ["Collected", "Dirty", "NoHistory", "Unread", "collect"]
