"""Manifests: digests of their parts, the id over those, and what differs between two of them. Pure.

Canonical JSON (members sorted, no spaces) is what is digested, as in a Merkle tree of two levels: two
releases say by ten digests which parts differ. Read next: `releases.model`, `releases.store`.
"""

import difflib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, get_args

import msgspec

from headgate.releases.model import Manifest, PartName, PromptInCode

FORMAT = 1
PREFIX = "rel_"
ID_CHARACTERS = len(PREFIX) + 20
PARTS: tuple[PartName, ...] = get_args(PartName)
DIFF_LINES_MAX = 400

How = Literal["added", "removed", "changed"]
Value = TypeVar("Value")


class Difference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that differs. `diff` is a unified diff of a text's lines."""

    part: PartName
    how: How
    name: str
    before: Any = None
    after: Any = None
    diff: str = ""


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value: members sorted by name, no spaces."""
    return msgspec.json.encode(value, order="sorted")


def parts_of(manifest: Manifest) -> dict[PartName, Any]:
    """Return what each part holds, as what is digested: in one order, without what says nothing."""
    code = manifest.code
    return {
        "commit": {"commit": code.commit, "dirty": code.dirty},
        "prompts": sorted([each.path, each.symbol, each.version] for each in code.prompts),
        "parameters": sorted(
            [each.path, each.symbol, each.name, each.value, each.call] for each in code.parameters
        ),
        "models": sorted(set(code.models)),
        "tools": sorted([each.path, each.name, each.version] for each in code.tools),
        "pins": manifest.pins,
        "rules": {rule.name: rule for rule in manifest.rules},
        "managed": manifest.managed,
        "dependencies": code.dependencies,
        "prices": manifest.prices,
    }


def digests_of(manifest: Manifest) -> dict[str, str]:
    """Return the SHA-256 of each part's canonical JSON, by the part's name."""
    parts = parts_of(manifest)
    return {name: hashlib.sha256(canonical(parts[name])).hexdigest() for name in PARTS}


def release_id(digests: Mapping[str, str]) -> str:
    """Return the id over the digests of the parts: `rel_` and 20 hex digits."""
    whole = hashlib.sha256(canonical({"format": FORMAT, "parts": dict(digests)})).hexdigest()
    return f"{PREFIX}{whole[: ID_CHARACTERS - len(PREFIX)]}"


def differences(before: Manifest, after: Manifest) -> list[Difference]:
    """Return all that differs, part by part and by name; nothing where both are the same."""
    one, other = before.code, after.code
    found = [
        *_of_commits(before, after),
        *_of_prompts(one.prompts, other.prompts),
        *_of_values(
            "parameters",
            _listed((f"{each.path}:{each.symbol} {each.name}", each.value) for each in one.parameters),
            _listed((f"{each.path}:{each.symbol} {each.name}", each.value) for each in other.parameters),
        ),
        *_of_values("models", dict.fromkeys(one.models, True), dict.fromkeys(other.models, True)),
        *_of_values(
            "tools",
            {f"{each.path}:{each.name}": each.version for each in one.tools},
            {f"{each.path}:{each.name}": each.version for each in other.tools},
        ),
        *_of_values("pins", before.pins, after.pins),
        *_of_values(
            "rules",
            {rule.name: msgspec.to_builtins(rule) for rule in before.rules},
            {rule.name: msgspec.to_builtins(rule) for rule in after.rules},
        ),
        *_of_values("managed", _plain(before.managed), _plain(after.managed)),
        *_of_values("dependencies", one.dependencies, other.dependencies),
    ]
    if before.prices != after.prices:
        found.append(
            Difference(part="prices", how="changed", name="table", before=before.prices, after=after.prices)
        )
    return found


def _of_commits(before: Manifest, after: Manifest) -> list[Difference]:
    one, other = before.code, after.code
    pairs = (("commit", one.commit, other.commit), ("uncommitted", one.dirty, other.dirty))
    return [
        Difference(part="commit", how="changed", name=name, before=old or None, after=new or None)
        for name, old, new in pairs
        if old != new
    ]


def _of_prompts(before: Sequence[PromptInCode], after: Sequence[PromptInCode]) -> list[Difference]:
    """Prompts by name; a name that stands twice in a file is told apart by its place among its namesakes."""
    found: list[Difference] = []
    one, other = _named(before), _named(after)
    for name, how in _changes(one, other, lambda each: each.version):
        old, new = one.get(name), other.get(name)
        found.append(
            Difference(
                part="prompts",
                how=how,
                name=name,
                before=old.version if old else None,
                after=new.version if new else None,
                diff=text_diff(old.text if old else "", new.text if new else ""),
            )
        )
    return found


def _named(prompts: Sequence[PromptInCode]) -> dict[str, PromptInCode]:
    named: dict[str, PromptInCode] = {}
    counts: dict[str, int] = {}
    for prompt in sorted(prompts, key=lambda each: (each.path, each.symbol)):
        counts[prompt.name] = counts.get(prompt.name, 0) + 1
        place = counts[prompt.name]
        named[prompt.name if place == 1 else f"{prompt.name}#{place}"] = prompt
    return named


def _of_values(part: PartName, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(part=part, how=how, name=name, before=before.get(name), after=after.get(name))
        for name, how in _changes(before, after, lambda value: value)
    ]


def _changes(
    before: Mapping[str, Value], after: Mapping[str, Value], what: Callable[[Value], object]
) -> list[tuple[str, How]]:
    changes: list[tuple[str, How]] = []
    for name in sorted({*before, *after}):
        if name not in before:
            changes.append((name, "added"))
        elif name not in after:
            changes.append((name, "removed"))
        elif what(before[name]) != what(after[name]):
            changes.append((name, "changed"))
    return changes


def _listed(pairs: Any) -> dict[str, list[str]]:
    """Values by name, where a name may stand several times."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: sorted(values) for name, values in found.items()}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: msgspec.to_builtins(value) for name, value in values.items()}


def text_diff(before: str, after: str) -> str:
    """Return the unified diff of two texts without its file names; cut after 400 lines, with a word on it."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]
    if len(lines) > DIFF_LINES_MAX:
        lines = [*lines[:DIFF_LINES_MAX], f"... {len(lines) - DIFF_LINES_MAX} more lines"]
    return "\n".join(lines)
