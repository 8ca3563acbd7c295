"""What differs between two configurations, as rows for people: one for each key that changes. Pure.

Read next: `config.plan`, which finds the differences.
"""

from typing import Any

import msgspec

from headgate.config.document import Document, from_json
from headgate.config.plan import Difference, plan
from headgate.config.snapshots import StoredSnapshot
from headgate.core.faults import Misconfigured


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that differs: an object added or removed, or one key of an object."""

    change: str
    path: str
    old: Any = None
    new: Any = None
    note: str = ""


def changes_to(base: StoredSnapshot | None, document: bytes) -> list[Change]:
    """Return what differs from a snapshot (None: from nothing) to a document.

    Raises Misconfigured where one of them is of a version that this one can't read.
    """
    try:
        old, new = Document() if base is None else from_json(base.document), from_json(document)
    except msgspec.MsgspecError as error:
        raise Misconfigured(
            f"a configuration can't be compared: this version can't read it: {error}"
        ) from None
    return [change for difference in plan(old, new) for change in _flat(difference)]


def _flat(difference: Difference) -> list[Change]:
    """A row for each key that changes; one for an object that comes or goes."""
    if difference.action != "changed":
        came = {each.key: each.after for each in difference.changes if each.after is not None}
        went = {each.key: each.before for each in difference.changes if each.before is not None}
        return [
            Change(
                change=difference.action,
                path=difference.object,
                old=went or None,
                new=came or None,
                note=difference.note,
            )
        ]
    return [
        Change(
            change="changed",
            path=f"{difference.object}.{each.key}",
            old=each.before,
            new=each.after,
            note=difference.note,
        )
        for each in difference.changes
    ]
