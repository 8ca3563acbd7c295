"""Files of cases that a configuration names: read with it, so that what was put in force stays as it was.

Read next: `config.canaries`.
"""

from pathlib import Path as FilePath
from typing import Final

import msgspec

from headgate.config.document import Document
from headgate.config.drift_tables import CaseTable
from headgate.config.lines import Path
from headgate.config.problems import Problems

FILE_BYTES_MAX: Final = 4 * 1024 * 1024
CASES_MAX: Final = 1000

_case = msgspec.json.Decoder(CaseTable).decode


def with_files(document: Document, folder: FilePath | None, problems: Problems) -> Document:
    """Return the document with the cases of files in place of their names."""
    if not any(table.file for table in document.canaries):
        return document
    canaries = [
        msgspec.structs.replace(
            table,
            cases=(*table.cases, *_cases(table.file, folder, ("canaries", place, "file"), problems)),
            file=None,
        )
        if table.file
        else table
        for place, table in enumerate(document.canaries)
    ]
    return msgspec.structs.replace(document, canaries=tuple(canaries))


def _cases(name: str, folder: FilePath | None, path: Path, problems: Problems) -> tuple[CaseTable, ...]:
    if folder is None:
        problems.add(path, f"is {name!r}, and this configuration is no file beside which it could stand")
        return ()
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        problems.add(path, f"is {name!r}, which can't be read: {error.strerror}")
        return ()
    lines = content.splitlines()
    if len(content) > FILE_BYTES_MAX or len(lines) > CASES_MAX:
        problems.add(
            path, f"is {name!r}, which has {len(lines)} lines; at most {CASES_MAX}, of 4 MiB, are read"
        )
        return ()
    cases: list[CaseTable] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            cases.append(_case(line))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            problems.add(path, f"is {name!r}, whose line {number} is no case: {error}")
            return ()
    return tuple(cases)
