"""What commands print, held against what is kept of it in a folder beside the tests, one file for each.

`HEADGATE_UPDATE_SNAPSHOTS=1` writes the files again; then read the difference.
"""

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.cli.scripted_api import ScriptedApi

from headgate.cli.app import main


class KeptOutput:
    """Commands by name, and the folder that holds the status, the output and the errors of each."""

    def __init__(self, folder: str, commands: Mapping[str, str]) -> None:
        self._folder = Path(__file__).parent / folder
        self._commands = commands

    def check(
        self,
        name: str,
        api: ScriptedApi,
        capsys: pytest.CaptureFixture[str],
        mask: Callable[[str], str] = lambda text: text,
    ) -> tuple[int, str]:
        """Run a command and hold what came of it against what is kept; return its status and its errors."""
        line = self._commands[name]
        status = main(shlex.split(line))
        shown = capsys.readouterr()
        lines = [f"$ headgate {line}", f"status {status}"]
        for stream, text in (("stdout", shown.out), ("stderr", shown.err)):
            lines.append(f"--- {stream}")
            lines.extend(each.rstrip() for each in text.splitlines())
        found = mask("\n".join(lines).replace(api.url, "http://SERVER") + "\n")
        kept = self._folder / f"{name}.txt"
        if os.environ.get("HEADGATE_UPDATE_SNAPSHOTS"):
            self._folder.mkdir(exist_ok=True)
            kept.write_text(found, encoding="utf-8")
        assert found == kept.read_text(encoding="utf-8")
        return status, shown.err

    def assert_none_is_left_over(self) -> None:
        """Fail where a file is kept of a command that is there no more."""
        assert {path.stem for path in self._folder.glob("*.txt")} == set(self._commands)
