"""The source as syntax trees, each read once, when it is asked for: what the structure tests walk."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "headgate"
TESTS = ROOT / "tests"

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef


class Module:
    """One Python file: its path, its dotted name (`headgate.core.money`), its text, and its tree."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name

    @functools.cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=str(self.path))

    @property
    def where(self) -> str:
        return str(self.path.relative_to(ROOT))


@functools.cache
def modules() -> tuple[Module, ...]:
    """All modules of the package."""
    return tuple(_module(path, path.relative_to(SOURCE.parent)) for path in sorted(SOURCE.rglob("*.py")))


@functools.cache
def modules_of_tests() -> tuple[Module, ...]:
    """All Python files under tests, demo and bench."""
    folders = [folder for folder in (TESTS, ROOT / "demo", ROOT / "bench") if folder.is_dir()]
    return tuple(
        _module(path, path.relative_to(ROOT)) for folder in folders for path in sorted(folder.rglob("*.py"))
    )


def _module(path: Path, relative: Path) -> Module:
    parts = relative.with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(path, name)


def functions(module: Module) -> Iterator[tuple[str, AnyFunction]]:
    """All functions of a module with their qualified names, nested ones included."""
    yield from _functions(module.tree, "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, AnyFunction]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, AnyFunction):
            name = f"{prefix}{child.name}"
            yield name, child
            yield from _functions(child, f"{name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif not isinstance(child, ast.expr):  # no function stands in an expression
            yield from _functions(child, prefix)


def imported(node: ast.AST) -> Iterator[str]:
    """The dotted names that an import statement brings in: `a.b` for `import a.b` and `from a import b`."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module is not None:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """What git tracks, or every file of the checkout where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=30
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        skipped = {".venv", ".git", "node_modules", "__pycache__"}
        return tuple(
            path for path in ROOT.rglob("*") if path.is_file() and not skipped.intersection(path.parts)
        )
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())
