"""Environments and releases: a named pointer, and the manifest that it points to. Pure values.

An environment is a live object of the kind `environment` that carries all that its release fixes, so that a
promotion or a rollback reaches every gateway whole, in one change. Read next: `releases.rules`.
"""

import msgspec

from headgate.releases.rules import Rule

KIND = "environment"


class Environment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What calls of an environment get. Where `release` is empty nothing is fixed, and live rules hold."""

    project: str
    name: str
    release: str = ""
    """The id of the release that is in force."""
    commit: str = ""
    prompts: dict[str, int] = {}
    """Managed prompts by name, and the version of each that the release holds."""
    models: dict[str, str] = {}
    """Aliases that the release pins, each to a target."""
    rules: tuple[Rule, ...] = ()

    @property
    def id(self) -> str:
        """Its id among live objects."""
        return environment_id(self.project, self.name)


def environment_id(project: str, name: str) -> str:
    """Return the id of a project's environment among live objects."""
    return f"{project}/{name}"
