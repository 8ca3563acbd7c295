"""Environments and releases: a named pointer, and the manifest that it points to. Pure values.

An environment is a live object of the kind `environment` that carries all that its release fixes, so that a
promotion or a rollback reaches every gateway whole, in one change. Read next: `releases.rules`,
`releases.manifests`.
"""

from typing import Any, Literal

import msgspec

from headgate.releases.rules import Rule

KIND = "environment"

PartName = Literal[
    "commit",
    "prompts",
    "parameters",
    "models",
    "tools",
    "pins",
    "rules",
    "managed",
    "dependencies",
    "prices",
]
"""The parts of a manifest, each with a digest of its own."""


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


class PromptInCode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A prompt that stands in the code: `text` has its holes as `{name}`, `version` is its hash."""

    path: str
    symbol: str
    version: str
    text: str
    kind: str = ""

    @property
    def name(self) -> str:
        """How records name it."""
        return f"{self.path}:{self.symbol}"


class ParameterInCode(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """A parameter of a model call that is written into the code; without its line, which moves often."""

    path: str
    symbol: str
    name: str
    value: str
    call: str = ""


class ToolInCode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A tool that the code offers to models."""

    path: str
    name: str
    version: str
    text: str = ""


class ManagedInRelease(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A managed prompt: the versions that its labels meant, and the newest, when the release was made."""

    labels: dict[str, int] = {}
    newest: int = 0


class CodeFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a team's CI knows: the code's part of a manifest. `dirty` is a digest of what is not committed."""

    commit: str
    dirty: str = ""
    prompts: tuple[PromptInCode, ...] = ()
    parameters: tuple[ParameterInCode, ...] = ()
    models: tuple[str, ...] = ()
    tools: tuple[ToolInCode, ...] = ()
    dependencies: dict[str, str] = {}


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that goes out together. Its id says what it holds: the same content has the same id.

    `rules` are whole bodies, so that they hold as they were whatever becomes of the live ones.
    """

    code: CodeFacts
    pins: dict[str, str] = {}
    """Aliases, each to the `provider/model` that its calls go to."""
    rules: tuple[Rule, ...] = ()
    managed: dict[str, ManagedInRelease] = {}
    prices: str = ""
    """Which price table: its source and version."""


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest that is stored, with what was said of it. None of that is part of its id."""

    project: str
    id: str
    name: str
    commit: str
    dirty: str
    note: str
    label: str
    """The environment that it was made for, whose label says which managed prompts hold."""
    created_at: str
    created_by: str
    parts: dict[str, str]
    manifest: Manifest


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """One move of an environment's pointer. Empty releases stand for none."""

    project: str
    environment: str
    action: Literal["promote", "rollback", "clear"]
    release: str
    previous: str
    at: str
    actor: str
    why: str = ""


def fixed_by(release: Release, name: str) -> Environment:
    """Return an environment of that name as the release fixes it, ready to be put in force."""
    manifest = release.manifest
    return Environment(
        project=release.project,
        name=name,
        release=release.id,
        commit=release.commit,
        prompts={
            prompt: version
            for prompt, held in sorted(manifest.managed.items())
            if (version := _version_for(held, (name, release.label))) is not None
        },
        models=dict(sorted(manifest.pins.items())),
        rules=tuple(sorted(manifest.rules, key=lambda rule: rule.name)),
    )


def _version_for(held: ManagedInRelease, labels: tuple[str, ...]) -> int | None:
    """The version that the first of these labels meant; else the newest; None where there is none."""
    found = next((held.labels[label] for label in labels if label in held.labels), held.newest)
    return found or None


def audited(environment: Environment | None) -> dict[str, Any] | None:
    """Return what the audit log keeps of an environment."""
    if environment is None:
        return None
    return {
        "release": environment.release or None,
        "commit": environment.commit or None,
        "prompts": environment.prompts,
        "models": environment.models,
        "rules": [f"{rule.name}@{rule.version}" for rule in environment.rules],
    }
