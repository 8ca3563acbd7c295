"""A grant whose answer was lost stays in doubt until its own window has been answered for."""

from headgate.meters.asks import Ask, Want, asks_for
from headgate.meters.doubts import AGAIN_MS, DOUBTS_MAX, KEPT_MS, Doubts
from headgate.meters.leases import Answer, Leases
from headgate.meters.model import Budget, Scope
from headgate.meters.scope import Meter
from headgate.meters.windows import HOUR_MS, Edges

HOURLY = Budget(id="hourly", name="hourly", scope=Scope(user="*"), limit_pico_usd=100, window="hour")
NOON_MS = 500 * HOUR_MS


def asked(wants: list[Want], wall_ms: int) -> list[Ask]:
    return asks_for(wants, Leases(), {}, wall_ms=wall_ms, now_ms=0, processes=1)


def want(user: str = "a") -> Want:
    return Want(HOURLY, Meter("hourly", f"user={user}"), 7)


def answer(edges: Edges) -> Answer:
    return Answer(
        window=1, edges=edges, granted=7, returned=0, settled=0, spent=0, leased=7, limit=100, exact=True
    )


def in_doubt(wants: list[Want], wall_ms: int = NOON_MS) -> Doubts:
    doubts = Doubts()
    doubts.note(wants, asked(wants, wall_ms), 0)
    return doubts


def test_a_doubt_ends_with_the_answer_for_its_window():
    doubts = in_doubt([want()])
    assert doubts.wants(0, NOON_MS, 10) == [Want(HOURLY, want().meter, 0)]
    doubts.settle([(want("b").meter, answer(Edges(NOON_MS, NOON_MS + HOUR_MS)))])
    assert len(doubts) == 1
    doubts.settle([(want().meter, answer(Edges(NOON_MS, NOON_MS + HOUR_MS)))])
    assert len(doubts) == 0


def test_a_clock_set_back_leaves_the_doubt_until_its_window_is_there_again():
    doubts = in_doubt([want()])
    assert len(doubts.wants(0, NOON_MS - 90_000, 10)) == 1
    doubts.settle([(want().meter, answer(Edges(NOON_MS - HOUR_MS, NOON_MS)))])
    assert len(doubts) == 1
    assert doubts.wants(AGAIN_MS - 1, NOON_MS, 10) == []
    assert doubts.wants(AGAIN_MS, NOON_MS, 10) == [Want(HOURLY, want().meter, 0)]


def test_a_doubt_is_asked_after_where_another_host_s_time_zone_makes_the_window_longer():
    doubts = in_doubt([want()])
    assert len(doubts.wants(0, NOON_MS + HOUR_MS, 10)) == 1
    doubts.settle([(want().meter, answer(Edges(NOON_MS, NOON_MS + 2 * HOUR_MS)))])
    assert len(doubts) == 0


def test_a_doubt_about_a_window_that_is_long_over_is_given_up():
    doubts = in_doubt([want()])
    assert doubts.wants(KEPT_MS, NOON_MS + HOUR_MS + KEPT_MS, 10) == []
    assert len(doubts) == 0


def test_a_host_whose_clock_is_ahead_gives_no_doubt_up_before_it_has_heard_what_time_it_is():
    doubts = in_doubt([want()])
    assert len(doubts.wants(0, NOON_MS + 3 * HOUR_MS, 10)) == 1
    assert len(doubts.wants(KEPT_MS - 1, NOON_MS + 3 * HOUR_MS, 10)) == 1


def test_what_the_window_that_was_answered_for_leaves_of_a_doubt_stays():
    """A host whose time zones differ asks for a window that lies over two of the database's."""
    doubts = in_doubt([want()])
    doubts.settle([(want().meter, answer(Edges(NOON_MS - HOUR_MS, NOON_MS + HOUR_MS // 2)))])
    assert doubts.wants(0, NOON_MS, 10) == [Want(HOURLY, want().meter, 0)]
    doubts.settle([(want().meter, answer(Edges(NOON_MS + HOUR_MS // 2, NOON_MS + 3 * HOUR_MS)))])
    assert len(doubts) == 0


def test_doubts_are_bounded_and_so_is_what_is_asked_at_once():
    doubts = in_doubt([want(f"{number}") for number in range(DOUBTS_MAX + 5)])
    assert len(doubts) == DOUBTS_MAX
    found = doubts.wants(0, NOON_MS, 3)
    assert [one.meter for one in found] == [want(f"{number}").meter for number in (5, 6, 7)]
