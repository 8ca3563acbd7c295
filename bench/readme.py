"""Puts a table between two markers of a Markdown file. Never touches anything else of it."""

import re
from pathlib import Path


def replace_between(path: Path, name: str, text: str) -> None:
    """Put `text` between `<!-- NAME:begin -->` and `<!-- NAME:end -->`, in place of what stands there.

    Raises SystemExit when the file has not exactly one such pair.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    pattern = re.compile(re.escape(begin) + r"\n.*?" + re.escape(end), re.DOTALL)
    before = path.read_text(encoding="utf-8")
    after, count = pattern.subn(lambda _: f"{begin}\n{text.strip()}\n{end}", before)
    if count != 1:
        raise SystemExit(
            f"error: {path.name} needs exactly one place for the table\n"
            f"hint: write {begin} and {end} on lines of their own where it belongs"
        )
    path.write_text(after, encoding="utf-8")
