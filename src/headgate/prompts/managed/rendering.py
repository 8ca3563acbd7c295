"""Renders the managed prompt that a call asks for into the call's own dialect. Pure; holds inside a loop.

Bounded in output and in work (`managed.work`), so that no template and no value stalls a gateway. Never reads
anything but its arguments. Read next: `managed.writing`, `managed.templates`.
"""

import difflib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from headgate.core.call import Dialect, Operation
from headgate.core.entries import Override, PromptUsed
from headgate.core.faults import InvalidRequest, NotFound
from headgate.prompts.managed.model import (
    LATEST,
    PRODUCTION,
    ManagedPrompt,
    ManagedVersion,
)
from headgate.prompts.managed.templates import Template, compile_template, render, unused
from headgate.prompts.managed.work import Refusal
from headgate.prompts.managed.writing import Fields, body_of, fill, plan_of, put_messages
from headgate.wire.members import Watched, check_text, read_members

MODEL_OF_PROMPT: Final = "-"
"""What stands for the prompt's model in a path, where a dialect names models in paths."""
VARIABLES_BYTES_MAX: Final = 2 * 1024 * 1024
VARIABLES_RECORDED_MAX: Final = 16 * 1024
VALUE_RECORDED_MAX: Final = 1024

_WATCHED: Final = Watched(
    "prompt", "model", "messages", "input", "instructions", "system", "contents", "systemInstruction",
    "system_instruction", "tools", "generationConfig", "generation_config",
)  # fmt: skip


class Pins(msgspec.Struct, frozen=True, kw_only=True):
    """Which version a call means that names none: that of its environment's release, else of its labels.

    `environment` is tried as a label; `versions` are what the release in force fixes, by prompt.
    """

    environment: str = ""
    versions: Mapping[str, int] = {}


NO_PINS: Final = Pins()


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A call with its prompt put in. `model` is the prompt's where the call named none: it stands in `body`
    already, but for Google, whose model is in the path (`-` there asks for the prompt's)."""

    body: bytes
    model: str | None
    used: PromptUsed
    overrides: tuple[Override, ...]
    changes: tuple[str, ...] = ()
    """What the dialect had no place for, in words."""


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a call says of the prompt that it wants. `version` is a number or a label; with `strict`, a
    variable that the prompt does not read is refused."""

    name: str
    version: int | str | None = None
    variables: msgspec.Raw = msgspec.Raw(b"{}")
    strict: bool = False


_reference: Final = msgspec.json.Decoder(Reference).decode
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_variables: Final = msgspec.json.Decoder(dict[str, Any]).decode
_encode: Final = msgspec.json.Encoder().encode


def render_call(
    dialect: Dialect,
    body: bytes,
    prompts_of_project: Mapping[str, ManagedPrompt],
    labels: Pins = NO_PINS,
    *,
    operation: Operation = "chat",
) -> Rendered | None:
    """Render the prompt that a body asks for by `prompt: {name, version, variables}`; None for no such.

    `prompts_of_project` goes by name. Raises InvalidRequest (a variable that is missing, by name; a template
    that grows too large) and NotFound (a prompt, version or label that is none).
    """
    if b'"prompt"' not in body or operation not in ("chat", "count_tokens") or dialect == "openai":
        return None
    check_text(body)
    members = read_members(body, _WATCHED)
    member = members.get("prompt")
    if member is None or not member.raw.startswith(b"{"):
        return None
    reference = _reference_in(member.raw)
    if reference is None:
        return None
    if dialect == "google" and operation == "count_tokens":
        raise InvalidRequest(
            "countTokens takes no managed prompt; count the rendered messages", parameter="prompt"
        )
    version = choose(prompts_of_project, reference.name, reference.version, labels)
    texts = texts_of(reference.name, version, variables_in(reference), strict=reference.strict)
    fields: Fields = {key: each.raw for key, each in members.items() if key != "prompt"}
    put_messages(dialect, fields, version, texts)
    plan = plan_of(dialect, reference.name, version)
    filled = fill(dialect, fields, plan, talks=operation == "chat")
    names_model = plan.model is not None and plan.model.override in filled
    return Rendered(
        body=body_of(fields),
        model=version.model if names_model or dialect == "google" else None,
        used=PromptUsed(reference.name, version.number, _recorded(reference.variables)),
        overrides=(Override(plan.source, "prompt", _asked(reference), b""), *filled),
        changes=plan.changes,
    )


def _asked(reference: Reference) -> bytes:
    """What the call said, without the variables, which the record has of their own."""
    if reference.version is None:
        return _encode({"name": reference.name})
    return _encode({"name": reference.name, "version": reference.version})


def _reference_in(raw: bytes) -> Reference | None:
    """What a `prompt` object asks for; None where it is OpenAI's own, which has an `id` and no `name`."""
    try:
        return _reference(raw)
    except msgspec.ValidationError as error:
        if "name" not in _object(raw):
            return None
        raise InvalidRequest(f"prompt is refused: {error}", parameter="prompt") from None


def variables_in(reference: Reference) -> dict[str, Any]:
    """Return the variables of a call. Raises InvalidRequest for what is no object, or is too large."""
    raw = bytes(reference.variables)
    if len(raw) > VARIABLES_BYTES_MAX:
        raise InvalidRequest(
            f"prompt.variables has {len(raw)} bytes; send at most {VARIABLES_BYTES_MAX}",
            parameter="prompt.variables",
        )
    try:
        return {} if raw == b"null" else _variables(raw)
    except (msgspec.MsgspecError, RecursionError):
        raise InvalidRequest(
            "prompt.variables is no object of JSON values, or is nested too deeply",
            parameter="prompt.variables",
        ) from None


def choose(
    prompts: Mapping[str, ManagedPrompt], name: str, wanted: int | str | None, pins: Pins = NO_PINS
) -> ManagedVersion:
    """Return the version that a call means by a number, a label, or nothing. Raises NotFound.

    By nothing: what its environment's release fixes, else the label of the environment's name, else
    `production`, else the newest version.
    """
    prompt = prompts.get(name)
    if prompt is None or prompt.archived:
        raise _no_prompt(prompts, name, archived=prompt is not None)
    number = _number(prompt, wanted, pins)
    version = None if number is None else prompt.version(number)
    if version is not None:
        return version
    if number is not None:
        raise NotFound(
            f"version {number} of prompt {name!r} is none, or not in use; give it a label to use it "
            f"(the newest is {prompt.latest})"
        )
    known = ", ".join(sorted({*prompt.labels, LATEST}))
    raise NotFound(f"prompt {name!r} has no label {str(wanted)[:80]!r}; it has {known}")


def _number(prompt: ManagedPrompt, wanted: int | str | None, pins: Pins) -> int | None:
    if isinstance(wanted, int):
        return wanted
    if wanted is None:
        pinned = pins.versions.get(prompt.name)
        if pinned is not None:
            return pinned
        return prompt.labels.get(pins.environment) or prompt.labels.get(PRODUCTION) or prompt.latest
    if wanted.isascii() and wanted.isdigit():
        return int(wanted[:18])
    if wanted == pins.environment and prompt.name in pins.versions:
        return pins.versions[prompt.name]
    if wanted == LATEST:
        return prompt.latest
    return prompt.labels.get(wanted)


def _no_prompt(prompts: Mapping[str, ManagedPrompt], name: str, *, archived: bool) -> NotFound:
    if archived:
        return NotFound(f"prompt {name!r} is archived; take it back with `headgate prompts unarchive {name}`")
    known = [each.name for each in prompts.values() if not each.archived]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    listed = f"; the nearest names are {', '.join(near)}" if near else ""
    return NotFound(f"there is no managed prompt {name[:120]!r} in this project{listed}")


def templates_of(version: ManagedVersion) -> list[Template]:
    """Return a version's templates, compiled. Raises Refusal for one that this version of ours refuses."""
    return [compile_template(version.engine, message.content) for message in version.messages]


def texts_of(
    name: str, version: ManagedVersion, variables: Mapping[str, Any], *, strict: bool = False
) -> list[str]:
    """Return the rendered text of each message. Raises InvalidRequest that names the variable."""
    try:
        templates = templates_of(version)
        if strict and (extra := unused(templates, variables)):
            raise Refusal(f"it has no variable {', '.join(map(repr, extra[:8]))}", variable=extra[0])
        return render(templates, variables)
    except Refusal as refusal:
        variable = refusal.variable
        where = "prompt.variables" if variable is None else f"prompt.variables.{variable}"
        raise InvalidRequest(f"prompt {name}@{version.number}: {refusal}", parameter=where) from None


def _recorded(variables: msgspec.Raw) -> bytes:
    """The variables as they stand on the record: long values are told by their size."""
    raw = bytes(variables)
    if len(raw) <= VARIABLES_RECORDED_MAX:
        return raw
    values = {name: _shown(bytes(value)) for name, value in _object(raw).items()}
    shown = _encode(values)
    return shown if len(shown) <= VARIABLES_RECORDED_MAX else b'{"...":"(%d bytes)"}' % len(raw)


def _shown(value: bytes) -> msgspec.Raw:
    return msgspec.Raw(value if len(value) <= VALUE_RECORDED_MAX else b'"(%d bytes)"' % len(value))
