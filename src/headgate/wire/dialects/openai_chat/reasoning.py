"""Reasoning as the families of OpenAI's chat write it: flat text members, and the list `reasoning_details`.
Pure.

Flat: `reasoning_content` (DeepSeek, vLLM, z.ai) or `reasoning` (OpenRouter, Groq). The list holds objects of
the types `reasoning.text`, `reasoning.summary` and `reasoning.encrypted`, with signatures; a client that
gathered a stream may give them back in pieces. Of both, the list says more, and the flat text is most often
its sum. Source: OpenRouter's and DeepSeek's API references. Read next: `parts_in`, `parts_out`.
"""

from collections.abc import Iterable
from typing import Final, cast

import msgspec

from headgate.core.chat import Fields, Native, Reasoning
from headgate.wire.dialects.fields import Taking, decode, objects_in
from headgate.wire.dialects.openai_chat.spelling import OWN, encoded, filled
from headgate.wire.dialects.seals import unwrapped, wrapped

DETAILS: Final = "reasoning_details"
FLAT: Final = ("reasoning_content", "reasoning")
THINKING: Final = "thinking"
"""The shape of what stands in the list of contents (Mistral)."""

TEXT: Final = "reasoning.text"
SUMMARY: Final = "reasoning.summary"
ENCRYPTED: Final = "reasoning.encrypted"
MEMBERS: Final = {TEXT: "text", SUMMARY: "summary", ENCRYPTED: "data"}


class Shape(msgspec.Struct, frozen=True):
    """How a reasoning was spelled: in which flat members, whether in the list, and as which entries there.

    `rest` is JSON: of one entry the members that have no word, or all entries whole.
    """

    flat: tuple[str, ...] = ()
    is_detail: bool = False
    rest: str = ""

    def text(self) -> str:
        """The word for it."""
        words = ["details"] if self.is_detail else []
        return " ".join((*words, *self.flat)) + (f"|{self.rest}" if self.rest else "")


def shape_from(native: Native | None) -> Shape | None:
    """The spelling of a reasoning of this dialect; None where it has none."""
    if native is None or native.dialect != OWN or not native.shape:
        return None
    words, _, rest = native.shape.partition("|")
    flat = tuple(word for word in words.split() if word in FLAT)
    return Shape(flat, "details" in words.split(), rest)


def native_of(shape: Shape) -> Native:
    """The node's native members for a spelling."""
    return Native(dialect=OWN, shape=shape.text())


def take_reasoning(taking: Taking) -> list[Reasoning]:
    """Take the reasoning of an assistant's message."""
    entries = objects_in(taking.left.get(DETAILS))
    parts = [_merged(group) for group in _groups(entries)] if entries else []
    if parts:
        del taking.left[DETAILS]
    said = {name: text for name in FLAT if (text := filled(taking, name)) is not None}
    if not said or any(part.seal is not None and part.seal.maker != OWN for part, _ in parts):
        # Beside a foreign seal, the flat text was written by a gateway: for people, of all there was.
        return [_with_shape(part, rest, (), is_detail=True) for part, rest in parts]
    text = "".join(part.text for part, _ in parts) if parts else next(iter(said.values()))
    flat = tuple(name for name, value in said.items() if value == text)
    taking.left.update({name: value for name, value in said.items() if name not in flat})
    if not parts:
        return [_with_shape(Reasoning(text=text), "", flat, is_detail=False)]
    return [_with_shape(part, rest, flat, is_detail=True) for part, rest in parts]


def _with_shape(part: Reasoning, rest: str, flat: tuple[str, ...], *, is_detail: bool) -> Reasoning:
    return msgspec.structs.replace(part, native=native_of(Shape(flat, is_detail, rest)))


def _groups(entries: list[Fields]) -> Iterable[list[Fields]]:
    """Entries of one type and index in a row are pieces of one."""
    group: list[Fields] = []
    for entry in entries:
        if group and entry.get("index") is not None and _key(entry) == _key(group[-1]):
            group.append(entry)
            continue
        if group:
            yield group
        group = [entry]
    if group:
        yield group


def _key(entry: Fields) -> tuple[object, str]:
    index = entry.get("index")
    return (entry.get("type"), repr(index) if isinstance(index, int | float | str) else "")


def _merged(group: list[Fields]) -> tuple[Reasoning, str]:
    first, rest = read_entry(group[0])
    if len(group) == 1:
        if first.seal is not None and first.seal.maker != OWN:
            return first, ""  # written by a gateway: nothing in it is a provider's own spelling
        is_whole = {**entry_of(first, None), **rest} == group[0]
        return first, encoded(rest if is_whole else group) if rest or not is_whole else ""
    parts = [read_entry(entry)[0] for entry in group]
    seals = [part.seal for part in parts if part.seal is not None]
    whole = msgspec.structs.replace(
        first,
        text="".join(part.text for part in parts),
        seal=seals[-1] if seals else None,
        id=next((part.id for part in parts if part.id), ""),
    )
    is_foreign = whole.seal is not None and whole.seal.maker != OWN
    return whole, "" if is_foreign else encoded(group)


def read_entry(entry: Fields) -> tuple[Reasoning, Fields]:
    """Read one object of the list; return also what of it has no word. One of no known type says nothing."""
    kind = entry.get("type")
    member = MEMBERS.get(kind) if isinstance(kind, str) else None
    if member is None:
        return Reasoning(), entry
    taking = Taking(entry)
    del taking.left["type"]
    said = filled(taking, member)
    identifier = filled(taking, "id") or ""
    if kind == ENCRYPTED:
        seal = unwrapped(said, OWN) if said is not None else None
        return Reasoning(seal=seal, is_redacted=True, id=identifier), taking.left
    signature = filled(taking, "signature")
    seal = unwrapped(signature, OWN) if signature is not None else None
    part = Reasoning(text=said or "", seal=seal, is_summary=kind == SUMMARY, id=identifier)
    return part, taking.left


def kind_of(part: Reasoning) -> str:
    """The type of the object that says it."""
    if part.is_redacted:
        return ENCRYPTED
    return SUMMARY if part.is_summary else TEXT


def entry_of(part: Reasoning, index: int | None, seal: str | None = None) -> Fields:
    """Write one object of the list. `seal` as it is to stand there; without one, marked with its maker."""
    kind = kind_of(part)
    fields: Fields = {"type": kind}
    if seal is None and part.seal is not None:
        seal = wrapped(part.seal, OWN)
    if kind == ENCRYPTED:
        fields["data"] = seal or ""
    else:
        fields[MEMBERS[kind]] = part.text
        if seal is not None:
            fields["signature"] = seal
    if part.id:
        fields["id"] = part.id
    if index is not None:
        fields["index"] = index
    return fields


def entries_of(part: Reasoning, shape: Shape, seal: str | None = None) -> list[Fields]:
    """Write a reasoning of this dialect as it was spelled in the list."""
    rest: object = decode(shape.rest) if shape.rest else None
    whole = objects_in(rest)
    if whole is not None:
        return whole
    return [{**entry_of(part, None, seal), **(cast("Fields", rest) if isinstance(rest, dict) else {})}]
