"""A meter of which a grant's answer was lost is asked after until the database has said what is held."""

from headgate.meters.doubts import AGAIN_MS, DOUBTS_MAX, LATE_MS, Doubts
from headgate.meters.scope import Meter

ONE, OTHER = Meter("hourly", "user=a"), Meter("hourly", "user=b")


def in_doubt(*meters: Meter) -> Doubts:
    doubts = Doubts()
    doubts.note(meters, 0)
    return doubts


def test_a_meter_is_asked_after_once_a_second_until_it_is_known():
    doubts = in_doubt(ONE)
    assert doubts.due(0, 10) == [ONE]
    assert doubts.due(AGAIN_MS - 1, 10) == []
    assert doubts.due(AGAIN_MS, 10) == [ONE]
    doubts.learned([OTHER], LATE_MS)
    assert len(doubts) == 1
    doubts.learned([ONE], LATE_MS)
    assert (len(doubts), doubts.due(10 * AGAIN_MS, 10)) == (0, [])


def test_a_grant_may_yet_be_made_while_what_was_asked_is_on_its_way():
    doubts = in_doubt(ONE)
    doubts.learned([ONE], LATE_MS - 1)
    assert len(doubts) == 1
    doubts.note([ONE], 5)
    doubts.learned([ONE], LATE_MS)
    assert len(doubts) == 1, "a further answer was lost meanwhile"


def test_a_new_doubt_is_asked_after_at_once():
    doubts = in_doubt(ONE)
    assert doubts.due(0, 10) == [ONE]
    doubts.note([ONE], 5)
    assert doubts.due(5, 10) == [ONE]


def test_doubts_are_bounded_and_so_is_what_is_asked_at_once():
    doubts = in_doubt(*[Meter("hourly", f"user={number}") for number in range(DOUBTS_MAX + 5)])
    assert len(doubts) == DOUBTS_MAX
    found = doubts.due(0, 3)
    assert [meter.subject for meter in found] == ["user=5", "user=6", "user=7"]
    assert [meter.subject for meter in doubts.due(0, 1)] == ["user=8"]
