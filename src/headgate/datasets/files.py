"""Reads cases from JSON Lines and CSV files, and says of each line what is wrong with it.

Read next: `datasets.model`.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case, Gathered

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
COLUMNS: Final = ("id", "input", "expected", "context", "tags", "cluster")
"""Columns of a CSV file that mean something; any other is a variable of a prompt, `input` left out."""


def read_cases(file: Path) -> list[Case]:
    """Read the cases of a file. Raises InvalidRequest that names the line and what is wrong with it."""
    try:
        size = file.stat().st_size
        if size > FILE_BYTES_MAX:
            raise InvalidRequest(f"{file} has {size} bytes; at most {FILE_BYTES_MAX} are read")
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidRequest(f"{file} can't be read: {error.strerror}; name a .jsonl or .csv file") from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"{file} is no UTF-8 text; save it as UTF-8") from None
    gathered = Gathered()
    found = _from_csv(text, file.name) if file.suffix.lower() == ".csv" else _from_lines(text, file.name)
    for where, case in found:
        gathered.add(case, where)
    if not gathered.cases:
        raise InvalidRequest(f"{file} holds no case; write one JSON object a line, or rows of CSV")
    return gathered.cases


def _from_lines(text: str, name: str) -> Iterator[tuple[str, Case]]:
    decoder = msgspec.json.Decoder(Case)
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            case = decoder.decode(line)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidRequest(f"{name}:{number}: this is no case: {error}") from None
        yield f"{name}:{number}", case


def _from_csv(text: str, name: str) -> Iterator[tuple[str, Case]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            where = f"{name}:{reader.line_num}"
            if None in row or None in row.values():
                raise InvalidRequest(f"{where}: it has more or fewer fields than the first line")
            yield where, _case_of(row, where)
    except csv.Error as error:
        raise InvalidRequest(f"{name}:{reader.line_num}: this is no CSV: {error}") from None


def _case_of(row: dict[str, Any], where: str) -> Case:
    variables = {column: value for column, value in row.items() if column not in COLUMNS}
    asked: dict[str, Any] = {"input": row["input"]} if row.get("input") else {"variables": variables or None}
    if "input" in row and variables:
        raise InvalidRequest(
            f"{where}: columns {', '.join(variables)} are unknown beside input; known: {', '.join(COLUMNS)}"
        )
    told = {name: row[name] for name in ("id", "expected", "context", "cluster") if row.get(name)}
    tags = [tag.strip() for tag in row.get("tags", "").split(",") if tag.strip()]
    try:
        return msgspec.convert({**asked, **told, "tags": tags}, Case)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"{where}: this is no case: {error}") from None
