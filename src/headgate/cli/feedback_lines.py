"""A file of outcomes, line by line: CSV or JSON Lines, gzipped or not, of any size.

Holds one line at a time. A line that can't be read is one with a problem; what follows is read all the same.
Read next: `feedback_shape`, `feedback_import`.
"""

import codecs
import csv
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from headgate.cli.client import Json
from headgate.cli.failure import CommandFailed
from headgate.core.written import shown

LINE_CHARACTERS_MAX: Final = 1024 * 1024
FIELD_CHARACTERS_MAX: Final = 131_072
STDIN: Final = "-"
_CONVERT: Final = "`duckdb -c \"copy (from '{name}') to 'outcomes.csv'\"` makes CSV of it"
_NOT_TEXT: Final = (
    (b"PAR1", "is Parquet, which is not read here: its readers are larger than all of Headgate", _CONVERT),
    (b"PK\x03\x04", "is a spreadsheet or an archive", "save the sheet as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "is a spreadsheet", "save the sheet as CSV (UTF-8)"),
    (b"SQLite format", "is a database", "write a query's result as CSV"),
    (b"(\xb5/\xfd", "is packed with zstd", "unpack it first: `zstd -dc {name} | headgate feedback import -`"),
)
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Line(msgspec.Struct, frozen=True):
    """A line (by the number at which it begins) as names and values, or what is wrong with it."""

    number: int
    row: Json
    problem: str = ""


class Opened(msgspec.Struct, frozen=True):
    """An open file: its lines, its columns where it has a header, and how many of its bytes are read."""

    lines: Iterator[Line]
    header: list[str] | None
    read: Callable[[], int]
    size: int | None


class _TooLong(Exception):
    """A physical line that no line of outcomes is as long as."""


@contextmanager
def opened(file: Path, encoding: str) -> Generator[Opened]:
    """Open a file, `-` for standard input. Raises CommandFailed where it is wrong as a whole."""
    name = "standard input" if str(file) == STDIN else str(file)
    try:
        with _raw(file) as raw:
            size = None if str(file) == STDIN else file.stat().st_size
            texts = _Texts(_text(raw, name, encoding))
            lines, header = _kind(texts, name)
            yield Opened(lines=lines, header=header, read=raw.tell if size else lambda: 0, size=size)
    except (UnicodeDecodeError, UnicodeError) as error:
        raise CommandFailed(
            f"{name} is not written in {encoding} ({error})", "say which with --encoding, such as utf-16"
        ) from error
    except (EOFError, zlib.error) as error:
        raise CommandFailed(f"{name} is packed, and broken ({error})", "copy it again") from error
    except OSError as error:
        raise CommandFailed(
            f"{name} can't be read ({error.strerror or error})", "name a CSV or JSON Lines file"
        ) from error


@contextmanager
def _raw(file: Path) -> Generator[io.BufferedReader]:
    if str(file) == STDIN:
        yield cast("io.BufferedReader", sys.stdin.buffer)
        return
    with file.open("rb") as raw:
        yield raw


def _text(raw: io.BufferedReader, name: str, encoding: str) -> io.TextIOWrapper:
    plain: BinaryIO = raw
    if raw.peek(2)[:2] == b"\x1f\x8b":
        plain = cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=raw))))
    beginning = cast("io.BufferedReader", plain).peek(16)[:16]
    for mark, what, instead in _NOT_TEXT:
        if beginning.startswith(mark):
            raise CommandFailed(f"{name} {what}", instead.format(name=name))
    try:
        found = codecs.lookup(encoding).name
    except LookupError:
        raise CommandFailed(
            f"there is no encoding {shown(encoding)}", "write one such as utf-8, latin-1 or utf-16"
        ) from None
    if found == "utf-8" and beginning.startswith(_UTF_16):
        raise CommandFailed(f"{name} is written in UTF-16", "say so with --encoding utf-16")
    found = "utf-8-sig" if found == "utf-8" else found
    return io.TextIOWrapper(plain, encoding=found, errors="surrogateescape", newline="")


class _Texts:
    """Physical lines with the number of the last one; one that is too long raises, and is passed."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._kept: str | None = None
        self.number = 0

    def __iter__(self) -> "_Texts":
        return self

    def __next__(self) -> str:
        if self._kept is not None:
            line, self._kept = self._kept, None
            return line
        line = self._text.readline(LINE_CHARACTERS_MAX)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == LINE_CHARACTERS_MAX and not line.endswith(("\n", "\r")):
            while len(more := self._text.readline(LINE_CHARACTERS_MAX)) == LINE_CHARACTERS_MAX:
                if more.endswith(("\n", "\r")):
                    break
            raise _TooLong(f"has more than {LINE_CHARACTERS_MAX:,} characters")
        return line

    def back(self, line: str) -> None:
        """Give the next line once more."""
        self._kept = line


def _kind(texts: _Texts, name: str) -> tuple[Iterator[Line], list[str] | None]:
    try:
        first = next((line for line in texts if line.strip()), None)
    except _TooLong as error:
        raise CommandFailed(f"{name} begins with a line that {error}", "is it a file of outcomes?") from None
    if first is None:
        raise CommandFailed(f"{name} is empty", "the first line names columns")
    match first.lstrip()[0]:
        case "{":
            texts.back(first)
            return _json_lines(texts), None
        case "[":
            raise CommandFailed(
                f"{name} holds one JSON list", f"write an object a line: `jq -c '.[]' {name}`"
            )
        case _:
            texts.back(first)
            return _csv(texts, first, name)


def _json_lines(texts: _Texts) -> Iterator[Line]:
    while True:
        try:
            text = next(texts)
        except StopIteration:
            return
        except _TooLong as error:
            yield Line(texts.number, {}, str(error))
            continue
        if text.strip():
            yield _json_line(texts.number, text)


def _json_line(number: int, text: str) -> Line:
    try:
        found: object = msgspec.json.decode(text.encode("utf-8", "surrogateescape"))
    except UnicodeDecodeError:
        return Line(
            number, {}, "holds bytes that are no UTF-8; save the file as UTF-8, or say its --encoding"
        )
    except (msgspec.DecodeError, RecursionError) as error:
        return Line(number, {}, f"is no JSON ({error}); write an object a line")
    if not isinstance(found, dict):
        return Line(number, {}, f"is {shown(found)}; write an object a line")
    return Line(number, cast("Json", found))


def _csv(texts: _Texts, first: str, name: str) -> tuple[Iterator[Line], list[str]]:
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(FIELD_CHARACTERS_MAX)
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    try:
        header = [column.strip() for column in next(reader)]
    except (csv.Error, _TooLong) as error:
        raise CommandFailed(f"the first line of {name} is no CSV ({error})", "it names the columns") from None
    return _csv_lines(texts, reader, header), header


def _csv_lines(texts: _Texts, reader: Iterator[list[str]], header: list[str]) -> Iterator[Line]:
    while True:
        number = texts.number + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLong) as error:
            until = f", up to line {texts.number}" if texts.number > number else ""
            yield Line(number, {}, f"is no CSV{until} ({_said(error)}); mend it, then import it again")
            continue
        if not any(row):
            continue
        if len(row) != len(header):
            yield Line(number, {}, f"has {len(row)} fields, and the first line {len(header)}; mend it")
            continue
        yield Line(number, dict(zip(header, row, strict=True)))


def _said(error: Exception) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a field has more than {FIELD_CHARACTERS_MAX:,} characters, or its quote is never closed"
    if "unexpected end" in text:
        return "a quote is never closed"
    return text
