"""Cases out of files, as the API takes them. Loaded by `headgate datasets` when a command names a file."""

from pathlib import Path

import msgspec

from headgate.cli.client import Json
from headgate.datasets.files import read_cases


def cases_in(file: Path) -> list[Json]:
    """Return the cases of a file. Raises InvalidRequest that names the line and what is wrong with it."""
    return [msgspec.to_builtins(case) for case in read_cases(file)]
