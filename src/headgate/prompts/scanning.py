"""Scans a tree of files for prompts, and for what is hard-coded beside them.

Reads files and runs none; a file that it can't read is named in `Scan.skipped` and the rest goes on. Never
follows a symbolic link, never reads git's history (that is `history`). Read next: `modules`.
"""

import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path, PurePosixPath

import msgspec

from headgate.prompts.files import READ, Unreadable, prompts_in_file
from headgate.prompts.keys import keys_in
from headgate.prompts.model import Found, KeyLeft, ModelNamed, Parameter, Scan, Skipped
from headgate.prompts.modules import Overgrown, prompts_of
from headgate.prompts.parameters import Ends, settings_of
from headgate.prompts.pieces import Pieces

BYTES_MAX = 1_000_000
"""A larger file is left out, and named."""

KEYS_ONLY = {
    ".env", ".json", ".ini", ".cfg", ".conf", ".sh", ".js", ".ts", ".tsx", ".jsx", ".ipynb", ".properties",
    ".rst",
}  # fmt: skip
"""Read for keys and nothing else."""

LEFT_OUT = {
    ".git", ".hg", ".svn", "node_modules", "__pycache__", ".tox", ".nox", ".mypy_cache", ".ruff_cache",
    ".pytest_cache", "site-packages", "dist-packages", ".eggs", ".idea", ".vscode",
}  # fmt: skip

_TEST_FOLDERS = {"test", "tests", "testing", "unit_tests", "e2e"}
_TEST_FILE = re.compile(r"^(?:test_.*|conftest)\.py$")
_PYTHON_2 = re.compile(r"^[ \t]*(?:print [\"'\w]|except \w+, \w+:|exec \")", re.MULTILINE)
_PERHAPS_TEST_FILE = re.compile(r"_tests?\.py$")
_TESTS = re.compile(
    r"^[ \t]*(?:(?:async )?def test|import (?:pytest|unittest)|from (?:pytest|unittest))", re.MULTILINE
)

_SPEAKS = re.compile(
    r"prompt|system_m|you are|your task|instruction|[\"']role[\"']|assistant|Signature|Message\(|tools?\b",
    re.IGNORECASE,
)
"""What a module of a library says that holds prompts: most do not, and need not be parsed."""

Progress = Callable[[int, int], None]
"""Is told how many files of how many are read."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What to read."""

    tests: bool = False
    """Whether prompts in tests count; keys there always do."""
    libraries: bool = False
    """Whether the tree is one of installed packages: only what speaks of prompts is read."""
    settings: bool = True
    """Whether parameters, models and keys are wanted beside the prompts."""
    today: date = msgspec.field(default_factory=date.today)
    """The day by which models are withdrawn or not."""
    withdrawn: dict[str, date] = {}
    """When models end that the catalogue doesn't know, or knows another day of (`parameters.Ends`)."""


class FileScan(msgspec.Struct, frozen=True, kw_only=True):
    """What one file holds."""

    prompts: tuple[Found, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    models: tuple[ModelNamed, ...] = ()
    keys: tuple[KeyLeft, ...] = ()
    skipped: tuple[Skipped, ...] = ()


Read = Callable[[bytes, str, Options], FileScan]
"""Scans the content of a file of which the path is given."""


def scan_tree(
    root: Path, options: Options | None = None, progress: Progress | None = None, read: Read | None = None
) -> Scan:
    """Scan a folder, or one file. Never raises for what a file holds.

    `read` scans a file's content in place of `scan_bytes`: it may remember (`kept_files`).
    """
    chosen = options or Options()
    scans: list[FileScan] = []
    files = list(files_of(root, chosen))
    for path, name in files:
        if progress is not None:
            progress(len(scans), len(files))
        scans.append(_scan_path(path, name, chosen, read or scan_bytes))
    if progress is not None:
        progress(len(files), len(files))
    return Scan(
        prompts=tuple(each for scan in scans for each in scan.prompts),
        parameters=tuple(each for scan in scans for each in scan.parameters),
        models=tuple(each for scan in scans for each in scan.models),
        keys=tuple(each for scan in scans for each in scan.keys),
        skipped=tuple(each for scan in scans for each in scan.skipped),
        files=len(scans),
    )


def files_of(root: Path, options: Options) -> Iterator[tuple[Path, str]]:
    """Yield the files that a scan reads, in order, each with its path from the root in forward slashes."""
    if root.is_file():
        yield root, root.name
        return
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not _is_left_out(here / name, options))
        for name in sorted(names):
            path = here / name
            if _is_read(name, options) and not path.is_symlink() and path.is_file():
                yield path, path.relative_to(root).as_posix()


def _is_left_out(folder: Path, options: Options) -> bool:
    if folder.is_symlink() or folder.name in LEFT_OUT:
        return True
    if options.libraries:
        return folder.name in _TEST_FOLDERS or folder.name in ("pip", "setuptools", "headgate")
    return (folder / "pyvenv.cfg").exists() or (folder / "conda-meta").exists()


def _is_read(name: str, options: Options) -> bool:
    suffix = PurePosixPath(name).suffix.lower()
    if options.libraries:
        return suffix == ".py" or suffix in READ - {".md", ".txt", ".toml"}
    return suffix == ".py" or suffix in READ or suffix in KEYS_ONLY or name.startswith(".env")


def is_test(name: str) -> bool:
    """Whether a path is that of a test."""
    path = PurePosixPath(name)
    return bool(_TEST_FOLDERS & set(path.parts[:-1])) or _TEST_FILE.match(path.name) is not None


def _scan_path(path: Path, name: str, options: Options, read: Read) -> FileScan:
    try:
        size = path.stat().st_size
        if size > BYTES_MAX:
            return _skipped(name, 0, f"{size:,} bytes: larger than the {BYTES_MAX:,} that are read")
        content = path.read_bytes()
    except OSError as error:
        return _skipped(name, 0, error.strerror or str(error))
    return read(content, name, options)


def scan_bytes(
    content: bytes, name: str, options: Options | None = None, pieces: Pieces | None = None
) -> FileScan:
    """Scan the content of a file of which the path is given; never raises for what it holds.

    `pieces` remembers what it read, for the next state of the same file.
    """
    chosen = options or Options()
    if b"\0" in content:
        return _skipped(name, 0, "binary")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _skipped(name, line, f"no UTF-8: byte {content[error.start]:#04x}")
    if chosen.libraries and _SPEAKS.search(text) is None:
        return FileScan()
    keys = tuple(keys_in(text, name)) if chosen.settings else ()
    if not chosen.tests and (is_test(name) or (_PERHAPS_TEST_FILE.search(name) and _TESTS.search(text))):
        return FileScan(keys=keys)
    if name.endswith(".py"):
        return msgspec.structs.replace(scan_module(text, name, chosen, pieces or Pieces()), keys=keys)
    if PurePosixPath(name).suffix.lower() not in READ:
        return FileScan(keys=keys)
    try:
        return FileScan(prompts=tuple(prompts_in_file(text, name)), keys=keys)
    except Unreadable as error:
        skipped = Skipped(path=name, line=error.line, why=error.why)
        return FileScan(keys=keys, skipped=(skipped,))
    except RecursionError:
        return FileScan(keys=keys, skipped=(Skipped(path=name, line=0, why="nested too deeply"),))


def scan_module(text: str, name: str, options: Options, pieces: Pieces) -> FileScan:
    """Scan the source of a Python module; what is no Python 3 is skipped, with its line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes are its author's matter
            read = pieces.of(text)
        prompts = tuple(prompts_of(read, name))
        if not options.settings:
            return FileScan(prompts=prompts)
        found = settings_of(read, name, Ends(today=options.today, own=options.withdrawn))
        return FileScan(prompts=prompts, parameters=found.parameters, models=found.models)
    except SyntaxError as error:
        is_two = _PYTHON_2.search(text) is not None
        this = f"{sys.version_info.major}.{sys.version_info.minor}"
        why = f"Python 2: {error.msg}" if is_two else f"no Python that {this} reads: {error.msg}"
        return _skipped(name, error.lineno or 0, why)
    except (RecursionError, MemoryError):
        return _skipped(name, 0, "nested too deeply")
    except Overgrown as error:
        return _skipped(name, 0, str(error))
    except ValueError as error:
        return _skipped(name, 0, f"no Python: {error}")


def _skipped(name: str, line: int, why: str) -> FileScan:
    return FileScan(skipped=(Skipped(path=name, line=line, why=why),))
