"""What changed between two texts or two versions: as a unified diff, and line beside line. Pure, and bounded.

Read next: `managed.files`, whose text is what is compared.
"""

import difflib
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from headgate.prompts.managed.files import HEAD, write_file
from headgate.prompts.managed.model import ManagedVersion

LINES_PRODUCT_MAX: Final = 4_000_000
"""Lines of one text times lines of the other, up to which they are compared line by line."""

Change = Literal["same", "changed", "removed", "added"]


class SideBySide(msgspec.Struct, frozen=True, kw_only=True):
    """A row of two columns: the line before and the line after, each null where there is none."""

    change: Change
    before: str | None = None
    after: str | None = None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What changed: as a unified diff, empty where nothing did, and as rows of two columns."""

    unified: str
    rows: tuple[SideBySide, ...]


def compare_versions(name: str, before: ManagedVersion, after: ManagedVersion) -> Difference:
    """Compare two versions as their files have them."""
    old = write_file(name, before).removeprefix(HEAD)
    new = write_file(name, after).removeprefix(HEAD)
    return compare_texts(old, new, (f"{name}@{before.number}", f"{name}@{after.number}"))


def compare_texts(before: str, after: str, names: tuple[str, str] = ("before", "after")) -> Difference:
    """Compare two texts line by line; very long ones are told as wholly changed."""
    old, new = before.splitlines(), after.splitlines()
    rows = _rows(old, new)
    if all(row.change == "same" for row in rows):
        return Difference(unified="", rows=rows)
    if len(old) * len(new) > LINES_PRODUCT_MAX:
        lines = [
            f"--- {names[0]}",
            f"+++ {names[1]}",
            *(f"-{line}" for line in old),
            *(f"+{line}" for line in new),
        ]
    else:
        lines = list(difflib.unified_diff(old, new, *names, lineterm=""))
    return Difference(unified="\n".join(lines) + "\n", rows=rows)


def _rows(old: Sequence[str], new: Sequence[str]) -> tuple[SideBySide, ...]:
    if len(old) * len(new) > LINES_PRODUCT_MAX:
        if old == new:
            return tuple(SideBySide(change="same", before=line, after=line) for line in old)
        return _changed(old, new)
    rows: list[SideBySide] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            pairs = zip(old[old_from:old_to], new[new_from:new_to], strict=True)
            rows.extend(SideBySide(change="same", before=left, after=right) for left, right in pairs)
        else:
            rows.extend(_changed(old[old_from:old_to], new[new_from:new_to]))
    return tuple(rows)


def _changed(old: Sequence[str], new: Sequence[str]) -> tuple[SideBySide, ...]:
    both = min(len(old), len(new))
    return (
        *(SideBySide(change="changed", before=old[at], after=new[at]) for at in range(both)),
        *(SideBySide(change="removed", before=line) for line in old[both:]),
        *(SideBySide(change="added", after=line) for line in new[both:]),
    )
