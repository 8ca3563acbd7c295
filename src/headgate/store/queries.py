"""Named SQL from a slice's `queries.sql`: blocks that begin with `-- name: foo`.

What several statements of a file share is a block that begins with `-- part: bar`; each has it where it says
`[bar]`. Never builds SQL from values. Read next: any slice's `queries.sql`.
"""

import re
from importlib import resources
from typing import LiteralString, cast

_NAME = re.compile(r"^-- (name|part): ([a-z][a-z0-9_]*)[ \t]*$", re.MULTILINE)


class Queries:
    """The named statements of one package: `queries.foo` or `queries["foo"]`."""

    def __init__(self, statements: dict[str, LiteralString], source: str) -> None:
        self._statements = statements
        self._source = source

    @classmethod
    def load(cls, package: str, file: str = "queries.sql") -> "Queries":
        """Read the file beside the package's modules.

        Raises ValueError for a name that stands twice, KeyError later for one that does not stand there.
        """
        text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
        source = f"{package}/{file}"
        return cls(parse(text, source), source)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in the order of the file."""
        return tuple(self._statements)

    def __getitem__(self, name: str) -> LiteralString:
        try:
            return self._statements[name]
        except KeyError:
            raise KeyError(f"{self._source} has no `-- name: {name}`") from None

    def __getattr__(self, name: str) -> LiteralString:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"{self._source} has no `-- name: {name}`") from None


def parse(text: str, source: str) -> dict[str, LiteralString]:
    """Split SQL text at its `-- name:` lines, with parts where they are named.

    What stands before the first is a comment. Raises ValueError for a name that stands twice.
    """
    pieces = _NAME.split(text)
    blocks: dict[str, dict[str, str]] = {"name": {}, "part": {}}
    for kind, name, body in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        if any(name in known for known in blocks.values()):
            raise ValueError(f"{source} has `-- {kind}: {name}` twice")
        blocks[kind][name] = body.strip().removesuffix(";")
    return {name: _joined(body, blocks["part"]) for name, body in blocks["name"].items()}


def _joined(body: str, parts: dict[str, str]) -> LiteralString:
    for name, part in parts.items():
        if f"[{name}]" in body:
            body = body.replace(f"[{name}]", _joined(part, parts))
    # The text comes from our own file in our own package: as trustworthy as a literal.
    return cast("LiteralString", body)
