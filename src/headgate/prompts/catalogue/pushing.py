"""The parts of a push: what a server lacks of a source, in bodies of bounded size. Pure.

Read next: `catalogue.store`, which takes them.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from headgate.prompts.catalogue.gathering import Gathered
from headgate.prompts.catalogue.model import (
    CataloguePush,
    NewCommits,
    NewTemplate,
    commits_digest,
)

TEMPLATES_CHARACTERS_MAX = 1_000_000
"""Of one part."""

Json = dict[str, Any]


def parts_of(gathered: Gathered, there: Json | None, project: str | None) -> Iterator[Json]:
    """Yield the parts of a push in order; `there` is what the server has of the source, as its API says.

    The last part holds all versions, and the commits from where those of the server end, or all of them
    where the history was rewritten.
    """
    known = set(there["templates"]) if there is not None else set[str]()
    push = CataloguePush(source=gathered.source, kind=gathered.kind, project=project)
    chunk: list[NewTemplate] = []
    length = 0
    for version, template in gathered.templates.items():
        if version in known:
            continue
        chunk.append(NewTemplate.of(template))
        length += len(template.text)
        if length >= TEMPLATES_CHARACTERS_MAX:
            yield _body(msgspec.structs.replace(push, templates=tuple(chunk)))
            chunk, length = [], 0
    last = msgspec.structs.replace(push, templates=tuple(chunk), state=gathered.state)
    if not gathered.state.is_snapshot:
        start = _start(gathered, there)
        commits = NewCommits(start=start, ids=gathered.commits[start:], times=gathered.times[start:])
        last = msgspec.structs.replace(last, commits=commits)
    yield _body(last)


def _start(gathered: Gathered, there: Json | None) -> int:
    count = 0 if there is None else int(there["commits"])
    if there is None or count > len(gathered.commits):
        return 0
    same = commits_digest(gathered.commits[:count]).hex() == there["commits_digest"]
    return count if same else 0


def _body(push: CataloguePush) -> Json:
    return msgspec.to_builtins(push)
