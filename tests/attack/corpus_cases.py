"""The corpus of raw HTTP/1.1 exchanges as frozen cases, read from `corpus/*.toml`.

A case says what is sent, byte for byte, and what must come of it. Texts are latin-1: one character is one
byte. Read next: `conformance`, which runs cases, and `corpus/README.md`, which explains the fields.
"""

from pathlib import Path
from typing import Final, Literal

import msgspec

CORPUS: Final = Path(__file__).parent / "corpus"
PLACE: Final = "@@"
"""Where each of a case's variations is put in."""

Line = Literal["kept", "closed", "either", "waiting"]
Wanted = int | Literal["served"]


class Repeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text that is sent many times."""

    repeat: str
    times: int


class Wait(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pause before what follows is sent."""

    wait_ms: int


Part = str | dict[str, str | int]


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the handler must have been given; what is not named is not looked at."""

    method: str | None = None
    path: str | None = None
    query: str | None = None
    body: str | None = None
    body_bytes: int | None = None
    headers: dict[str, list[str]] | None = None
    """The values under each lower-case name; an empty list is a field that must not be there."""


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One exchange. `line` says what the connection is afterwards; see corpus/README.md."""

    name: str
    section: str
    send: str | list[Part]
    answers: list[Wanted | list[Wanted]]
    line: Line
    vary: list[str] = []
    saw: list[Seen] = []
    head_answers: list[int] = []
    or_closed: bool = False
    begun: int = 0
    """How many further requests the handler is given that never become whole, or are never answered."""
    interim_max: int = 0
    shut: bool = False
    whole_only: bool = False
    surfaces: tuple[Literal["echo", "model", "control"], ...] = ("echo", "model", "control")


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the corpus."""

    case: list[Case]


def pieces(case: Case) -> list[bytes | Wait]:
    """Return what is sent, in order: bytes and pauses."""
    parts = [case.send] if isinstance(case.send, str) else case.send
    made: list[bytes | Wait] = []
    for part in parts:
        if isinstance(part, str):
            made.append(part.encode("latin-1"))
        elif "wait_ms" in part:
            made.append(msgspec.convert(part, Wait))
        else:
            repeat = msgspec.convert(part, Repeat)
            made.append(repeat.repeat.encode("latin-1") * repeat.times)
    return made


def load() -> list[Case]:
    """Return every case, each variation as one of its own, named `file: case [variation]`."""
    found: list[Case] = []
    for path in sorted(CORPUS.glob("*.toml")):
        try:
            file = msgspec.toml.decode(path.read_bytes(), type=File)
        except msgspec.ValidationError as error:
            raise ValueError(f"{path.name}: {error}") from None
        for case in file.case:
            named = msgspec.structs.replace(case, name=f"{path.stem}: {case.name}")
            found += _variations(named) if case.vary else [named]
    names = [case.name for case in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"cases of one name: {sorted(twice)}")
    return found


def _variations(case: Case) -> list[Case]:
    return [
        msgspec.structs.replace(
            case,
            name=f"{case.name} [{variation.encode('unicode_escape').decode('ascii')[:120]}]",
            send=_put_in(case.send, variation),
            vary=[],
        )
        for variation in case.vary
    ]


def _put_in(send: str | list[Part], variation: str) -> str | list[Part]:
    if isinstance(send, str):
        return send.replace(PLACE, variation)
    made: list[Part] = []
    for part in send:
        if isinstance(part, str):
            made.append(part.replace(PLACE, variation))
        else:
            made.append(
                {
                    key: value.replace(PLACE, variation) if isinstance(value, str) else value
                    for key, value in part.items()
                }
            )
    return made
