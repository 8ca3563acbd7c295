"""Where the packages are installed that a tree of code runs with, and the prompts that they hard-code.

Reads files, imports nothing. Read next: `scanning`.
"""

import sysconfig
from pathlib import Path

import msgspec

from headgate.prompts.model import Scan
from headgate.prompts.scanning import Options, Progress, scan_tree


def environments_of(root: Path) -> tuple[Path, ...]:
    """Return where packages are installed: in a tree's own virtual environments, else in this Python's."""
    own = [
        packages
        for folder in sorted(root.iterdir() if root.is_dir() else ())
        if folder.is_dir() and (folder / "pyvenv.cfg").exists()
        for packages in sorted([*folder.glob("lib/python*/site-packages"), *folder.glob("Lib/site-packages")])
    ]
    return tuple(own) or (Path(sysconfig.get_paths()["purelib"]),)


def scan_packages(root: Path, packages: Path, options: Options, progress: Progress | None = None) -> Scan:
    """Scan installed packages for prompts alone; paths are from the tree where the packages are within it."""
    chosen = msgspec.structs.replace(options, libraries=True, settings=False, tests=False)
    found = scan_tree(packages, chosen, progress)
    before = packages.relative_to(root) if packages.is_relative_to(root) else Path(packages.name)
    return msgspec.structs.replace(
        found,
        prompts=tuple(
            msgspec.structs.replace(each, path=(before / each.path).as_posix()) for each in found.prompts
        ),
        skipped=(),
    )
