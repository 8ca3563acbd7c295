"""Override rules: which calls one matches, and what it sets, removes, clamps, replaces or pins. Pure values.

A rule is a live object of the kind `rule`; each change makes a new version. Never touches a body: that is
`releases.applying`. Read next: `releases.model`.
"""

from typing import Any

import msgspec

KIND = "rule"


class RuleMatch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which calls: every part that is given must fit. `headers` are lower-case names with their values."""

    project: str | None = None
    template: str | None = None
    """A prompt as the catalogue names it, `path:symbol`."""
    model: str | None = None
    """The name that the client asks for, or a prefix that ends in `*`."""
    tag: str | None = None
    headers: dict[str, str] = {}


class Clamp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The range into which a number is moved; a parameter that is absent stays so."""

    least: float | None = None
    most: float | None = None


class Replacement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A literal fragment of a prompt, and what stands in its place."""

    old: str
    new: str


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of a rule. Parameters go by their canonical names (`releases.parameters`) or by their own.

    `share` is the part of its calls, between 0 and 1, sticky by user, session or call; `expires_ms` ends it.
    """

    name: str
    version: int
    match: RuleMatch = msgspec.field(default_factory=RuleMatch)
    set: dict[str, Any] = {}
    remove: tuple[str, ...] = ()
    clamp: dict[str, Clamp] = {}
    replace: tuple[Replacement, ...] = ()
    model: str | None = None
    """The alias or `provider/model` that takes the call instead."""
    share: float = 1.0
    expires_ms: int | None = None
    fragments: tuple[str, ...] = ()
    """Literal fragments of the newest version of the template that is matched, as the catalogue has them."""
    earlier: tuple[tuple[str, ...], ...] = ()
    """The same of its earlier versions, which other deployments may run."""
    note: str = ""

    @property
    def label(self) -> str:
        """How the record names it: `rule NAME@VERSION`."""
        return f"rule {self.name}@{self.version}"
