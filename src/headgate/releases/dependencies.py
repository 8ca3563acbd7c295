"""The versions of a project's dependencies, from the files that pin them. Reads files, runs nothing.

Lock files win over constraints, those over requirements, and those over what pyproject.toml allows. Formats:
uv.lock, poetry.lock, pdm.lock, pylock.toml (PEP 751), Pipfile.lock, requirements and constraints files (PEP
508 lines), pyproject.toml (PEP 621). Read next: `releases.collecting`.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, cast

BYTES_MAX = 32 * 1024 * 1024
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")

_LINE = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*(?P<spec>[^;#]*)")


class Unread(Exception):
    """A file of dependencies that can't be read: names it, and says why."""


def dependencies_of(root: Path) -> dict[str, str]:
    """Return versions by normalised name; a spec such as `>=2` where nothing pins one.

    Raises Unread for a file that is not what its name says.
    """
    found: dict[str, str] = {}
    # Weakest first: what comes later takes the place of what came before.
    for path in (root / "pyproject.toml", *sorted(root.glob("requirements*.txt"))):
        found.update(_read(path))
    for path in (*sorted(root.glob("constraints*.txt")), *(root / name for name in reversed(LOCKS))):
        found.update(_read(path))
    return dict(sorted(found.items()))


def installed() -> dict[str, str]:
    """Return the versions of all distributions that this interpreter would import."""
    found = {
        normalised(name): each.version
        for each in metadata.distributions()
        if isinstance(name := cast("Any", each.metadata)["Name"], str) and name
    }
    return dict(sorted(found.items()))


def normalised(name: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read(path: Path) -> dict[str, str]:
    try:
        if not path.is_file() or path.stat().st_size > BYTES_MAX:
            return {}
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".txt":
            return _of_lines(text.splitlines())
        if path.name == "Pipfile.lock":
            return _of_pipfile(json.loads(text))
        document = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise Unread(f"{path.name}: {error}") from error
    if path.name == "pyproject.toml":
        project = _table(document.get("project"))
        return _of_lines(each for each in _list(project.get("dependencies")) if isinstance(each, str))
    packages = _list(document.get("packages" if path.name == "pylock.toml" else "package"))
    return _of_packages(map(_table, packages))


def _of_lines(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        plain = line.split(" --hash")[0].strip().removesuffix("\\").strip()
        match = None if plain.startswith(("-", "#")) else _LINE.match(plain)
        if match is None:
            continue
        spec = match["spec"].strip()
        is_pinned = re.fullmatch(r"={2,3}\s*[^,*\s]+", spec) is not None
        found[normalised(match["name"])] = spec.lstrip("= ") if is_pinned else spec or "any"
    return found


def _of_packages(packages: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {
        normalised(str(package["name"])): str(package["version"])
        for package in packages
        if "name" in package and "version" in package
    }


def _of_pipfile(document: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for section in ("develop", "default"):
        for name, held in _table(_table(document).get(section)).items():
            version = _table(held).get("version")
            if isinstance(version, str):
                found[normalised(name)] = version.lstrip("= ")
    return found


def _table(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
