"""Keys, callers, roles and projects as frozen values. Pure.

A key's secret never stands here: only its SHA-256 digest. A key's own budgets and rate limits are meters
with `key` set (`meters.model`), not part of the key.
"""

from hmac import compare_digest
from typing import Literal

import msgspec

from headgate.core.call import RecordMode
from headgate.core.labels import UNRESTRICTED, Label

Role = Literal["admin", "project_admin", "member", "viewer"]
"""admin: everything. project_admin: keys, budgets and records of its project, and calls. member: calls, and
the records of its own calls. viewer: reads the project's records and costs, makes no calls."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What a client presents, as the access log carries it (JSON). Times are Unix milliseconds."""

    id: str
    name: str
    digest: bytes
    """SHA-256 of the whole key text."""
    project: str = "default"
    role: Role = "member"
    user: str | None = None
    models: tuple[str, ...] | None = None
    """Names or `prefix*` patterns that this key may ask for; None: what the project allows."""
    tags: tuple[str, ...] = ()
    may_assert: bool = False
    """Whether user, tags and release that a request asserts count."""
    record: RecordMode | None = None
    """Overrides the project's mode, but only towards recording less."""
    created_ms: int = 0
    expires_ms: int | None = None
    managed_by: Literal["file", "console"] = "console"
    environment: str = ""
    """The environment that its calls belong to, whose release then holds for them."""
    earlier_digest: bytes = b""
    """Of the text that it had before it was rotated, which is taken until `earlier_until_ms`."""
    earlier_until_ms: int | None = None

    def has_earlier(self, digest: bytes, now_ms: int) -> bool:
        """Say whether a digest is that of the text before the last rotation, while that is still taken."""
        until_ms = self.earlier_until_ms
        return until_ms is not None and now_ms < until_ms and compare_digest(digest, self.earlier_digest)


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's rules: which models, which regions, what is recorded and for how long."""

    name: str
    models: tuple[str, ...] | None = None
    regions: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    record: RecordMode = "full"
    retention_days: int = 30
    check_retention_days: int = 365

    @property
    def label(self) -> Label:
        """The label that every call of the project carries."""
        if self.regions is None and self.purposes is None:
            return UNRESTRICTED
        return Label(regions=self.regions, purposes=self.purposes)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is behind a call, after what the request asserts was weighed against what the key says."""

    key: str
    project: str
    role: Role
    user: str
    """Empty when neither key nor request names one."""
    tags: tuple[str, ...]
    session: str
    models: tuple[str, ...] | None
    record: RecordMode
    label: Label
    release: str = ""
    """What the request asserts, for keys that may; empty otherwise."""
