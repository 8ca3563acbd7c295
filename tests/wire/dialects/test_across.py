"""Across dialects: a sample of all that was recorded. All of it: `tests/attack/test_attack_across.py`."""

from tests.wire.dialects.across_walk import REASONS, walk


def test_the_official_sdks_hear_what_was_recorded_in_every_callers_dialect():
    table = walk(every=8)
    unexplained = [fault for fault in table.faults if fault[2] not in REASONS]
    assert not unexplained, unexplained[:10]
    assert sum(table.heard.values()) > 500
    assert len({(source, target) for _, source, target in table.heard}) == 20, "a pair of dialects is missing"
