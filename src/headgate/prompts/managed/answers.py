"""What the API says of managed prompts. Pure. Read next: `managed.http`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from headgate.core.pages import format_datetime
from headgate.prompts.managed.checking import LABELS_MAX, NewVersion
from headgate.prompts.managed.differences import Difference, SideBySide
from headgate.prompts.managed.model import LATEST, Engine, ManagedMessage, ManagedVersion
from headgate.prompts.managed.rendering import templates_of
from headgate.prompts.managed.store import ListedPrompt, StoredPrompt, StoredVersion
from headgate.prompts.managed.work import Refusal

Labels = Annotated[tuple[str, ...], msgspec.Meta(max_length=LABELS_MAX)]


class CreateVersion(NewVersion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version to be made, with the labels that are moved to it in the same step."""

    labels: Labels = ()


class MoveLabel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a label goes. With `from_version`, only if it is there now (0: nowhere)."""

    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
    from_version: int | None = None


class Archive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """To archive a prompt, or to take it back: the address says it all."""


class RenderPrompt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to render, for a look at it. With `dialect`, as a gateway would send it on; `body` is then what
    the call says besides."""

    version: int | str | None = None
    variables: dict[str, Any] = {}
    strict: bool = False
    dialect: Literal["openai-chat", "openai-responses", "anthropic", "google"] | None = None
    body: dict[str, Any] = {}


class PromptVariable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable of a version; `required` where it is written whatever the others are."""

    name: str
    required: bool


class PromptTool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the model may call."""

    name: str
    description: str
    parameters: dict[str, Any] | None


class ManagedVersionView(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="managed_version"
):
    """One version of a managed prompt, in full."""

    kind: Literal["managed"] = "managed"
    name: str
    project: str
    version: int
    labels: list[str]
    engine: Engine
    messages: tuple[ManagedMessage, ...]
    model: str | None
    parameters: dict[str, Any]
    tools: list[PromptTool]
    response_schema: dict[str, Any] | None
    variables: list[PromptVariable]
    digest: str
    note: str
    created_at: str
    created_by: str


class ManagedVersionMade(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="managed_version_made"
):
    """A version that was made; `made` is false where the newest one says the same, which it then is.
    `not_acknowledged` names live gateways that do not have it yet."""

    version: ManagedVersionView
    made: bool
    not_acknowledged: list[str]


class ManagedVersionItem(msgspec.Struct, frozen=True, kw_only=True):
    """A version as a prompt's history lists it."""

    version: int
    labels: list[str]
    model: str | None
    digest: str
    note: str
    created_at: str
    created_by: str


class PromptTwin(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt in code that says nearly the same as a message of a managed one, and how they differ.

    Where none says nearly the same, one that goes by its name (`by`). `likeness` is 1 where they say the
    same; `unified` and `rows` go from the code's text to the managed one.
    """

    name: str
    source: str
    version: str
    message: int
    likeness: float
    by: Literal["text", "name"]
    unified: str
    rows: tuple[SideBySide, ...]


class ManagedPromptView(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="managed_prompt"):
    """A managed prompt with its history, the newest version first; the last 500 of them.

    `twin` is the prompt in code that says nearly what the newest version says.
    """

    kind: Literal["managed"] = "managed"
    name: str
    project: str
    labels: dict[str, int]
    newest: ManagedVersionView
    archived: bool
    versions: list[ManagedVersionItem]
    twin: PromptTwin | None
    created_at: str
    created_by: str
    changed_at: str


class ManagedDifference(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="managed_difference"
):
    """What changed from version `a` to version `b`, of their files' text."""

    name: str
    project: str
    a: int
    b: int
    unified: str
    rows: tuple[SideBySide, ...]


class RenderedView(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="rendered_prompt"):
    """A prompt with its variables put in. `request` is the body that a gateway would send on, and `changes`
    what the dialect has no place for."""

    name: str
    version: int
    messages: list[ManagedMessage]
    request: dict[str, Any] | None
    changes: list[str]


class ManagedPromptChanged(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="managed_prompt_changed"
):
    """A prompt after its labels, or that it is archived, have changed."""

    name: str
    project: str
    labels: dict[str, int]
    archived: bool
    not_acknowledged: list[str]


class ManagedPromptDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt that is gone, with all its versions."""

    name: str
    project: str
    deleted: bool
    not_acknowledged: list[str]


def version_view(prompt: StoredPrompt, stored: StoredVersion) -> ManagedVersionView:
    """Show a version in full."""
    version = stored.version
    return ManagedVersionView(
        name=prompt.name,
        project=prompt.project,
        version=version.number,
        labels=labels_of(prompt.labels, version.number, prompt.newest),
        engine=version.engine,
        messages=version.messages,
        model=version.model,
        parameters=version.parameters,
        tools=[
            PromptTool(
                name=tool.name,
                description=tool.description,
                parameters=msgspec.json.decode(tool.parameters) if tool.parameters else None,
            )
            for tool in version.tools
        ],
        response_schema=None
        if version.response_schema is None
        else msgspec.json.decode(version.response_schema),
        variables=variables_of(version),
        digest=version.digest,
        note=version.note,
        created_at=format_datetime(stored.created_at),
        created_by=stored.created_by,
    )


def version_item(prompt: StoredPrompt, stored: StoredVersion) -> ManagedVersionItem:
    """Show a version in a line."""
    version = stored.version
    return ManagedVersionItem(
        version=version.number,
        labels=labels_of(prompt.labels, version.number, prompt.newest),
        model=version.model,
        digest=version.digest,
        note=version.note,
        created_at=format_datetime(stored.created_at),
        created_by=stored.created_by,
    )


def labels_of(labels: Mapping[str, int], number: int, newest: int) -> list[str]:
    """Return the labels that mean a version."""
    found = sorted(label for label, at in labels.items() if at == number)
    return [*found, LATEST] if number == newest else found


def variables_of(version: ManagedVersion) -> list[PromptVariable]:
    """Return what a version's templates read; nothing for templates that this version of ours refuses."""
    try:
        templates = templates_of(version)
    except Refusal:
        return []
    names = frozenset[str]().union(*(template.names for template in templates))
    required = frozenset[str]().union(*(template.required for template in templates))
    return [PromptVariable(name=name, required=name in required) for name in sorted(names)]


def difference_view(prompt: StoredPrompt, numbers: tuple[int, int], found: Difference) -> ManagedDifference:
    """Show what changed between two versions."""
    return ManagedDifference(
        name=prompt.name,
        project=prompt.project,
        a=numbers[0],
        b=numbers[1],
        unified=found.unified,
        rows=found.rows,
    )


def first_text(listed: ListedPrompt) -> str:
    """Return the beginning of what a prompt says, for a list."""
    messages = listed.newest.version.messages
    return messages[0].content[:200] if messages else ""
