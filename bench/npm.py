"""Packages of npm, of exact versions, in folders outside of what is tracked. Never runs what it installs.

Read next: `peers`, and `tests/attack/clients`, which ask for them.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.starting import CannotStart, need_programs

INSTALL_S_MAX = 300.0


def npm_installed(folder: Path, requirements: Sequence[str], *, flags: Sequence[str] = ()) -> Path:
    """Install `NAME@VERSION`s into a folder unless it holds them, and return where they stand.

    Raises CannotStart where that fails or takes too long.
    """
    need_programs(("node", "npm"))
    done, text = folder / ".installed", "\n".join(requirements)
    if done.exists() and done.read_text() == text:
        return folder / "node_modules"
    print(f"installing {', '.join(requirements)} ...", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    command = ["npm", "install", "--prefix", str(folder), "--no-fund", "--no-audit", *flags, *requirements]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S_MAX)
    except subprocess.TimeoutExpired:
        raise CannotStart(f"{text} could not be installed in {INSTALL_S_MAX:.0f} s") from None
    if ran.returncode:
        raise CannotStart(f"{text} could not be installed\n{(ran.stderr + ran.stdout)[-2000:]}")
    done.write_text(text)
    return folder / "node_modules"
