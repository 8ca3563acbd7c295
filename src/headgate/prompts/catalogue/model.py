"""The catalogue's words: what a team pushes of its code, and what the API says of prompts found in it. Pure.

A prompt of code is named `path:symbol`; its versions go by the hash of their parts. Places count a source's
commits from the oldest, at 0. Read next: `catalogue.store`.
"""

import hashlib
import uuid
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec

from headgate.core.names import Name
from headgate.prompts.model import Hole, Part, Template
from headgate.prompts.outcomes.said import VersionFeedback

SOURCE_CHARACTERS_MAX = 200
NAME_CHARACTERS_MAX = 1000
"""Of a path, and of a symbol."""
TEMPLATE_CHARACTERS_MAX = 200_000
VERSIONS_MAX = 20_000
"""Of one source; a push of more is refused."""
COMMITS_MAX = 100_000
"""Of one source; what is older is left out, and counts as the oldest."""
TIME_S_MAX = 253_402_300_799
"""The end of the year 9999. A commit may say any time."""

MANAGED = ""
"""What stands for a source where a prompt is managed here."""

SourceKind = Literal["repository", "library"]
State = Literal["current", "differs", "unused", "gone"]
"""Of a prompt of code, by the traffic of the last days. `current`: only the newest version was seen.
`differs`: another version than that at the head was, or the head has none. `unused`: it stands in the code
and was not seen. `gone`: it neither stands in the code nor was seen."""

SourceName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=SOURCE_CHARACTERS_MAX, pattern=r"^[^\x00-\x1f\x7f]+(?!\n)$")
]
PathName = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
ShortName = Annotated[str, msgspec.Meta(max_length=SOURCE_CHARACTERS_MAX)]
CommitTime = Annotated[int, msgspec.Meta(ge=0, le=TIME_S_MAX)]
Place = Annotated[int, msgspec.Meta(ge=0, le=COMMITS_MAX)]


class NewHole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place in a template that a value fills."""

    type: Literal["hole"] = "hole"
    name: str


class NewTemplate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A template: literal fragments as text, holes as objects."""

    parts: Annotated[tuple[str | NewHole, ...], msgspec.Meta(min_length=1, max_length=5000)]

    @classmethod
    def of(cls, template: Template) -> "NewTemplate":
        """Return a template as a push writes it."""
        parts = [part if isinstance(part, str) else NewHole(name=part.name) for part in template.parts]
        return cls(parts=tuple(parts))

    @property
    def template(self) -> Template:
        """The template that is meant."""
        return Template.of(part if isinstance(part, str) else Hole(name=part.name) for part in self.parts)


class NewCommits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Commits from a place on, the oldest first; what stands there is replaced. Times are Unix seconds."""

    start: Place
    ids: Annotated[tuple[ShortName, ...], msgspec.Meta(max_length=COMMITS_MAX)]
    times: Annotated[tuple[CommitTime, ...], msgspec.Meta(max_length=COMMITS_MAX)]


class NewVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a prompt, from the place of its first commit to that of its last."""

    path: PathName
    symbol: PathName
    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{12}(?!\n)$")]
    kind: ShortName
    line: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
    first: Place
    last: Place
    is_newest: bool


class NewState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a source holds. `is_snapshot`: only what it holds now is known, under the name of `head`."""

    head: ShortName
    versions: Annotated[tuple[NewVersion, ...], msgspec.Meta(max_length=VERSIONS_MAX)]
    parameters: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(max_length=VERSIONS_MAX)] = ()
    models: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(max_length=VERSIONS_MAX)] = ()
    is_snapshot: bool = False


class CataloguePush(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a push: templates come first, as many parts as they take; commits and state in the last."""

    source: SourceName
    kind: SourceKind = "repository"
    project: Name | None = None
    templates: Annotated[tuple[NewTemplate, ...], msgspec.Meta(max_length=VERSIONS_MAX)] = ()
    commits: NewCommits | None = None
    state: NewState | None = None


class CataloguePushed(msgspec.Struct, frozen=True, kw_only=True):
    """What a part of a push came to. `queued` calls of the last day are matched again."""

    project: str
    source: str
    changed: bool
    commits: int
    versions: int
    queued: int = 0


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A source as lists show it; `prompts` and `versions` count what its whole history holds."""

    project: str
    source: str
    kind: SourceKind
    head: str
    commits: int
    prompts: int
    versions: int
    pushed_at: str
    pushed_by: str


class SourceDetail(SourceView, frozen=True, kw_only=True):
    """A source with what a push compares itself to: SHA-256 of its commits' ids, each with a line end; and
    the templates that are there already."""

    commits_digest: str
    templates: list[str]
    parameters: list[dict[str, Any]]
    models: list[dict[str, Any]]


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that a version was found in. `cost_usd` is that of whole calls, null where none is known."""

    calls: int
    cost_usd: str | None
    unpriced: int
    last_seen: str | None


class NamedCalls(msgspec.Struct, frozen=True, kw_only=True):
    """A name, and the calls that named it."""

    name: str
    calls: int


class PromptUse(msgspec.Struct, frozen=True, kw_only=True):
    """Where a prompt is used: the most frequent names of one kind, and how many there are in all.

    Models are those that calls asked for, keys go by id; of both, calls count from the version of Headgate on
    that began to.
    """

    kind: Literal["environment", "key", "model", "release"]
    names: list[NamedCalls]
    amount: int


class VersionCalls(msgspec.Struct, frozen=True, kw_only=True):
    """How many calls a version had, and of these how many at each point of the list's time."""

    version: str
    calls: int
    points: list[int]


class PromptItem(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt as lists show it. `version` is that at the source's head; `seen` are the versions that
    traffic of the days looked at showed, the most frequent first. `traffic` is null for members, who see
    nothing of what follows either: where it is used, what was said of its calls (the three names under which
    most was said, over all versions), and the most frequent versions over time."""

    kind: Literal["code", "managed"]
    name: str
    project: str
    source: str | None
    version: str | None
    versions: int
    text: str
    state: State | None
    seen: list[str]
    traffic: Traffic | None
    used: list[PromptUse] = []
    feedback: list[VersionFeedback] = []
    by_version: list[VersionCalls] = []


class PromptPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some prompts, and where the next page begins: null at the end.

    Traffic counts in whole days (UTC), from `since` until `until`. `uses` is how often prompts were used in
    all: a call counts under each prompt that it holds; null for members. A point is `days_per_point` days.
    """

    items: list[PromptItem]
    next: str | None = None
    since: str
    until: str
    uses: int | None
    days_per_point: int


class VersionItem(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a prompt of code, with the commits that hold it, first and last."""

    version: str
    text: str
    holes: list[str]
    is_newest: bool
    line: int
    first_commit: str
    first_at: str | None
    last_commit: str
    last_at: str | None
    traffic: Traffic | None


class ManagedTwin(msgspec.Struct, frozen=True, kw_only=True):
    """A managed prompt whose newest version says, in one of its messages, nearly what a prompt of code says;
    or that goes by its name (`by`), where none does. `likeness` is 1 where they say the same."""

    name: str
    version: int
    message: int
    likeness: float
    by: Literal["text", "name"]


class PromptDetail(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="prompt"):
    """A prompt of code with its versions, the newest first."""

    kind: Literal["code"]
    name: str
    project: str
    source: str
    path: str
    symbol: str
    state: State
    parameters: list[dict[str, Any]]
    """What is hard-coded in the same file, at the head."""
    versions: list[VersionItem]
    twin: ManagedTwin | None = None


class VersionDetail(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="prompt_version"):
    """A version of a prompt of code, in full."""

    kind: Literal["code"]
    name: str
    project: str
    source: str
    version: VersionItem
    parts: list[Part]


class UnknownItem(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that no template explains, by what they share: `<*>` stands where they differ. `share` is the
    part of the calls looked at that hold one."""

    id: str
    project: str
    role: str
    template: str
    example: str
    calls: int
    share: float
    first_seen: str
    last_seen: str


def name_of(path: str, symbol: str) -> str:
    """Return the name of a prompt of code."""
    return f"{path}:{symbol}"


def digest_of(*names: str) -> uuid.UUID:
    """Return a digest of names, for an index."""
    return uuid.UUID(bytes=hashlib.sha256("\0".join(names).encode("utf-8", "replace")).digest()[:16])


def commits_digest(ids: Iterable[str]) -> bytes:
    """Return the SHA-256 of commits' ids, each with a line end."""
    digest = hashlib.sha256()
    for each in ids:
        digest.update(each.encode() + b"\n")
    return digest.digest()
