"""Google's contents and parts, read and written: one part of theirs is one of ours.

What only Google knows (its own tools' calls and results, code that it runs) stays as it came. A signature
stays with its part and never joins another (trap 34). Pure. Read next: `calls`, `answers`.
"""

from typing import Final, Literal, cast

import msgspec

from headgate.core.chat import (
    Fields,
    Media,
    Message,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Role,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode, put_native
from headgate.wire.dialects.google.media import read_media, write_media
from headgate.wire.dialects.google.results import read_result, write_result
from headgate.wire.dialects.google.signatures import beside_of, reasoning_of, seal_of, signature_of
from headgate.wire.dialects.google.spelling import (
    DIALECT,
    EMPTY,
    Members,
    flags_of,
    own_fields,
    spelled,
    value_of,
)

_encode = msgspec.json.Encoder().encode

_BESIDE: Final = frozenset({"thought", "thoughtSignature", "thought_signature", "partMetadata"})
_ROLES: Final[dict[str, Role]] = {"model": "assistant", "user": "user", "function": "tool"}
_HARMLESS: Final = frozenset({"annotations", "logprobs", "index", "status", "phase", "caller", "obfuscation"})
"""Members of other dialects' parts on which no answer depends."""


def read_part(fields: Fields) -> Part:
    """One part."""
    if len(fields) == 1:
        text = fields.get("text")
        if isinstance(text, str):
            return Text(text=text)
    members = Members(fields)
    text = members.text("text")
    if text is not None:
        return _read_text(text, members)
    call = members.key("functionCall")
    value = members.left.get(call)
    if isinstance(value, dict) and isinstance(cast("Fields", value).get("name"), str):
        return _read_call(members, call, cast("Fields", value))
    result = members.key("functionResponse")
    value = members.left.get(result)
    if isinstance(value, dict):
        del members.left[result]
        return read_result(members, result, cast("Fields", value))
    media = read_media(fields)
    if media is not None:
        return media
    if members.left.keys() <= {"thought", "thoughtSignature", "thought_signature"}:
        signed = members.left.get("thoughtSignature", members.left.get("thought_signature"))
        if isinstance(signed, str):
            members.flags.append("bare")
            return _read_text("", members)
    kind = next((name for name in fields if name not in _BESIDE), "empty")
    return NativePart(dialect=DIALECT, kind=kind, value=fields)


def _read_text(text: str, members: Members) -> Part:
    thought = members.flag("thought")
    signature = members.text(members.key("thoughtSignature"))
    if thought is False:
        members.flags.append("unthought")
    if not thought:
        seal = seal_of(signature)[0] if signature is not None else None
        return Text(text=text, seal=seal, native=members.shaped())
    found = reasoning_of(text, signature)
    native = members.shaped()
    return found if native is None else msgspec.structs.replace(found, native=native)


def _read_call(outer: Members, key: str, fields: Fields) -> ToolCall:
    del outer.left[key]
    inner = Members(fields)
    name, identifier, arguments = inner.text("name"), inner.word("id"), inner.object("args")
    signature = outer.text(outer.key("thoughtSignature"))
    if arguments is None:
        outer.flags.append("noargs")
    if outer.left.get("thought") is True:
        del outer.left["thought"]
        outer.flags.append("thought")
    if inner.left:
        outer.left[key] = inner.left
    return ToolCall(
        id=identifier,
        name=name or "",
        arguments=_encode(arguments).decode() if arguments else "{}",
        seal=seal_of(signature)[0] if signature is not None else None,
        native=outer.shaped(),
    )


def read_parts(members: Members) -> tuple[Part, ...] | None:
    """The parts of a content: a list, or one alone. None for anything else."""
    found = members.objects("parts")
    if found is None:
        one = members.object("parts")
        if one is None:
            return None
        members.flags.append("one")
        found = [one]
    return tuple([read_part(part) for part in found])


def read_role(members: Members) -> Role:
    """Who speaks: the user, unless Google's word for another stands there."""
    word = members.left.get("role")
    role = _ROLES.get(word) if isinstance(word, str) else None
    if role is not None:
        del members.left["role"]
        return role
    members.flags.append("norole")
    return "user"


def read_system(fields: Fields) -> Message:
    """The system instruction. Its role says nothing, whatever it is."""
    members = Members(fields)
    parts = read_parts(members)
    if parts is None:
        members.flags.append("noparts")
    role = members.left.get("role")
    if isinstance(role, str) and role.isalpha():
        del members.left["role"]
        members.flags.append(f"role={role}")
    return Message(role="system", parts=parts or (), native=members.shaped())


class PartsOut:
    """Writes parts. To a provider only seals of its `maker` go; to a client (None) all go, marked."""

    def __init__(self, changes: Changes, maker: str | None) -> None:
        self._changes = changes
        self._maker = maker
        self.has_dropped = False
        """Whether a seal was left out."""

    def part(self, part: Part, where: str) -> Fields | None:
        """One part; None where Google's dialect has none like it, which is told."""
        match part:
            case Text():
                return self._text(part, where)
            case Reasoning():
                return self._reasoning(part, where)
            case ToolCall():
                return self._call(part, where)
            case ToolResult():
                self._told(part, where)
                return write_result(part, self._changes, where)
            case Media():
                return self._media(part, where)
            case Refusal():
                self._told(part, where)
                return {"text": part.text}
            case NativePart():
                if part.dialect == DIALECT:
                    return part.value
                self._changes.alter(where, f"google has no part of the kind {part.kind}")
                return None

    def _seal(
        self, fields: Fields, part: Text | Reasoning | ToolCall | Media, flags: frozenset[str]
    ) -> Fields:
        seal = part.seal
        if seal is None:
            return fields
        if not self._is_taken(seal):
            self.has_dropped = True
            return fields
        beside = beside_of(part) if isinstance(part, Reasoning) and seal.maker != DIALECT else None
        # A maker's own seal goes back to it as it came, whichever credential it is bound to.
        fields[spelled(flags, "thoughtSignature")] = (
            signature_of(seal, beside) if self._maker is None else seal.data
        )
        return fields

    def _is_taken(self, seal: Seal) -> bool:
        return self._maker is None or seal.maker in (self._maker, DIALECT)

    def _text(self, part: Text, where: str) -> Fields:
        if part.native is None:
            fields: Fields = {"text": part.text}
            if part.cache is not None or part.citations:
                self._told(part, where)
            return fields if part.seal is None else self._seal(fields, part, EMPTY)
        flags = flags_of(part.native)
        fields = {} if "bare" in flags and not part.text else {"text": part.text}
        if "unthought" in flags:
            fields["thought"] = False
        self._told(part, where)
        return {**self._seal(fields, part, flags), **own_fields(part.native)}

    def _reasoning(self, part: Reasoning, where: str) -> Fields:
        flags = flags_of(part.native)
        fields: Fields = {} if "bare" in flags and not part.text else {"text": part.text}
        fields["thought"] = True
        self._told(part, where)
        return {**self._seal(fields, part, flags), **own_fields(part.native)}

    def _call(self, part: ToolCall, where: str) -> Fields:
        flags = flags_of(part.native)
        inner: Fields = {}
        if part.id:
            inner["id"] = part.id
        inner["name"] = part.name
        if "noargs" not in flags or part.arguments != "{}":
            inner["args"] = self._arguments(part, where)
        key = spelled(flags, "functionCall")
        fields = own_fields(part.native)
        left = fields.pop(key, None)
        if isinstance(left, dict):
            inner.update(cast("Fields", left))
        written: Fields = {key: inner}
        if "thought" in flags:
            written["thought"] = True
        self._told(part, where)
        return {**self._seal(written, part, flags), **fields}

    def _arguments(self, part: ToolCall, where: str) -> Fields:
        if part.arguments in ("{}", ""):
            return {}
        try:
            value = decode(part.arguments)
        except ValueError:
            value = None
        if isinstance(value, dict):
            return cast("Fields", value)
        self._changes.alter(where, "the arguments of a call are no JSON object: they go as a text in one")
        return {"arguments": part.arguments}

    def _media(self, part: Media, where: str) -> Fields | None:
        fields = write_media(part, self._changes, where)
        if fields is None:
            return None
        self._told(part, where)
        return self._seal(fields, part, flags_of(part.native))

    def _told(self, part: Text | Reasoning | ToolCall | ToolResult | Media | Refusal, where: str) -> None:
        """Tell what another dialect said of a part that Google has no member for."""
        if part.native is not None and part.native.dialect != DIALECT:
            put_native({}, part.native, DIALECT, self._changes, where, harmless=_HARMLESS)
        if not isinstance(part, Reasoning | Refusal) and part.cache is not None:
            self._changes.lose(where, "google caches by itself, or by a cachedContent that is made before")
        if isinstance(part, Text) and part.citations and self._maker is not None:
            self._changes.lose(where, "a text in the history has no citations")

    def content(self, message: Message, parts: list[Fields], role: Literal["user", "model"]) -> Fields:
        """A content of parts that are written already, in the spelling that it was read in."""
        flags = flags_of(message.native)
        if message.native is None:
            return {"role": role, "parts": parts}
        fields: Fields = {}
        if "norole" not in flags:
            fields["role"] = "function" if message.role == "tool" else role
        if "noparts" not in flags:
            fields["parts"] = parts[0] if "one" in flags and len(parts) == 1 else parts
        return {**fields, **own_fields(message.native)}

    def system(self, message: Message, parts: list[Fields]) -> Fields:
        """The system instruction, of parts that are written already."""
        flags = flags_of(message.native)
        fields: Fields = {}
        if "noparts" not in flags:
            fields["parts"] = parts[0] if "one" in flags and len(parts) == 1 else parts
        role = value_of(flags, "role")
        if role is not None:
            fields["role"] = role
        return {**fields, **own_fields(message.native)}
