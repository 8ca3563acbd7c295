"""Templates as they are looked for: their fragments canonicalised and numbered, and which may be left out.

What stands between the tags of a conditional or a loop (Jinja's `{% if %}`, Mustache's `{{#name}}`) may be
left out. Pure. Read next: `chaining`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from headgate.prompts.matching.anchors import Anchors
from headgate.prompts.matching.texts import canonical, weight
from headgate.prompts.model import Hole, Template

FRAGMENT_MIN = 24
"""Weight of a fragment by which a template is found anywhere in a message."""
TOGETHER_MIN = 48
"""Weight that lighter fragments must have together for that."""
WHOLE_MIN = 8
"""Weight that a template must have to be found at all, as a whole message."""

_TAG = re.compile(r"% *(?P<tag>\w+).*%", re.DOTALL)
_OPENING = {"if", "for", "macro", "call"}
_CLOSING = {f"end{tag}" for tag in _OPENING}


class Step(NamedTuple):
    """One fragment of a template."""

    part: int
    """Its place among the template's parts."""
    number: int
    """Of its canonical text, among the anchored texts."""
    length: int
    weight: int
    is_optional: bool


class Compiled(NamedTuple):
    """A template, ready to be looked for."""

    steps: tuple[Step, ...]
    key: int
    """The step that is looked for first."""
    is_key_single: bool
    """Whether the key stands in the template but once: then the next key begins another rendering."""
    needed: frozenset[int]
    """The texts without which the template can't be there."""
    is_whole_only: bool
    """Whether it is too short to be found but as a whole message."""
    begins: bool
    """Whether it begins with a fragment, and not with a hole."""
    ends: bool


def is_tag(name: str) -> bool:
    """Whether a hole is no value but a tag of Jinja or Mustache."""
    return name[:1] in ("#", "^", "/") or _TAG.fullmatch(name) is not None


def optional_parts(template: Template) -> set[int]:
    """Return the places of the fragments that a rendering may leave out."""
    depth = 0
    found: set[int] = set()
    for index, part in enumerate(template.parts):
        if isinstance(part, str):
            if depth:
                found.add(index)
            continue
        tag = _TAG.fullmatch(part.name)
        word = tag["tag"] if tag is not None else ""
        if word in _OPENING or part.name[:1] in ("#", "^"):
            depth += 1
        elif word in _CLOSING or part.name[:1] == "/":
            depth = max(depth - 1, 0)
    return found


def steps_of(template: Template, anchors: Anchors) -> tuple[Step, ...]:
    """Return the fragments that are not mere whitespace, entered among the anchored texts."""
    optional = optional_parts(template)
    steps: list[Step] = []
    last = len(template.parts) - 1
    for index, part in enumerate(template.parts):
        if isinstance(part, Hole):
            continue
        text = canonical(part)
        if not text:
            continue
        number = anchors.add(
            text,
            is_cut_left=not part[0].isspace() and index > 0,
            is_cut_right=not part[-1].isspace() and index < last,
        )
        steps.append(Step(index, number, len(text), weight(text), index in optional))
    return tuple(steps)


def wanted_of(steps: tuple[Step, ...]) -> list[Step]:
    """Return the fragments that are to be found by an anchor; the others are sought where they are due."""
    required = [step for step in steps if not step.is_optional] or list(steps)
    if max((step.weight for step in required), default=0) >= FRAGMENT_MIN:
        return [step for step in steps if step.weight >= FRAGMENT_MIN]
    return sorted(required, key=lambda step: -step.weight)[:1]


def compiled(
    template: Template, steps: tuple[Step, ...], without: set[int], holders: Counter[int]
) -> Compiled | None:
    """Make a template ready; None where it can't be found.

    `without` are the texts without an anchor, `holders` says how many templates hold each text.
    """
    required = [step for step in steps if not step.is_optional] or list(steps)
    anchored = [step for step in wanted_of(steps) if step.number not in without]
    able = [step for step in anchored if step in required]
    literal = sum(step.weight for step in required)
    if not able or literal < WHOLE_MIN:
        return None
    times = Counter(step.number for step in steps)
    key = min(able, key=lambda step: (times[step.number] > 1, holders[step.number], -step.weight))
    is_whole_only = key.weight < FRAGMENT_MIN and literal < TOGETHER_MIN
    begins = steps[0].part == 0
    ends = steps[-1].part == len(template.parts) - 1
    if is_whole_only and not (begins or ends):
        return None
    return Compiled(
        steps=steps,
        key=steps.index(key),
        is_key_single=times[key.number] == 1,
        needed=frozenset(step.number for step in able),
        is_whole_only=is_whole_only,
        begins=begins,
        ends=ends,
    )


def holders_of(all_steps: Iterable[tuple[Step, ...]]) -> Counter[int]:
    """Count in how many templates each text stands."""
    counts: Counter[int] = Counter()
    for steps in all_steps:
        counts.update({step.number for step in steps})
    return counts
