"""Google's thought signatures, and other makers' seals inside them. Pure.

A signature is bytes, as base64 in JSON: SDKs decode and encode it again, in either alphabet. Foreign seals
are therefore base64 of their marked text (`wire.dialects.seals`), and behind it what their maker wants back
beside it: the reasoning's id, whether it was withheld, and its text, where a stream had sent that before.
"""

import base64
from typing import Final, cast

import msgspec

from headgate.core.chat import Fields, Part, Reasoning, Seal, ToolCall
from headgate.wire.dialects.fields import decode
from headgate.wire.dialects.google.spelling import DIALECT
from headgate.wire.dialects.seals import MARK, MARK_IN_BASE64, unwrapped, wrapped

DUMMY: Final = "skip_thought_signature_validator"
"""What Google documents for calls in a history that another model made (trap 34)."""

_ALPHABET: Final = str.maketrans("-_", "+/")


def seal_of(signature: str) -> tuple[Seal, Fields]:
    """The seal that a signature holds, and what a foreign maker said beside it."""
    if not signature.startswith(MARK_IN_BASE64):
        return Seal(DIALECT, signature), {}
    try:
        plain = signature.translate(_ALPHABET).rstrip("=")
        text = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
    except ValueError:
        return Seal(DIALECT, signature), {}
    if not text.startswith(MARK):
        return Seal(DIALECT, signature), {}
    marked, _, beside = text.partition("\n")
    seal = unwrapped(marked, DIALECT)
    if seal.maker == DIALECT:
        return Seal(DIALECT, signature), {}
    try:
        said = decode(beside) if beside else None
    except ValueError:
        said = None
    return seal, cast("Fields", said) if isinstance(said, dict) else {}


def signature_of(seal: Seal, beside: Fields | None = None) -> str:
    """A seal as a signature: Google's own as it is, any other marked, with what its maker wants back."""
    if seal.maker == DIALECT:
        return seal.data
    text = wrapped(seal, DIALECT)
    if beside:
        text += "\n" + msgspec.json.encode(beside).decode()
    return base64.b64encode(text.encode()).decode("ascii")


def excused(part: Part) -> Part:
    """A call of another model as Google takes it back: with the documented dummy for a signature (34)."""
    if not isinstance(part, ToolCall) or part.seal is not None:
        return part
    return msgspec.structs.replace(part, seal=Seal(DIALECT, DUMMY))


def beside_of(part: Reasoning, text: str = "") -> Fields:
    """What a foreign maker of reasoning wants back beside its seal; `text` where no part holds it."""
    found: Fields = {}
    if part.id:
        found["id"] = part.id
    if part.is_summary:
        found["is_summary"] = True
    if part.is_redacted:
        found["is_redacted"] = True
    if text:
        found["text"] = text
    return found


def reasoning_of(text: str, signature: str | None) -> Reasoning:
    """The reasoning that a thought part holds."""
    if signature is None:
        return Reasoning(text=text, is_summary=True)
    seal, beside = seal_of(signature)
    if seal.maker == DIALECT:
        return Reasoning(text=text, seal=seal, is_summary=True)
    sent, identifier = beside.get("text"), beside.get("id")
    return Reasoning(
        text=sent if not text and isinstance(sent, str) else text,
        seal=seal,
        is_summary=beside.get("is_summary") is True,
        is_redacted=beside.get("is_redacted") is True,
        id=identifier if isinstance(identifier, str) else "",
    )
