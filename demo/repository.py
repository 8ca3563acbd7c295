"""Runs git in a folder, as nobody in particular and whatever this machine's own settings of git are."""

import os
import subprocess
from pathlib import Path


def git(folder: Path | str, *arguments: str, at: str = "") -> str:
    """Return what a git command prints; `at` (RFC 3339) is when its commit is said to be made.

    Raises CalledProcessError where it fails.
    """
    own = ("-c", "user.name=tour", "-c", "user.email=tour@example.com")
    dated = {f"GIT_{who}_DATE": at for who in ("AUTHOR", "COMMITTER") if at}
    done = subprocess.run(
        ["git", *own, "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **dated, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
    )
    return done.stdout.strip()
