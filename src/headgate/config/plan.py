"""What differs between two documents, object by object, in words that a person can agree to. Pure.

Read next: `config.snapshots`, which stores and activates what was agreed to.
"""

from collections.abc import Mapping
from typing import Any, Literal, cast

import msgspec

from headgate.config.document import Document

_NAMED_TABLES = ("providers", "models", "projects", "prices", "withdrawn", "feedback")
_NAMED_LISTS = ("budgets", "rate_limits", "exporters", "experiments", "rollouts", "canaries", "grounding")
_SINGLE_TABLES = ("drift", "loop_guard", "server")

_IDENTITY = ("scope", "window", "timezone")
_ANALYSIS = frozenset({"metrics", "error", "planned_units", "looks"})
"""What of an experiment may change without beginning anew."""


_ASKED = frozenset({"cases", "file", "dataset", "scorer", "parameters"})
"""What of a canary decides on its answers."""


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One key of an object: what it was and what it becomes. None: not set, so that its default holds."""

    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.key}: {_shown(self.before)} → {_shown(self.after)}"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One object that is added, removed or changed. `note` says what follows that is easily overlooked."""

    action: Literal["added", "removed", "changed"]
    object: str
    changes: tuple[FieldChange, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        text = f"{self.object} {self.action}"
        if self.changes:
            text += ": " + ", ".join(map(str, self.changes))
        return f"{text} ({self.note})" if self.note else text


def plan(old: Document, new: Document) -> list[Difference]:
    """Return the differences of two documents by object, in the order of the file's tables."""
    before = cast("dict[str, Any]", msgspec.to_builtins(old))
    after = cast("dict[str, Any]", msgspec.to_builtins(new))
    differences: list[Difference] = []
    for table in _NAMED_TABLES:
        differences += _compared(table, before.get(table, {}), after.get(table, {}))
    for table in _NAMED_LISTS:
        differences += _compared(table, _by_name(before.get(table, ())), _by_name(after.get(table, ())))
    differences = [_on_alias(each, after) for each in differences]
    for table in _SINGLE_TABLES:
        changes = _changes(before.get(table, {}), after.get(table, {}))
        if changes:
            differences.append(Difference(action="changed", object=table, changes=changes))
    return differences


def _by_name(tables: Any) -> dict[str, Any]:
    return {table["name"]: table for table in cast("list[dict[str, Any]]", tables)}


def _compared(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    differences: list[Difference] = []
    for name in sorted({*before, *after}):
        label = f"{kind}.{name}"
        if name not in after:
            differences.append(Difference(action="removed", object=label, changes=_changes(before[name], {})))
        elif name not in before:
            differences.append(Difference(action="added", object=label, changes=_changes({}, after[name])))
        elif changes := _changes(before[name], after[name]):
            note = _note(kind, changes)
            differences.append(Difference(action="changed", object=label, changes=changes, note=note))
    return differences


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(key=key, before=before.get(key), after=after.get(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    )


def _note(kind: str, changes: tuple[FieldChange, ...]) -> str:
    keys = {change.key for change in changes}
    if kind == "budgets" and keys & set(_IDENTITY):
        return "a new meter, seeded from what was spent in its window"
    if kind == "budgets" and "limit" in keys:
        return "what was spent stays"
    if kind == "rollouts":
        return "another rollout from now on: it begins at its first stage"
    if kind == "experiments" and keys - _ANALYSIS:
        return "another experiment from now on: its units begin anew, and what ran before is reported apart"
    if kind == "canaries" and keys & _ASKED:
        return "the canary learns anew what is usual"
    if kind == "experiments":
        return "the report will say that this changed after the start"
    return ""


def _on_alias(difference: Difference, after: Mapping[str, Any]) -> Difference:
    """Say which experiments and rollouts begin anew, since what they compare with is another."""
    kind, _, name = difference.object.partition(".")
    keys = {change.key for change in difference.changes}
    if kind != "models" or difference.action != "changed" or not keys & {"targets", "strategy"}:
        return difference
    begin = [
        f"{table.removesuffix('s')} {one['name']}"
        for table in ("experiments", "rollouts")
        for one in after.get(table, ())
        if one["alias"] == name and ("strategy" in keys or not _all_have_targets(one))
    ]
    note = f"begins anew: {', '.join(begin)}" if begin else difference.note
    return msgspec.structs.replace(difference, note=note)


def _all_have_targets(table: Mapping[str, Any]) -> bool:
    arms: Any = table.get("arms", ())
    return bool(arms) and all(arm.get("targets") for arm in arms)


def _shown(value: Any) -> str:
    return "unset" if value is None else msgspec.json.encode(value).decode()
