"""A PATH on which some programs are missing, for what must go on without them. Never touches the real one."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path


def environment_without(folder: Path, names: Collection[str]) -> Mapping[str, str]:
    """An environment whose PATH is one new folder, with all programs that are there now but these."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            link = folder / program.name
            if program.name not in names and not link.is_symlink():
                link.symlink_to(program)
    return {**os.environ, "PATH": str(folder)}
