"""Which line of a TOML file holds which key: what the standard parser does not tell.

Reads only text that `tomllib` has accepted, so it never judges syntax. A path is keys and, in arrays,
indexes: `("budgets", 0, "limit")`. Source: TOML 1.0.0.
"""

import tomllib

Path = tuple[str | int, ...]

_DELIMITERS = frozenset(",]}#\n\r")


def locate(text: str) -> dict[Path, int]:
    """Return the line, counted from 1, on which each key, table and array element of a valid TOML begins."""
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.lines


def path_text(path: Path) -> str:
    """Write a path as it would stand in the file: `budgets[0].limit`, `prices."local/llama-3".input`."""
    written = ""
    for part in path:
        if isinstance(part, int):
            written += f"[{part}]"
            continue
        bare = part.replace("-", "").replace("_", "").isalnum() and part.isascii()
        written += ("." if written else "") + (part if bare else f'"{part}"')
    return written


class _Scanner:
    """One pass over the text, keeping the table that keys belong to."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.lines: dict[Path, int] = {}
        self._line = 1
        self._counted_to = 0
        self._tables: dict[Path, int] = {}

    def scan(self) -> None:
        """Walk all lines of the file."""
        table: Path = ()
        self._skip_blank()
        while self.position < len(self.text):
            if self.text[self.position] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip_blank()

    def _header(self) -> Path:
        line = self._line_here()
        is_array = self.text.startswith("[[", self.position)
        self.position += 2 if is_array else 1
        parts: list[str | int] = []
        keys = self._keys()
        for index, key in enumerate(keys):
            parts.append(key)
            path = tuple(parts)
            self.lines.setdefault(path, line)
            if is_array and index == len(keys) - 1:
                self._tables[path] = self._tables.get(path, 0) + 1
            if path in self._tables:
                parts.append(self._tables[path] - 1)
        path = tuple(parts)
        self.lines[path] = line
        self._skip_spaces()
        self.position += 2 if is_array else 1
        return path

    def _pair(self, table: Path) -> None:
        line = self._line_here()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.position += 1  # the equals sign, which `_keys` stops at
        self._value(path)

    def _keys(self) -> list[str]:
        keys: list[str] = []
        while True:
            self._skip_spaces()
            keys.append(self._key())
            self._skip_spaces()
            if self.position >= len(self.text) or self.text[self.position] != ".":
                return keys
            self.position += 1

    def _key(self) -> str:
        if self.text[self.position] in "\"'":
            start = self.position
            self._string()
            return tomllib.loads(f"key = {self.text[start : self.position]}")["key"]
        start = self.position
        while self.text[self.position] not in " \t.=]":
            self.position += 1
        return self.text[start : self.position]

    def _value(self, path: Path) -> None:
        self._skip_spaces()
        self.lines.setdefault(path, self._line_here())
        character = self.text[self.position]
        if character in "\"'":
            self._string()
        elif character == "[":
            self._array(path)
        elif character == "{":
            self._inline_table(path)
        else:
            while self.position < len(self.text) and self.text[self.position] not in _DELIMITERS:
                self.position += 1

    def _array(self, path: Path) -> None:
        self.position += 1
        index = 0
        while True:
            self._skip_blank()
            if self.text[self.position] == "]":
                self.position += 1
                return
            self._value((*path, index))
            index += 1
            self._skip_blank()
            if self.text[self.position] == ",":
                self.position += 1

    def _inline_table(self, path: Path) -> None:
        self.position += 1
        while True:
            self._skip_blank()
            if self.text[self.position] == "}":
                self.position += 1
                return
            self._pair(path)
            self._skip_blank()
            if self.text[self.position] == ",":
                self.position += 1

    def _string(self) -> None:
        quote = self.text[self.position]
        if self.text.startswith(quote * 3, self.position):
            self._long_string(quote)
            return
        self.position += 1
        while self.text[self.position] != quote:
            self.position += 2 if quote == '"' and self.text[self.position] == "\\" else 1
        self.position += 1

    def _long_string(self, quote: str) -> None:
        self.position += 3
        while not self.text.startswith(quote * 3, self.position):
            self.position += 2 if quote == '"' and self.text[self.position] == "\\" else 1
        # Up to two quotes may stand right before the closing three.
        while self.text.startswith(quote * 4, self.position):
            self.position += 1
        self.position += 3

    def _skip_spaces(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in " \t":
            self.position += 1

    def _skip_blank(self) -> None:
        while self.position < len(self.text):
            character = self.text[self.position]
            if character == "#":
                end = self.text.find("\n", self.position)
                self.position = len(self.text) if end < 0 else end
            elif character in " \t\r\n":
                self.position += 1
            else:
                return

    def _line_here(self) -> int:
        self._line += self.text.count("\n", self._counted_to, self.position)
        self._counted_to = self.position
        return self._line
