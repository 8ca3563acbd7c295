"""Whether an answer keeps to its JSON schema, where it fails, and how the model is asked to mend it. Pure.

A schema is the caller's: nothing is fetched for it, and its patterns can't run away. Read next:
`wire.dialects.structured`.
"""

from itertools import islice
from typing import Final

import msgspec
from jsonschema_rs import FancyRegexOptions, ReferencingError, ValidationError, validator_for

from headgate.core.chat import ChatCall, Fields, Message, Text
from headgate.wire.dialects.fields import decode

VIOLATIONS_MAX: Final = 20
LENGTH_MAX: Final = 300
"""Of one violation's text, in characters: it quotes the answer."""

MASK: Final = "the value"

_NAMING: Final = frozenset({"additionalProperties", "unevaluatedProperties"})
"""Keywords whose reasons name members of the answer."""

_PATTERNS: Final = FancyRegexOptions(backtrack_limit=100_000, size_limit=1 << 20, dfa_size_limit=1 << 20)

_REPAIR: Final = (
    "This answer does not keep to the JSON schema that was asked for:\n{found}\n"
    "Give the whole answer again, valid by the schema, as JSON and nothing else."
)


def violations(text: str, schema: Fields, *, quotes: bool = True) -> list[str]:
    """Where the text fails to be JSON that the schema admits, each as path and reason; empty where it is.

    At most 20. A schema that can't be used is one violation, of `(schema)`; `fault_of` says so beforehand.
    `quotes`: whether a reason may quote the value that fails.
    """
    try:
        value = decode(text)
    except ValueError as error:
        return [_line("$", f"is no JSON: {error}")]
    try:
        mask = None if quotes else MASK
        validator = validator_for(schema, offline=True, pattern_options=_PATTERNS, mask=mask)
        if validator.is_valid(value):
            return []
        errors = islice(validator.iter_errors(value), VIOLATIONS_MAX)
        return [_line(_path(error.instance_path), _said(error, quotes=quotes)) for error in errors]
    except (ValidationError, ReferencingError, ValueError) as error:
        return [_line("(schema)", _reason(error))]


def fault_of(schema: Fields) -> str | None:
    """Why no answer could be held against the schema; None where it is a good one."""
    try:
        validator_for(schema, offline=True, pattern_options=_PATTERNS)
    except (ValidationError, ReferencingError, ValueError) as error:
        return _reason(error)
    return None


def repairing(call: ChatCall, text: str, found: list[str]) -> ChatCall:
    """The call that shows a model its answer and where it fails, and asks for another; prepare it again."""
    told = _REPAIR.format(found="\n".join(f"- {one}" for one in found))
    messages = list(call.messages)
    if text.strip():
        messages.append(Message(role="assistant", parts=(Text(text=text),)))
    messages.append(Message(role="user", parts=(Text(text=told),)))
    return msgspec.structs.replace(call, messages=tuple(messages))


def _reason(error: Exception) -> str:
    """A schema is itself held against a schema: where it fails is a path in the caller's."""
    if isinstance(error, ValidationError):
        return _line(_path(error.instance_path), error.message)
    text = error.message if isinstance(error, ReferencingError) else str(error)
    return text.partition("\n")[0][:LENGTH_MAX]


def _said(error: ValidationError, *, quotes: bool) -> str:
    names_members = error.kind.name in _NAMING and not quotes
    return error.message.partition(" (")[0] if names_members else error.message


def _line(path: str, reason: str) -> str:
    line = f"{path}: {reason}"
    return line if len(line) <= LENGTH_MAX else line[: LENGTH_MAX - 1] + "…"


def _path(path: list[str | int]) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "$" + "".join(steps)
