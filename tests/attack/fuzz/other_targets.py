"""Fuzzes what reads the journal, configuration, keys, labels and scopes."""

import hashlib
import itertools
import uuid
from collections.abc import Iterable
from datetime import date
from typing import Final

from tests.attack.fuzz.fuzz_target import Draw, Target

from headgate.access.caller import read_labels, read_tags
from headgate.access.keys import KEY_CHARACTERS, mint, parse
from headgate.catalog.kinds import expand_regions
from headgate.config.compile import compile_file
from headgate.core.faults import InvalidKey, InvalidRequest, Misconfigured
from headgate.core.labels import Label, label_text
from headgate.journal.format import HEAD, MARK, Damage, Entry, entries, frame, seed_of
from headgate.meters.model import Scope, Subject
from headgate.meters.scope import describe, meters_of

_TODAY: Final = date(2026, 11, 21)


def read_segment(data: bytes) -> None:
    """Damage never makes an entry, and what it did not touch is found; reading in parts gives the same.

    The boot's id follows from all bytes: nobody who sends some knows it, and the fuzzer must not learn it
    either, since what has the right checksum is an entry.
    """
    seed = seed_of(uuid.UUID(bytes=hashlib.blake2b(data, digest_size=16).digest()))
    draw = Draw(data)
    written = [(1 + draw.number(5), draw.take(draw.number(40))) for _ in range(draw.number(6))]
    frames = [frame(kind, payload, seed) for kind, payload in written]
    segment = bytearray(b"".join(frames))
    touched: set[int] = set()
    for _ in range(draw.number(5)):
        at, new = draw.number(len(segment) + 1), draw.take(draw.number(8))
        touched |= _frames_at(frames, at, at + len(new))
        segment[at : at + len(new)] = new
    segment += draw.rest()
    found = _read(bytes(segment), seed, final=True)
    rest = iter(written)
    assert all(any(entry == one for one in rest) for entry in found), "an entry that was never written"
    whole = [one for number, one in enumerate(written) if number not in touched]
    rest = iter(found)
    assert all(any(entry == one for one in rest) for entry in whole), "an entry that was there is lost"
    half = len(segment) // 2
    _read(bytes(segment[:half]), seed, final=False)
    _read(data, seed, final=True)


def _frames_at(frames: list[bytes], start: int, end: int) -> set[int]:
    """Which frames have bytes between two places."""
    edges = [0, *itertools.accumulate(len(each) for each in frames)]
    return {number for number in range(len(frames)) if edges[number] < end and edges[number + 1] > start}


def _read(data: bytes, seed: int, *, final: bool) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    position = 0
    for item in entries(data, 0, seed, final=final):
        assert position < item.next_offset <= len(data)
        if isinstance(item, Entry):
            assert item.next_offset - position == HEAD.size + len(item.payload)
            found.append((item.kind, item.payload))
        else:
            assert isinstance(item, Damage) and item.skipped_bytes == item.next_offset - position
        position = item.next_offset
    assert position == len(data) or not final
    return found


def read_configuration(data: bytes) -> None:
    """Any text is a configuration or is refused with reasons that name a place."""
    text = data.decode("utf-8", "replace")
    try:
        compile_file(text if "\n" in text else f"{text}\n", today=_TODAY)
    except Misconfigured as fault:
        assert fault.message


def read_key(data: bytes) -> None:
    """A key is read or refused without being shown; one character changed is always seen."""
    draw = Draw(data)
    place, other = draw.number(KEY_CHARACTERS), draw.take(1)
    minted = mint(lambda count: (data * 27)[:count].ljust(count, b"x"))
    text = minted.text.reveal().encode()
    assert parse(text) == minted.id
    changed = text[:place] + other + text[place + 1 :]
    for presented in (data, changed, changed[: draw.number(80)], text + other):
        try:
            identity = parse(presented)
        except InvalidKey as fault:
            assert len(presented) < 12 or presented.decode("latin-1") not in fault.message
        else:
            assert presented in (text, data), changed
            assert presented[3:15].decode() == identity


def read_label(data: bytes) -> None:
    """A label that is joined only gets narrower, and equal labels are equal texts."""
    text = data.decode("utf-8", "surrogateescape")
    one, _, other = text.partition("|")
    try:
        tags = read_tags(one)
        assert all(tags) and len(tags) <= 16
    except InvalidRequest:
        pass
    try:
        labels = [read_labels(one), read_labels(other)]
    except InvalidRequest:
        return
    joined = labels[0].join(labels[1])
    assert joined == labels[1].join(labels[0])
    for label in labels:
        assert _within(joined, label), (joined, label)
    assert (label_text(labels[0]) == label_text(labels[1])) is (labels[0] == labels[1])
    for region in ("eu", "us", "de"):
        regions = expand_regions(frozenset({region}))
        assert not joined.allows_regions(regions) or all(label.allows_regions(regions) for label in labels)


def _within(narrow: Label, wide: Label) -> bool:
    pairs = ((getattr(narrow, name), getattr(wide, name)) for name in ("readers", "regions", "purposes"))
    return all(outer is None or (inner is not None and inner <= outer) for inner, outer in pairs)


def count_subjects(data: bytes) -> None:
    """Two different values never share a meter, and what a meter is called says what it counts."""
    draw = Draw(data)
    names = ("project", "key", "user")
    values = [draw.take(draw.number(40)).decode("utf-8", "replace") or "x" for _ in names]
    scope = Scope(project="*", key="*", user="*")
    [name] = meters_of(scope, _subject(*values))
    assert "\0" not in name and name.isprintable(), name
    said = describe(name)
    assert tuple(said) == names
    for part, value in zip(names, values, strict=True):
        assert said[part] == value or len(value) > 20, (said, values)
    assert meters_of(scope, _subject(values[0], values[1], values[2] + "x")) != (name,)


def _subject(project: str, key: str, user: str) -> Subject:
    return Subject(project=project, key=key, user=user, alias="")


_TOML: Final = b"""
[providers.openai]
kind = "openai"
api_key = "env:OPENAI_API_KEY"
regions = ["us"]
[models.assistant]
targets = ["openai/gpt-5-mini"]
strategy = "fallback"
timeout = { first_token = "10s", total = "120s" }
[[budgets]]
name = "monthly"
scope = { provider = "openai" }
limit = "500 USD"
window = "month"
[[rate_limits]]
name = "per-user"
scope = { user = "*" }
limit = "60 requests"
window = "minute"
[projects.default]
models = ["assistant"]
retention = "90 days"
[prices."openai/x"]
input = "0.20"
"""


def _configurations() -> Iterable[bytes]:
    yield _TOML
    for part in _TOML.decode().split("\n["):
        yield f"[{part.lstrip('[')}".encode()


TARGETS: Final = (
    Target(
        name="journal",
        run=read_segment,
        seeds=lambda: [bytes([3]) + bytes(range(1, 60)), b"\2\1\4abcd\2\3xyz\1\5\4" + MARK, MARK * 20],
        words=(MARK, MARK + b"\1\0\0\0", b"\0\0\0\0", b"\xff\xff\xff\xff"),
    ),
    Target(
        name="configuration",
        run=read_configuration,
        seeds=_configurations,
        words=(
            b"[",
            b"]",
            b"[[",
            b"]]",
            b"=",
            b'"""',
            b"'''",
            b"{",
            b"}",
            b'"env:X"',
            b'"file:/x"',
            b'"10s"',
            b"\\u0000",
            b"1_0",
            b"0x",
            b"inf",
            b"nan",
            b"1979-05-27",
            b"#",
            b".",
            b"kind",
            b"mock",
            b"limit",
            b"USD",
        ),
        runs_min=50,
    ),
    Target(
        name="keys", run=read_key, seeds=lambda: [b"hg_", b"a" * 60, bytes(range(60))], words=(b"hg_", b"_")
    ),
    Target(
        name="labels",
        run=read_label,
        seeds=lambda: [b"regions=eu,us;purposes=support|readers=team-a;regions=eu", b"regions=", b"a,b,c"],
        words=(
            b"regions=",
            b"readers=",
            b"purposes=",
            b"eu",
            b"us",
            b";",
            b",",
            b"|",
            b"=",
            b"\xff",
            b"\xe2\x80\xa8",
        ),
    ),
    Target(
        name="subjects",
        run=count_subjects,
        seeds=lambda: [b"\5ab,c=\3d%e\4fghi\2jk", b"\40" + b"\xc3\xa4" * 40, bytes(range(200))],
        words=(b",", b"=", b"%", b"%2C", b"*", b"\0"),
    ),
)
