"""Envelopes in segments: any cut and any damage gives only entries that were written, in their order."""

import uuid
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.journal.format import HEAD, MARK, PAYLOAD_BYTES_MAX, Damage, Entry, entries, frame, seed_of

SEED = seed_of(uuid.UUID(int=7))
PAYLOADS = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.binary(max_size=60) | st.binary(max_size=8).map(lambda data: data + MARK + b"\1\0"),
    ),
    max_size=8,
)


def written(payloads: list[tuple[int, bytes]]) -> bytes:
    return b"".join(frame(kind, payload, SEED) for kind, payload in payloads)


def read(data: bytes, *, final: bool, offset: int = 0) -> tuple[list[tuple[int, bytes]], int, int]:
    found: list[tuple[int, bytes]] = []
    damaged, position = 0, offset
    for item in entries(data, offset, SEED, final=final):
        assert item.next_offset > position
        if isinstance(item, Entry):
            assert item.next_offset - position == HEAD.size + len(item.payload)
            found.append((item.kind, item.payload))
        else:
            assert isinstance(item, Damage) and item.next_offset - position == item.skipped_bytes
            damaged += item.skipped_bytes
        position = item.next_offset
    return found, damaged, position


@given(PAYLOADS, st.data())
def test_a_torn_tail_waits_and_goes_on_where_it_was(
    payloads: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    whole = written(payloads)
    cut = data.draw(st.integers(0, len(whole)))
    first, damaged, position = read(whole[:cut], final=False)
    assert damaged == 0 and first == payloads[: len(first)]
    rest, damaged, end = read(whole[position:], final=True, offset=position)
    assert damaged == 0 and first + rest == payloads and end == len(whole)


@given(PAYLOADS, st.data())
def test_damage_never_makes_an_entry_and_costs_only_what_it_hit(
    payloads: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    whole = written(payloads)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    damaged_bytes = whole[:start] + data.draw(st.binary(max_size=30)) + whole[end:]
    found, damaged, position = read(damaged_bytes, final=True)
    assert position == len(damaged_bytes)
    left = iter(payloads)
    assert all(entry in left for entry in found), "only what was written, in its order"
    offset, untouched = 0, list[tuple[int, bytes]]()
    for kind, payload in payloads:
        size = HEAD.size + len(payload)
        if offset + size <= start or offset >= end:
            untouched.append((kind, payload))
        offset += size
    if start < end and not damaged:
        assert damaged_bytes == whole or len(found) < len(payloads)
    left = iter(found)
    assert all(entry in left for entry in untouched), "what was not hit is found"


@given(PAYLOADS, st.binary(max_size=50))
def test_what_a_client_sends_is_never_an_entry(payloads: list[tuple[int, bytes]], noise: bytes) -> None:
    forged_payload = b"forged"
    forged = (
        HEAD.pack(MARK, len(forged_payload), zlib.crc32(forged_payload, zlib.crc32(b"\3\0")), 3)
        + forged_payload
    )
    outer = frame(4, noise + forged + noise, SEED)
    broken = outer[: HEAD.size - 3] + bytes([outer[HEAD.size - 3] ^ 0xFF]) + outer[HEAD.size - 2 :]
    found, _, _ = read(written(payloads) + broken + written(payloads), final=True)
    assert found == payloads + payloads


def test_an_entry_has_a_greatest_size() -> None:
    with pytest.raises(ValueError, match="is more than"):
        frame(1, bytes(PAYLOAD_BYTES_MAX + 1), SEED)


def test_another_boots_entries_are_damage() -> None:
    other = frame(1, b"x", seed_of(uuid.UUID(int=8)))
    assert read(other, final=True) == ([], len(other), len(other))
