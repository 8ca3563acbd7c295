"""Managed prompts: named templates with model, parameters, tools and schema in one version. Pure values.

A managed prompt is a live object of the kind `prompt` that carries its labels and the versions in use.
Read next: `managed.checking` (what a version may hold), `managed.rendering`.
"""

import hashlib
from typing import Any, Final, Literal

import msgspec

KIND = "prompt"

Engine = Literal["mustache", "jinja"]
Role = Literal["system", "user", "assistant"]

PRODUCTION: Final = "production"
LATEST: Final = "latest"
"""The label that always means the newest version; it can't be moved."""


class ManagedMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message of a prompt; `content` is a template."""

    role: Role
    content: str


class ManagedTool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A function that the model may call. `parameters` is the JSON Schema of its arguments, as text: models
    heed the order of its members, which the database would not keep."""

    name: str
    description: str = ""
    parameters: str = ""


class ManagedVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, eq=False):
    """One version, which never changes. Parameters go by their canonical names.

    Known by its identity, so that what is worked out of it can be kept; `digest` tells what says the same.
    """

    number: int
    engine: Engine = "mustache"
    messages: tuple[ManagedMessage, ...] = ()
    model: str | None = None
    parameters: dict[str, Any] = {}
    tools: tuple[ManagedTool, ...] = ()
    response_schema: str | None = None
    """JSON text, whose members keep their order."""
    digest: str = ""
    """SHA-256 of what it says, in hex: two versions that say the same have the same."""
    created_ms: int = 0
    created_by: str = ""
    note: str = ""


class ManagedPrompt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prompt of a project with its labels (`production`: 7) and the versions that calls may ask for."""

    project: str
    name: str
    labels: dict[str, int] = {}
    versions: tuple[ManagedVersion, ...] = ()
    archived: bool = False
    """Whether calls are refused that ask for it; it stands until it is deleted."""

    @property
    def id(self) -> str:
        """Its id among live objects."""
        return prompt_id(self.project, self.name)

    @property
    def latest(self) -> int:
        """The number of its newest version; 0 where it has none."""
        return max((version.number for version in self.versions), default=0)

    def version(self, number: int) -> ManagedVersion | None:
        """Return the version of that number, if calls may ask for it."""
        return next((each for each in self.versions if each.number == number), None)


def prompt_id(project: str, name: str) -> str:
    """Return the id of a project's prompt among live objects."""
    return f"{project}/{name}"


def digest_of(version: ManagedVersion) -> str:
    """Return the SHA-256 of what a version says, in hex; who made it and when is no part of that."""
    said = {
        "engine": version.engine,
        "messages": version.messages,
        "model": version.model,
        "parameters": version.parameters,
        "tools": version.tools,
        "response_schema": version.response_schema,
    }
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def source_of(name: str, number: int) -> str:
    """Return how records name a version as the source of a parameter: `prompt NAME@VERSION`."""
    return f"prompt {name}@{number}"
