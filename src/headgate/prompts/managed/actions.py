"""What the routes of managed prompts do, each in a transaction with its row in the audit log.

An address is what stands behind `/prompts/`: a name, which may hold slashes, and what of it is meant. Never
decides who may: the gate and `managed.http` do. Read next: `managed.store`, `managed.answers`.
"""

import asyncio
import re
from typing import Any, Final

import msgspec

from headgate.access.changes import Changes
from headgate.access.model import Key
from headgate.access.roles import Visible, visible
from headgate.access.store import AuditEntry, write_audit
from headgate.core.faults import Conflict, InvalidRequest, NotAllowed, NotFound
from headgate.core.pages import format_datetime
from headgate.prompts.managed import store
from headgate.prompts.managed.answers import (
    CreateVersion,
    ManagedDifference,
    ManagedPromptChanged,
    ManagedPromptDeleted,
    ManagedPromptView,
    ManagedVersionMade,
    ManagedVersionView,
    MoveLabel,
    RenderedView,
    RenderPrompt,
    difference_view,
    version_item,
    version_view,
)
from headgate.prompts.managed.checking import check_label, check_name, check_project, checked
from headgate.prompts.managed.differences import compare_versions
from headgate.prompts.managed.model import KIND, ManagedMessage, ManagedPrompt, ManagedVersion
from headgate.prompts.managed.rendering import render_call, texts_of
from headgate.prompts.managed.store import StoredPrompt
from headgate.prompts.managed.twins import find_twin
from headgate.store.database import Connection, Database

VERSIONS_SHOWN_MAX: Final = 500

_ADDRESS: Final = re.compile(
    r"(?P<name>.+?)(?:/(?P<part>versions|labels)(?:/(?P<item>[^/]+))?|/(?P<verb>diff|render|archive|unarchive))?"
)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt's name and what of it is meant: `part` with its `item`, or a verb as the part."""

    name: str
    part: str = ""
    item: str = ""

    @property
    def number_or_label(self) -> int | str:
        """What stands behind `versions/`: digits are a number."""
        return _number_or_label(self.item)


def read_address(text: str) -> Address:
    """Read what stands behind `/prompts/`."""
    found = _ADDRESS.fullmatch(text.strip("/"))
    if found is None:
        raise NotFound("there is no prompt without a name")
    name, part, item, verb = found.group("name", "part", "item", "verb")
    return Address(name=name, part=part or verb or "", item=item or "")


def project_for(caller: Key, wanted: str | None) -> str:
    """Return the project that a request means.

    Raises NotAllowed for one that the caller does not see, InvalidRequest for what is no project's name.
    """
    seen: Visible = visible(caller)
    if wanted is None:
        return "default" if seen.project_ids is None else caller.project
    check_project(wanted)
    if not seen.sees(wanted):
        raise NotAllowed(f"your key belongs to project {caller.project!r}, not to {wanted!r}")
    return wanted


async def show_prompt(connection: Connection, project: str, address: Address) -> ManagedPromptView:
    """Return a prompt with its history and its twin in code. Raises NotFound."""
    prompt = await store.get(connection, project, address.name)
    newest = await store.get_version(connection, prompt, prompt.newest)
    versions = await store.list_versions(connection, prompt, limit=VERSIONS_SHOWN_MAX)
    return ManagedPromptView(
        name=prompt.name,
        project=project,
        labels=prompt.labels,
        newest=version_view(prompt, newest),
        archived=prompt.archived,
        versions=[version_item(prompt, each) for each in versions],
        twin=await find_twin(connection, project, prompt.name, newest.version),
        created_at=format_datetime(prompt.created_at),
        created_by=prompt.created_by,
        changed_at=format_datetime(prompt.changed_at),
    )


async def show_version(connection: Connection, project: str, address: Address) -> ManagedVersionView:
    """Return a version by its number or a label. Raises NotFound."""
    prompt = await store.get(connection, project, address.name)
    return version_view(prompt, await store.get_version(connection, prompt, address.number_or_label))


async def show_difference(
    connection: Connection, project: str, address: Address, between: tuple[str | None, str | None]
) -> ManagedDifference:
    """Return what changed between two versions; by default from the one before the newest to the newest."""
    prompt = await store.get(connection, project, address.name)
    numbers = [_number(prompt, text) for text in between]
    after = numbers[1] or prompt.newest
    before = numbers[0] or max(1, after - 1)
    first = await store.get_version(connection, prompt, before)
    second = await store.get_version(connection, prompt, after)
    found = await asyncio.to_thread(compare_versions, prompt.name, first.version, second.version)
    return difference_view(prompt, (before, after), found)


def _number(prompt: StoredPrompt, text: str | None) -> int | None:
    if text is None:
        return None
    return prompt.number(_number_or_label(text))


def _number_or_label(text: str) -> int | str:
    # No prompt has a version of more digits, nor a label of digits only: that is not found.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else text


async def create_version(
    changes: Changes, caller: Key, address: Address, body: dict[str, Any], project: str | None
) -> ManagedVersionMade:
    """Make a version, and the prompt where it is new; labels that are named move to it in the same step."""
    new = read_as(body, CreateVersion)
    of_project = project_for(caller, project)
    name = check_name(address.name)
    labels = [check_label(label) for label in new.labels]
    version = await asyncio.to_thread(checked, new)
    async with changes.database.transaction() as connection:
        prompt = await store.make(connection, of_project, name, caller.id)
        if prompt.archived:
            raise Conflict(f"prompt {name!r} is archived; take it back before it gets a new version")
        after, number = await store.add_version(connection, prompt, version, caller.id)
        after = store.labelled(after, labels, number)
        seq = await store.save(connection, after) if after != prompt else 0
        stored = await store.get_version(connection, after, number)
        if after != prompt:
            said = {"version": number, "digest": version.digest, "labels": after.labels}
            before = {"labels": prompt.labels} if prompt.newest else None
            await _audit(connection, caller, prompt, "create_version", (before, said))
    late = await changes.settled(seq) if seq else []
    return ManagedVersionMade(
        version=version_view(after, stored), made=after.newest != prompt.newest, not_acknowledged=late
    )


async def move_label(
    changes: Changes, caller: Key, project: str, address: Address, body: dict[str, Any]
) -> ManagedPromptChanged:
    """Move a label to a version. Raises Conflict where it is not where the caller says that it is."""
    move = read_as(body, MoveLabel)
    label = check_label(address.item)
    async with changes.database.transaction() as connection:
        prompt = await store.get(connection, project, address.name, lock=True)
        await store.get_version(connection, prompt, move.version)
        at = prompt.labels.get(label, 0)
        if move.from_version is not None and move.from_version != at:
            raise Conflict(
                f"label {label!r} of prompt {prompt.name!r} is at version {at}, not {move.from_version}"
            )
        after = store.labelled(prompt, [label], move.version)
        seq = await store.save(connection, after)
        await _audit(connection, caller, prompt, "move_label", ({label: at or None}, {label: move.version}))
    return await _changed(changes, after, seq)


async def remove_label(changes: Changes, caller: Key, project: str, address: Address) -> ManagedPromptChanged:
    """Take a label away. Raises NotFound where the prompt has it not."""
    label = check_label(address.item)
    async with changes.database.transaction() as connection:
        prompt = await store.get(connection, project, address.name, lock=True)
        at = prompt.number(label)
        labels = {name: number for name, number in prompt.labels.items() if name != label}
        after = msgspec.structs.replace(prompt, labels=labels)
        seq = await store.save(connection, after)
        await _audit(connection, caller, prompt, "remove_label", ({label: at}, {label: None}))
    return await _changed(changes, after, seq)


async def archive(
    changes: Changes, caller: Key, project: str, address: Address, *, archived: bool
) -> ManagedPromptChanged:
    """Archive a prompt, so that calls that ask for it are refused, or take it back."""
    async with changes.database.transaction() as connection:
        prompt = await store.get(connection, project, address.name, lock=True)
        after = msgspec.structs.replace(prompt, archived=archived)
        seq = await store.save(connection, after)
        if archived:
            await store.check_not_pinned(connection, prompt)
        verb = "archive" if archived else "unarchive"
        said = ({"archived": prompt.archived}, {"archived": archived})
        await _audit(connection, caller, prompt, verb, said)
    return await _changed(changes, after, seq)


async def delete(changes: Changes, caller: Key, project: str, address: Address) -> ManagedPromptDeleted:
    """Delete a prompt with all its versions. Raises Conflict while a release in force holds it."""
    async with changes.database.transaction() as connection:
        prompt = await store.get(connection, project, address.name, lock=True)
        seq = await store.delete(connection, prompt)
        await store.check_not_pinned(connection, prompt)
        before = {"labels": prompt.labels, "newest": prompt.newest}
        await _audit(connection, caller, prompt, "delete", (before, None))
    late = await changes.settled(seq)
    return ManagedPromptDeleted(name=prompt.name, project=project, deleted=True, not_acknowledged=late)


async def render_prompt(
    database: Database, project: str, address: Address, body: dict[str, Any]
) -> RenderedView:
    """Render a prompt as it is now, for a look at it; nothing is sent, and nothing recorded."""
    wanted = read_as(body, RenderPrompt)
    async with database.connection() as connection:
        prompt = await store.get(connection, project, address.name)
        number = _meant(prompt, wanted.version)
        version = (await store.get_version(connection, prompt, number)).version
    return await asyncio.to_thread(_render, prompt, version, wanted)


def _meant(prompt: StoredPrompt, wanted: int | str | None) -> int | str:
    if wanted is None:
        return prompt.labels.get("production") or prompt.newest
    return _number_or_label(wanted) if isinstance(wanted, str) else wanted


def _render(prompt: StoredPrompt, version: ManagedVersion, wanted: RenderPrompt) -> RenderedView:
    texts = texts_of(prompt.name, version, wanted.variables, strict=wanted.strict)
    messages = [
        ManagedMessage(role=message.role, content=text)
        for message, text in zip(version.messages, texts, strict=True)
    ]
    request: dict[str, Any] | None = None
    made: tuple[str, ...] = ()
    if wanted.dialect is not None:
        reference = {"name": prompt.name, "version": version.number, "variables": wanted.variables}
        asked = msgspec.json.encode({**wanted.body, "prompt": reference})
        live = ManagedPrompt(project=prompt.project, name=prompt.name, versions=(version,))
        rendered = render_call(wanted.dialect, asked, {prompt.name: live})
        assert rendered is not None
        request, made = msgspec.json.decode(rendered.body), rendered.changes
    return RenderedView(
        name=prompt.name, version=version.number, messages=messages, request=request, changes=list(made)
    )


def read_as(body: dict[str, Any], kind: type[Any]) -> Any:
    """Return a body as the type that an address takes. Raises InvalidRequest that says where it differs."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"the body is refused: {error}") from None


async def _changed(changes: Changes, prompt: StoredPrompt, seq: int) -> ManagedPromptChanged:
    return ManagedPromptChanged(
        name=prompt.name,
        project=prompt.project,
        labels=prompt.labels,
        archived=prompt.archived,
        not_acknowledged=await changes.settled(seq),
    )


async def _audit(
    connection: Connection, caller: Key, prompt: StoredPrompt, action: str, said: tuple[Any, Any]
) -> None:
    entry = AuditEntry(
        actor=caller.id,
        action=action,
        kind=KIND,
        object=prompt.name,
        project=prompt.project,
        before=said[0],
        after=said[1],
    )
    await write_audit(connection, entry)
