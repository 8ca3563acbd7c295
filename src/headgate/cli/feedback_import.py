"""Outcomes of a file or a query, sent in batches: each line that is refused is told, the rest counts.

What is sent again counts once, so that an import may be repeated, or go on at the line where it broke off.
Loaded by `headgate feedback import` when it runs. Read next: `feedback_shape`, `feedback_lines`,
`feedback_query`.
"""

import time
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TextIO, cast

import msgspec

from headgate.cli.client import Client, Json
from headgate.cli.command import Api
from headgate.cli.failure import CommandFailed, not_installed
from headgate.cli.feedback import Importing, Mapping
from headgate.cli.feedback_lines import Line, Opened, opened
from headgate.cli.feedback_shape import Shape, shape_of
from headgate.cli.output import Output
from headgate.cli.progress import Bars
from headgate.config.secrets import read_reference
from headgate.core.faults import Misconfigured
from headgate.settings import Settings

BATCH_ROWS: Final = 500
BATCH_BYTES_MAX: Final = 1024 * 1024
TOLD_MAX: Final = 100
"""How many refused lines are told on the screen; all of them go into the file of --refused."""
KIB: Final = 1024


class Counts(msgspec.Struct):
    """What became of the lines so far."""

    lines: int = 0
    accepted: int = 0
    known: int = 0
    refused: int = 0
    numbers: int = 0
    yes_or_no: int = 0
    texts: int = 0
    after: int = 0
    """The number of the last line that is done with."""


def import_outcomes(api: Api, file: Path | None, mapping: Mapping, how: Importing) -> Counts:
    """Import a file or a query's result, and say what came of it.

    Raises CommandFailed where it can't go on, and says at which line it can.
    """
    shape = shape_of(
        mapping.column or (),
        mapping.set or (),
        values=mapping.values,
        ignores_others=mapping.ignore_others,
        now_ms=time.time_ns() // 1_000_000,
    )
    counts = _imported(api, file, how, shape)
    _report(api.out, counts, how)
    return counts


def _imported(api: Api, file: Path | None, how: Importing, shape: Shape) -> Counts:
    counts = Counts()
    with ExitStack() as open_files:
        source = open_files.enter_context(_source(file, how))
        if source.header is not None:
            shape.check_header(source.header)
        listed = None if how.refused is None else open_files.enter_context(_listing(how.refused))
        told = _Told(api.out, "row " if file is None else f"{file}:", listed, counts)
        bars = open_files.enter_context(Bars())
        size = None if source.size is None else source.size // KIB
        tell = bars.bar("feedback" if size is None else "feedback (KiB)")
        sender = _Sender(api.client, told, is_dry=how.dry_run)
        try:
            for line in source.lines:
                if line.number >= how.from_line:
                    sender.take(line, shape)
                    tell(counts.lines if size is None else source.read() // KIB, size)
            sender.send()
        except (CommandFailed, KeyboardInterrupt):
            if counts.after:
                api.out.say(
                    f"{_summary(counts, how)}; go on with --from-line {counts.after + 1}, or begin again"
                )
            raise
    told.end()
    return counts


def _report(out: Output, counts: Counts, how: Importing) -> None:
    if out.as_json:
        found = {name: getattr(counts, name) for name in ("lines", "accepted", "known", "refused")}
        out.json({**found, "dry_run": how.dry_run})
        return
    if counts.accepted:
        out.say(f"values: {counts.numbers} numbers, {counts.yes_or_no} yes or no, {counts.texts} texts")
    out.say(_summary(counts, how))


def _summary(counts: Counts, how: Importing) -> str:
    would = "would count" if how.dry_run else "count"
    known = f" ({counts.known} of them were there, or stand twice)" if counts.known else ""
    return f"{counts.accepted} {would}{known}, {counts.refused} refused"


def _source(file: Path | None, how: Importing) -> AbstractContextManager[Opened]:
    match file, how.query, how.database:
        case Path(), None, None:
            return opened(file, how.encoding)
        case None, str() as query, str() as database:
            try:
                from headgate.cli.feedback_query import queried
            except ModuleNotFoundError as error:
                raise not_installed(error) from error
            return queried(_address(database), _query(query))
        case _:
            raise CommandFailed(
                "name a file, or a query and the database to ask",
                "headgate feedback import FILE, or --query SELECT... --database env:NAME",
            )


def _query(text: str) -> str:
    """The query itself, or that of a file that `@` names."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(
            f"{text[1:]} can't be read ({error})", "name a file of SQL after the @"
        ) from error


def _address(reference: str) -> str:
    """The address of a database: written out, or where `env:NAME` or `file:PATH` say it stands."""
    if not reference.startswith(("env:", "file:")):
        return reference
    try:
        return read_reference(reference, Settings.from_environment().environment()).reveal()
    except Misconfigured as fault:
        raise CommandFailed(
            f"--database {fault.reason}", "set it to postgresql://user@host/database"
        ) from None


@contextmanager
def _listing(file: Path) -> Generator[TextIO]:
    try:
        with file.open("w", encoding="utf-8") as listed:
            yield listed
    except OSError as error:
        raise CommandFailed(
            f"{file} can't be written ({error.strerror})", "name another for --refused"
        ) from error


class _Told:
    """Says of each refused line what is wrong with it: on the screen the first ones, in a file all."""

    def __init__(self, out: Output, label: str, listed: TextIO | None, counts: Counts) -> None:
        self._out = out
        self._label = label
        self._listed = listed
        self.counts = counts

    def refuse(self, line: Line, why: str) -> None:
        """Count a line as refused, and say why."""
        self.counts.refused += 1
        if self.counts.refused <= TOLD_MAX:
            self._out.say(f"{self._label}{line.number}: {why}")
        if self._listed is not None:
            said = {
                "line": line.number,
                "why": why,
                "row": {name: _clean(value) for name, value in line.row.items()},
            }
            self._listed.write(msgspec.json.encode(said, enc_hook=str).decode() + "\n")

    def end(self) -> None:
        """Say how many lines were refused beyond those that were told."""
        more = self.counts.refused - TOLD_MAX
        if more > 0:
            where = "" if self._listed is not None else "; --refused FILE lists them all"
            self._out.say(f"and {more} more lines are refused{where}")


def _clean(value: object) -> object:
    """A value as it can be written: bytes that are no UTF-8 become question marks."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


class _Sender:
    """Sends lines in batches."""

    def __init__(self, client: Client, told: _Told, *, is_dry: bool) -> None:
        self._client = client
        self._told = told
        self._is_dry = is_dry
        self._waiting: list[tuple[Line, Json]] = []
        self._bytes = 0
        self._last = 0

    def take(self, line: Line, shape: Shape) -> None:
        """Take a line; refuse it, or send it with the next batch."""
        self._told.counts.lines += 1
        self._last = line.number
        try:
            if line.problem:
                raise ValueError(line.problem)
            item = shape.item(line.row)
        except ValueError as error:
            self._told.refuse(line, str(error))
            return
        self._waiting.append((line, item))
        self._bytes += len(msgspec.json.encode(item))
        if len(self._waiting) >= BATCH_ROWS or self._bytes >= BATCH_BYTES_MAX:
            self.send()

    def send(self) -> None:
        """Send what waits."""
        if self._waiting:
            body: Json = {"items": [item for _, item in self._waiting]}
            if self._is_dry:
                body["dry_run"] = True
            done: Json = self._client.post("/feedback/batch", body)
            for (line, item), answer in zip(self._waiting, cast("list[Json]", done["items"]), strict=True):
                if answer["code"] is not None:
                    self._told.refuse(line, _without_place(str(answer["message"])))
                else:
                    self._count(item["value"])
            self._told.counts.known += done["known"]
            self._waiting, self._bytes = [], 0
        self._told.counts.after = self._last

    def _count(self, value: Any) -> None:
        counts = self._told.counts
        counts.accepted += 1
        counts.yes_or_no += isinstance(value, bool)
        counts.texts += isinstance(value, str)
        counts.numbers += isinstance(value, float)


def _without_place(message: str) -> str:
    """A server's words without the place in the batch, which says nothing to who reads a file."""
    place, colon, rest = message.partition("]: ")
    return rest if colon and place.startswith("items[") else message
