"""The texts of a call's messages, out of its body in any dialect, as they are matched to templates. Pure.

Reads what it knows and leaves the rest: a body that is none of the dialect has no texts. What tools answered
is left out. Read next: `catalogue.entries`.
"""

from collections.abc import Iterator
from typing import Any, Literal, cast

import msgspec

Role = Literal["system", "user", "assistant"]

TEXT_CHARACTERS_MAX = 200_000
"""Of one message; what comes after is not looked at."""
TEXTS_MAX = 400
"""Of one call: the first half of them, and the last."""

_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "model": "assistant",
}  # fmt: skip
_TEXT_PARTS = {"text", "input_text", "output_text", None}

_decode = msgspec.json.Decoder(dict[str, Any]).decode

Json = dict[str, Any]


class MessageText(msgspec.Struct, frozen=True):
    """The text of one message. `index` counts the body's list of messages; None for what stands beside it."""

    index: int | None
    role: Role
    text: str


def texts_of(dialect: str, body: bytes) -> list[MessageText]:
    """Return the texts of a call's messages, in order, what instructs the model first."""
    try:
        members = _decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return []
    found = [each for each in _read(dialect, members) if each.text.strip()]
    if len(found) > TEXTS_MAX:
        found = found[: TEXTS_MAX // 2] + found[-TEXTS_MAX // 2 :]
    return [msgspec.structs.replace(each, text=each.text[:TEXT_CHARACTERS_MAX]) for each in found]


def _read(dialect: str, members: Json) -> Iterator[MessageText]:
    match dialect:
        case "openai-chat":
            yield from _messages(members.get("messages"), "content")
        case "openai-responses":
            yield MessageText(None, "system", _text(members.get("instructions")))
            yield from _messages(members.get("input"), "content")
        case "anthropic":
            yield MessageText(None, "system", _text(members.get("system")))
            yield from _messages(members.get("messages"), "content")
        case "google":
            system = members.get("systemInstruction", members.get("system_instruction"))
            yield MessageText(None, "system", _text(_parts_of(system)))
            yield from _messages(members.get("contents"), "parts")
        case "openai":
            yield MessageText(None, "user", _text(members.get("prompt")))
        case _:
            return


def _messages(given: Any, field: str) -> Iterator[MessageText]:
    """Yield the messages of a list; a text in its place is one of the user."""
    if isinstance(given, str):
        yield MessageText(None, "user", given)
        return
    items = cast("list[Any]", given) if isinstance(given, list) else [given]
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            continue
        message = cast("Json", item)
        role = _ROLES.get(str(message.get("role", "user")))
        if role is not None and message.get("type", "message") == "message":
            yield MessageText(index, role, _text(message.get(field)))


def _parts_of(given: Any) -> Any:
    return cast("Json", given).get("parts") if isinstance(given, dict) else given


def _text(content: Any) -> str:
    """Return a text, or those of its parts, each on lines of its own."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        content = [cast("Json", content)]
    if not isinstance(content, list):
        return ""
    texts: list[str] = []
    for part in cast("list[Any]", content):
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            members = cast("Json", part)
            text = members.get("text")
            if members.get("type") in _TEXT_PARTS and isinstance(text, str) and not members.get("thought"):
                texts.append(text)
    return "\n".join(texts)
