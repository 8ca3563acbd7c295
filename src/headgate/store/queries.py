"""SQL as named text: each slice's `queries.sql`, read once at import.

A query begins with a line `-- name: some_name`; comments after it describe it. Never builds SQL from values.
"""

import re
from importlib import resources
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$", re.MULTILINE)


class Queries:
    """The queries of one package, by name: `queries["list_keys"]`."""

    __slots__ = ("_package", "_texts")

    def __init__(self, package: str, texts: dict[str, str]) -> None:
        self._package = package
        self._texts = texts

    @classmethod
    def load(cls, package: str) -> "Queries":
        """Read `queries.sql` of a package such as `headgate.records`. Raises ValueError for a name given twice."""
        text = resources.files(package).joinpath("queries.sql").read_text(encoding="utf-8")
        parts = _NAME.split(text)
        texts: dict[str, str] = {}
        for name, body in zip(parts[1::2], parts[2::2], strict=True):
            if name in texts:
                raise ValueError(f"{package}/queries.sql names {name} twice")
            texts[name] = body.strip()
        return cls(package, texts)

    def __getitem__(self, name: str) -> LiteralString:
        """Return a query's text. Raises KeyError naming the package."""
        try:
            return cast("LiteralString", self._texts[name])
        except KeyError:
            raise KeyError(f"{self._package}/queries.sql has no query {name!r}") from None

    @property
    def names(self) -> frozenset[str]:
        """All names."""
        return frozenset(self._texts)
