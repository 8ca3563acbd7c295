"""Drills that need root: they skip with a reason where it isn't given, and fail where it has to be."""

import os
import subprocess
from collections.abc import Sequence
from typing import NoReturn

import pytest


def run_privileged(*command: str) -> None:
    """Run a command that needs root. Skips the test where it fails, unless HEADGATE_PRIVILEGED=required."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        failed = done.returncode != 0
        reason = done.stderr.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        failed, reason = True, str(error)
    if failed:
        lack(f"`{' '.join(command)}`: {reason}")


def lack(what: str) -> NoReturn:
    """Skip for want of a privilege or a tool, or fail where it is required."""
    if os.environ.get("HEADGATE_PRIVILEGED") == "required":
        pytest.fail(f"this drill has to run here, and can't: {what}")
    pytest.skip(f"this drill needs root: {what}")


def undo(*commands: Sequence[str]) -> None:
    """Run what takes a mount away, whatever state it is in."""
    for command in commands:
        subprocess.run(command, capture_output=True, timeout=30, check=False)
