"""What a caller may do with a name: worked out once, and remembered for all calls that say the same.

A standing holds for one state of snapshot, secrets and meters (`gateway.plane.Current`), and for one key as
it is now: a changed or revoked key is another object, so that what was remembered of it is never found again.
Never here: anything that only one call says, such as its session. Read next: `gateway.steps`.
"""

from typing import Final

from headgate.access.caller import Asserted, caller_of, may_use_model, read_tags
from headgate.access.model import Caller, Key
from headgate.catalog.model import Target
from headgate.config.snapshot import Alias, Snapshot
from headgate.core.entries import Excluded
from headgate.core.faults import NotAllowed
from headgate.gateway.trials import Trials
from headgate.gateway.way import Way, Ways
from headgate.meters.model import Subject

STANDINGS_MAX: Final = 4096
SAID_CHARACTERS_MAX: Final = 1024
"""What is longer is worked out anew each time: nobody is to fill the memory with it."""

Said = tuple[str | None, tuple[str, ...], bytes, bytes, bytes, bytes]
"""What a call says of itself, but for its session: user and tags of the body, then user, tags, labels and
release of the headers."""

StandingIdentity = tuple[int, str, str, Said]
"""A key by its identity in memory, the model that a call goes on with, the name that it asked for where that
is another, and what it says of itself."""


class Standing:
    """A caller, the alias that it asks for, the targets that its label admits, and the ways to them."""

    __slots__ = (
        "_subjects",
        "alias",
        "arms",
        "caller",
        "excluded",
        "key",
        "subject",
        "targets",
        "trials",
        "ways",
    )

    def __init__(self, key: Key, caller: Caller, alias: Alias, ways: Ways) -> None:
        self.key = key
        self.caller = caller
        self.alias = alias
        self.targets: tuple[Target, ...] = ()
        self.excluded: tuple[Excluded, ...] = ()
        self.subject = subject_of(caller, alias.name)
        """What calls are counted under before a target is chosen."""
        self.ways = ways
        self.trials: Trials | None = None
        """The experiments that the caller may be in."""
        self.arms: dict[tuple[str, str], Standing] = {}
        """Its standings in arms that are served by other targets, as calls come to be in them."""
        self._subjects: dict[str, Subject] = {}

    def subject_at(self, way: Way) -> Subject:
        """Return what attempts at a target are counted under."""
        subject = self._subjects.get(way.name)
        if subject is None:
            subject = subject_of(self.caller, self.alias.name, way.target)
            self._subjects[way.name] = subject
        return subject


def is_short(said: Said) -> bool:
    """Say whether what a call says of itself is short enough to be remembered."""
    user, tags, *headers = said
    return len(user or "") + sum(map(len, tags)) + sum(map(len, headers)) <= SAID_CHARACTERS_MAX


def subject_of(caller: Caller, model: str, target: Target | None = None) -> Subject:
    """Return what a caller's calls for a model are counted under, at a target or before one is chosen."""
    return Subject(
        project=caller.project,
        key=caller.key,
        user=caller.user or caller.key,
        alias=model,
        tags=caller.tags,
        provider=target.provider.name if target else "",
        target=target.name if target else "",
    )


def identify(snapshot: Snapshot, key: Key, said: Said) -> Caller:
    """Weigh what the request asserts against what its key says. Raises InvalidRequest for no value."""
    body_user, body_tags, user, tags, labels, release = said
    return caller_of(
        key,
        snapshot.project(key.project),
        Asserted(
            user=_text(user) or body_user,
            tags=(*body_tags, *read_tags(_text(tags))) if tags else body_tags,
            labels=_text(labels) or None,
            release=_text(release) or None,
        ),
    )


def check_model(snapshot: Snapshot, key: Key, name: str) -> None:
    """Raise NotAllowed unless key and project allow the name."""
    if not may_use_model(key, snapshot.project(key.project), name):
        raise NotAllowed(f"this key may not use the model {name!r}; ask for it in the key's models")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
