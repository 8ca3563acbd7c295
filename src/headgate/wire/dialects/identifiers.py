"""Ids and names of tools as a target takes them, and the way back. Pure, and without any state.

Ids come from what stands in the conversation, so that the next turn gives the same ones (trap 24). Names get
aliases that are computed from the call alone: whoever has the call can turn an answer's names back (31).
Read next: `wire.dialects.pairing`.
"""

import base64
import binascii
import hashlib
import re
from typing import Final, Literal

import msgspec

from headgate.core.chat import ChatAnswer, ChatCall, FunctionTool, Part, ToolCall, ToolResult
from headgate.core.events import Event, PartBegan
from headgate.core.quirks import Quirks

Rule = Literal["any", "word", "nine"]

LENGTH_MAX: Final[dict[Rule, int]] = {"any": 40, "word": 64, "nine": 9}

_RULES: Final[dict[Rule, re.Pattern[str]]] = {
    "any": re.compile(r"[^\x00-\x1f\x7f]{1,40}"),
    "word": re.compile(r"[A-Za-z0-9_-]{1,64}"),
    "nine": re.compile(r"[A-Za-z0-9]{9}"),
}
_KEPT: Final = "hgid_"
"""Begins an id that holds another one, which can be read out of it again."""

_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NOT_OF_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]+")


def fits(identifier: str, rule: Rule) -> bool:
    """Whether a target of that rule takes the id as it is."""
    return _RULES[rule].fullmatch(identifier) is not None


def fitting(identifier: str, rule: Rule, place: int) -> str:
    """An id that the rule admits: itself, or one that holds it, or one made of it and of its place.

    `place` counts the calls of the conversation, so that one that uses an id twice gets two.
    """
    plain = original(identifier)
    if fits(plain, rule):
        return plain
    if fits(identifier, rule):
        return identifier
    if rule == "word" and plain:
        held = _KEPT + base64.urlsafe_b64encode(plain.encode("utf-8", "replace")).decode("ascii").rstrip("=")
        if len(held) <= LENGTH_MAX[rule] and original(held) == plain:
            return held
    return derived(identifier, rule, place)


def original(identifier: str) -> str:
    """The id that another one holds; itself where it holds none."""
    if not identifier.startswith(_KEPT):
        return identifier
    text = identifier[len(_KEPT) :]
    try:
        held = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return identifier
    return held or identifier


def derived(identifier: str, rule: Rule, place: int) -> str:
    """An id made of another and of its place: the same for the same, and nothing else."""
    digest = hashlib.blake2b(f"{place}\n{identifier}".encode("utf-8", "replace"), digest_size=16).digest()
    if rule == "nine":
        number = int.from_bytes(digest)
        letters: list[str] = []
        for _ in range(9):
            number, left = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[left])
        return "".join(letters)
    return f"call_{place}_{digest.hex()[:20]}"


def given(response_id: str, place: int) -> str:
    """An id for a call that the provider gave none: made of its answer's id and its place there."""
    return derived(response_id, "word", place)


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """How the tools of one call are called there and here; made by `names_of`, the same for the same call."""

    aliases: dict[str, str] = {}
    """The caller's name to the one that is sent; only what differs."""
    names: dict[str, str] = {}
    """The name that is sent to the caller's."""

    def there(self, name: str) -> str:
        """The name as the target knows it."""
        return self.aliases.get(name, name)

    def here(self, name: str) -> str:
        """The name as the caller knows it."""
        return self.names.get(name, name)

    def answer(self, answer: ChatAnswer) -> ChatAnswer:
        """An answer with the caller's names."""
        if not self.names:
            return answer
        candidates = tuple(
            msgspec.structs.replace(one, parts=tuple(self._part(part) for part in one.parts))
            for one in answer.candidates
        )
        return msgspec.structs.replace(answer, candidates=candidates)

    def event(self, event: Event) -> Event:
        """A stream's event with the caller's names."""
        if not self.names or not isinstance(event, PartBegan):
            return event
        part = self._part(event.part)
        return event if part is event.part else msgspec.structs.replace(event, part=part)

    def _part(self, part: Part) -> Part:
        if isinstance(part, ToolCall) and part.name in self.names:
            return msgspec.structs.replace(part, name=self.names[part.name])
        return part


PLAIN_NAMES: Final = Names()


def names_of(call: ChatCall, quirks: Quirks) -> Names:
    """The names of a call's tools, declared or in its history, where the target takes other ones."""
    used = dict.fromkeys(_used(call))
    odd = [name for name in used if len(name) > quirks.tool_name_length_max or not _NAME.fullmatch(name)]
    if not odd:
        return PLAIN_NAMES
    aliases: dict[str, str] = {}
    taken = set(used)
    for name in odd:
        alias = _alias(name, quirks.tool_name_length_max, taken)
        aliases[name] = alias
        taken.add(alias)
    return Names(aliases=aliases, names={alias: name for name, alias in aliases.items()})


def _used(call: ChatCall) -> list[str]:
    found = [tool.name for tool in call.tools if isinstance(tool, FunctionTool)]
    if call.tool_choice is not None:
        found.extend(call.tool_choice.names)
    for message in call.messages:
        for part in message.parts:
            if isinstance(part, ToolCall) or (isinstance(part, ToolResult) and part.name):
                found.append(part.name)
    return found


def _alias(name: str, length_max: int, taken: set[str]) -> str:
    readable = _NOT_OF_NAMES.sub("_", name).lstrip("-0123456789") or "tool"
    for salt in range(len(taken) + 1):
        digest = hashlib.blake2b(f"{salt}\n{name}".encode("utf-8", "replace"), digest_size=4).hexdigest()
        alias = f"{readable[: length_max - 9]}_{digest}"
        if alias not in taken:
            return alias
    raise AssertionError("one of more names than are taken is free")
