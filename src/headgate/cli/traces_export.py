"""`headgate traces export`: one trace, or all of a filter, into a file of OTLP or JSON Lines.

A file that is not whole never has the name that was asked for. Read next: `traces.exporting`.
"""

import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer

from headgate.cli.client import Client, Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.trace_filters import Sort, TraceFilters

_TRACE_MARKS = {"otlp": b'"traceId":"', "jsonl": b'"trace_id":"'}
_TRACE_DIGITS = 32

Tell = Callable[[int, int | None], None]


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """As what, and where to."""

    format: Annotated[
        str, typer.Option(help="otlp: requests for /v1/traces, one a line; jsonl: a span or call a line.")
    ] = "otlp"
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; without it, standard output.")
    ] = None


@over_api
def export(
    api: Api,
    filters: TraceFilters,
    form: Form,
    *,
    trace: Annotated[
        str | None, typer.Argument(help="One trace, by its id; without it, all that match.")
    ] = None,
    sort: Sort = None,
    limit: Annotated[int | None, typer.Option(help="At most so many traces; without it, all.")] = None,
) -> None:
    """Export one trace, or all of a filter, as OTLP or as JSON Lines."""
    from headgate.cli.progress import Bars

    asked = {name: value for name, value in filters.parameters().items() if value is not None}
    if trace is not None and (named := sorted({*asked} - {"project"})):
        raise CommandFailed(
            f"a trace and {', '.join(named)} are given", "name a trace by its id, or filter; not both"
        )
    path = "/traces/export" if trace is None else f"/traces/{trace}/export"
    more = {"sort": sort, "limit": limit} if trace is None else {}
    lines = api.client.lines(path, format=form.format, **asked, **more)
    mark = _TRACE_MARKS.get(form.format, b"")
    with _opened(form.output) as file, Bars() as bars:
        known = _expected(api.client, trace, asked, limit)
        traces, length = _copy(lines, file, mark, bars.bar("traces"), known)
    if form.output is not None:
        if api.out.as_json:
            api.out.json({"traces": traces, "bytes": length, "file": str(form.output)})
        else:
            api.out.say(f"{traces} traces, {length} bytes: {form.output}")


def _copy(
    lines: Iterator[bytes], file: BinaryIO, mark: bytes, tell: Tell, known: int | None
) -> tuple[int, int]:
    """Write the lines; return of how many traces they are, and their length."""
    traces = length = 0
    last = b""
    for line in lines:
        file.write(line)
        length += len(line)
        begin = line.find(mark) + len(mark)
        identity = line[begin : begin + _TRACE_DIGITS]
        if identity != last:
            last = identity
            traces += 1
            tell(traces - 1, known)
    tell(traces, known)
    return traces, length


def _expected(client: Client, trace: str | None, asked: Json, limit: int | None) -> int | None:
    """Return how many traces there will be; None where these are more than are counted."""
    if trace is not None:
        return 1
    counted: Json = client.get("/traces/facets", **asked)
    known = counted["traces"] if counted["complete"] else None
    return known if limit is None else min(limit, limit if known is None else known)


def _opened(place: Path | None) -> AbstractContextManager[BinaryIO]:
    return _standard_output() if place is None else _file(place)


@contextmanager
def _standard_output() -> Generator[BinaryIO]:
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextmanager
def _file(place: Path) -> Generator[BinaryIO]:
    """Open a file that gets its name once it is whole."""
    part = place.with_name(f"{place.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except OSError as error:
        raise CommandFailed(
            f"{place} can't be written ({error.strerror})", "name a file in a folder that you may write to"
        ) from error
    finally:
        part.unlink(missing_ok=True)
