"""What commands print: data on standard output, as a table or as JSON; talk on standard error.

Tables read the same without colour; rich leaves colour out by itself when NO_COLOR is set or at no terminal.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

NOTHING = "-"
"""Stands where the server knows no value: unknown is never zero."""

PIPE_WIDTH = 4000
"""Columns of a table that goes to no terminal, so that nothing is cut for want of a window."""

Row = Mapping[str, Any]


class Column(msgspec.Struct, frozen=True):
    """A column: its title, where its value stands (`usage.input` reaches into objects), and how it reads."""

    title: str
    path: str
    show: Callable[[Any], str] | None = None
    right: bool = False

    def text(self, row: Row) -> str:
        """Return the cell's text."""
        value = reach(row, self.path)
        if value is None or value == "" or value == []:
            return NOTHING
        return self.show(value) if self.show is not None else plain(value)


def reach(row: Any, path: str) -> Any:
    """Return the value at a dotted path, or None where a part is missing."""
    value: Any = row
    for name in path.split("."):
        value = cast("Row", value).get(name) if isinstance(value, Mapping) else None
    return value


def plain(value: Any) -> str:
    """Write a JSON value in a cell: lists joined by commas, objects as `name=value`."""
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case list():
            return ", ".join(plain(item) for item in cast("list[Any]", value))
        case dict():
            parts = cast("dict[str, Any]", value).items()
            return " ".join(f"{name}={plain(item)}" for name, item in parts if item is not None)
        case _:
            return str(value)


def moment(value: Any) -> str:
    """Write an RFC 3339 time in seconds, without its zone, which is always UTC."""
    return str(value).replace("T", " ").split(".")[0].removesuffix("Z").removesuffix("+00:00")


def milliseconds(value: Any) -> str:
    """Write a duration."""
    return f"{float(value) / 1000:.1f} s" if float(value) >= 10_000 else f"{float(value):.0f} ms"


def microseconds(value: Any) -> str:
    """Write a duration that may be a very short one."""
    number = float(value)
    if number < 1000:
        return f"{number:.0f} µs"
    return f"{number / 1000:.1f} ms" if number < 10_000 else milliseconds(number / 1000)


def usd(value: Any) -> str:
    """Write an amount, which the API gives as a decimal string."""
    return f"${value}"


class Output:
    """Where a command's answer goes."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def rows(self, rows: Sequence[Row], columns: Sequence[Column], *, empty: str) -> None:
        """Print a list: a JSON array, or a table; what there is none of is said on standard error."""
        if self.as_json:
            self.json(rows)
        elif not rows:
            self.say(empty)
        else:
            self._table(rows, columns)

    def item(self, item: Row, columns: Sequence[Column]) -> None:
        """Print one object: JSON, or a line for each part."""
        if self.as_json:
            self.json(item)
            return
        width = max(len(column.title) for column in columns)
        for column in columns:
            print(f"{column.title:<{width}}  {column.text(item)}")

    def json(self, value: Any) -> None:
        """Print JSON, indented for people."""
        print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())

    def line(self, value: Any) -> None:
        """Print one JSON value on one line, for what goes on and on."""
        print(msgspec.json.encode(value).decode(), flush=True)

    def text(self, text: str) -> None:
        """Print a text that is itself the data."""
        print(text)

    def say(self, text: str) -> None:
        """Say something that is no data."""
        print(text, file=sys.stderr)

    def _table(self, rows: Sequence[Row], columns: Sequence[Column]) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column.title, justify="right" if column.right else "left", no_wrap=True)
        for row in rows:
            table.add_row(*(Text(column.text(row)) for column in columns))
        at_terminal = sys.stdout.isatty()
        console = Console(file=sys.stdout, width=None if at_terminal else PIPE_WIDTH, highlight=False)
        console.print(table)
