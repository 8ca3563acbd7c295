"""Every place of a JSON value, and a copy in which one of them holds something else."""

import copy
from typing import Any, cast

Path = tuple[Any, ...]


def places(value: Any, path: Path = ()) -> list[Path]:
    """The path of every node below the root, each before those below it."""
    found: list[Path] = [path] if path else []
    if isinstance(value, dict):
        for name, one in cast("dict[str, Any]", value).items():
            found += places(one, (*path, name))
    elif isinstance(value, list):
        for number, one in enumerate(cast("list[Any]", value)):
            found += places(one, (*path, number))
    return found


def changed(value: Any, path: Path, new: Any) -> Any:
    """A copy with another value in one place; `...` takes the place out."""
    whole = copy.deepcopy(value)
    node = whole
    for step in path[:-1]:
        node = node[step]
    if new is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = new
    return whole
