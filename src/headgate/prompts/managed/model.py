"""Managed prompts: named templates with model, parameters, tools and schema in one version. Pure values.

A managed prompt is a live object of the kind `prompt` that carries its labels and the versions in use.
Read next: `managed.rendering`.
"""

from typing import Any, Literal

import msgspec

KIND = "prompt"

Engine = Literal["mustache", "jinja"]


class ManagedMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message of a prompt; `content` is a template."""

    role: Literal["system", "user", "assistant"]
    content: str


class ManagedVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version, which never changes. Parameters go by their canonical names."""

    number: int
    engine: Engine = "mustache"
    messages: tuple[ManagedMessage, ...] = ()
    model: str | None = None
    parameters: dict[str, Any] = {}
    tools: tuple[dict[str, Any], ...] = ()
    response_schema: dict[str, Any] | None = None
    created_ms: int = 0
    created_by: str = ""
    note: str = ""


class ManagedPrompt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prompt of a project with its labels (`production`: 7) and the versions that calls may ask for."""

    project: str
    name: str
    labels: dict[str, int] = {}
    versions: tuple[ManagedVersion, ...] = ()

    @property
    def id(self) -> str:
        """Its id among live objects."""
        return prompt_id(self.project, self.name)


def prompt_id(project: str, name: str) -> str:
    """Return the id of a project's prompt among live objects."""
    return f"{project}/{name}"
