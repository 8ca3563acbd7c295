"""What a gateway knows of live objects and of the active snapshot, and the copy of it on disk.

The copy lets a gateway start while the database is away, with every budget still in force. Keys have a file
of their own (`access.book`). Never asks the database: that is `gateway.refresh`.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from headgate.access.book import AccessBook, KeyChange
from headgate.access.model import Key
from headgate.experiments.model import (
    ASSIGNMENT_ID,
    LIVE_ASSIGNMENT,
    LIVE_END,
    LIVE_SHARES,
    AssignmentSecret,
    Ended,
    Shares,
)
from headgate.meters.model import Budget, RateLimit
from headgate.prompts.managed.model import ManagedPrompt
from headgate.releases.model import Environment
from headgate.releases.rules import Rule
from headgate.rollouts.model import LIVE_STAGE, Standing
from headgate.store.live import LiveObject

log = logging.getLogger("headgate.gateway")


class KnownState(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the copy on disk."""

    snapshot: str
    document: str
    budgets: tuple[Budget, ...]
    rate_limits: tuple[RateLimit, ...]
    rules: tuple[Rule, ...] = ()
    prompts: tuple[ManagedPrompt, ...] = ()
    environments: tuple[Environment, ...] = ()
    assignment: AssignmentSecret | None = None
    ended: tuple[Ended, ...] = ()
    rollouts: tuple[Standing, ...] = ()
    shares: tuple[Shares, ...] = ()


class LiveState:
    """The live objects as this process knows them, and the sequence up to which it does."""

    __slots__ = (
        "assignment",
        "book",
        "budgets",
        "ended",
        "environments",
        "prompts",
        "rate_limits",
        "rollouts",
        "rules",
        "seq",
        "server",
        "shares",
        "unread",
    )

    def __init__(self, book: AccessBook) -> None:
        self.book = book
        self.seq = 0
        self.server: str | None = None
        """Whose sequence it is; None before the database was first read."""
        self.budgets: dict[str, Budget] = {}
        self.rate_limits: dict[str, RateLimit] = {}
        self.rules: dict[str, Rule] = {}
        self.prompts: dict[str, ManagedPrompt] = {}
        self.environments: dict[str, Environment] = {}
        self.assignment: dict[str, AssignmentSecret] = {}
        self.ended: dict[str, Ended] = {}
        """Versions of experiments that assign nobody any more."""
        self.rollouts: dict[str, Standing] = {}
        """Where rollouts stand, by their versions."""
        self.shares: dict[str, Shares] = {}
        """By what shares adaptive experiments assign, by their versions."""
        self.unread: set[tuple[str, str]] = set()
        """Kind and id of what is in force and can't be read by this version."""

    @property
    def secret(self) -> bytes | None:
        """The secret by which experiments assign; None before there was one."""
        found = self.assignment.get(ASSIGNMENT_ID)
        return None if found is None else bytes.fromhex(found.secret)

    def apply(self, objects: Sequence[LiveObject]) -> bool:
        """Take changes in order; say whether something else than a key is among them.

        A key that this version can't read is refused; anything else that it can't read stays as it was, and
        is named in `unread` until it can.
        """
        changed = False
        tables: dict[str, tuple[dict[str, Any], type[Any]]] = {
            "budget": (self.budgets, Budget),
            "rate_limit": (self.rate_limits, RateLimit),
            "rule": (self.rules, Rule),
            "prompt": (self.prompts, ManagedPrompt),
            "environment": (self.environments, Environment),
            LIVE_ASSIGNMENT: (self.assignment, AssignmentSecret),
            LIVE_END: (self.ended, Ended),
            LIVE_STAGE: (self.rollouts, Standing),
            LIVE_SHARES: (self.shares, Shares),
        }
        for item in objects:
            self.seq = max(self.seq, item.seq)
            if item.kind == "key":
                self.book.apply([KeyChange(id=item.id, seq=item.seq, key=_key_of(item))])
            elif item.kind in tables:
                changed = True
                self._put(*tables[item.kind], item)
        return changed

    def _put(self, table: dict[str, Any], kind: type[Any], item: LiveObject) -> None:
        self.unread.discard((item.kind, item.id))
        if item.body is None:
            table.pop(item.id, None)
            return
        try:
            table[item.id] = msgspec.json.decode(item.body, type=kind)
        except msgspec.MsgspecError as error:
            self.unread.add((item.kind, item.id))
            log.error("%s %s can't be read by this version and does not hold: %s", item.kind, item.id, error)

    def forget(self) -> None:
        """Begin again from nothing: the database has gone back behind what is known."""
        self.seq = 0
        self.unread.clear()
        self.budgets.clear()
        self.rate_limits.clear()
        self.rules.clear()
        self.prompts.clear()
        self.environments.clear()
        self.assignment.clear()
        self.ended.clear()
        self.rollouts.clear()
        self.shares.clear()
        self.book.replace((), seq=0)


def _key_of(item: LiveObject) -> Key | None:
    if item.body is None:
        return None
    try:
        return msgspec.json.decode(item.body, type=Key)
    except msgspec.MsgspecError as error:
        log.error("key %s can't be read by this version and is refused: %s", item.id, error)
        return None


def write_state(path: Path, state: KnownState) -> None:
    """Write the copy beside `path` and move it into place. Blocks."""
    beside = path.with_suffix(".new")
    beside.touch(mode=0o600)
    beside.write_bytes(msgspec.json.encode(state))
    beside.replace(path)


def read_state(path: Path) -> KnownState | None:
    """Return the copy on disk; None where there is none that this version reads. Blocks."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=KnownState)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
