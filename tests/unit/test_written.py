"""Values and times as people, files and warehouses write them."""

import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.pages import parse_instant_ms
from headgate.core.written import Wanted, read_time, read_value, read_word

NOW_MS = 1_795_305_600_000  # 2026-11-22T00:00:00Z


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", True),
        (" No ", False),
        ("TRUE", True),
        ("false", False),
        ("3", 3.0),
        ("-0.5", -0.5),
        ("+.5", 0.5),
        ("1e3", 1000.0),
        ("1_000", "1_000"),
        ("\u0663", "\u0663"),
        ("a b", "a b"),
        ("0x1f", "0x1f"),
        ("nancy", "nancy"),
        ("good, really", "good, really"),
        (True, True),
        (7, 7.0),
        (2.5, 2.5),
        (Decimal("2.50"), 2.5),
    ],
)
def test_values_are_read_as_what_they_are(written: object, value: object) -> None:
    read = read_value(written)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        (None, "is empty"),
        ("nan", "no number to count with"),
        ("-Infinity", "no number to count with"),
        ("1e999", "no number to count with"),
        (float("nan"), "no number to count with"),
        (float("inf"), "no number to count with"),
        (Decimal("NaN"), "no number to count with"),
        (Decimal("sNaN"), "no number to count with"),
        (10**400, "no number to count with"),
        ("4,5", "with a point and nothing else"),
        ("1.234,50", "with a point and nothing else"),
        ("1,234", "with a point and nothing else"),
        ([1], "is a list"),
        ({"a": 1}, "is an object"),
        (b"x", "is a bytes"),
    ],
)
def test_what_can_not_be_counted_with_is_refused(written: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_value(written)


@pytest.mark.parametrize(
    ("wanted", "good", "bad"),
    [
        ("number", {"4.5": 4.5, 3: 3.0}, ["good", "yes", True]),
        ("yes-no", {"yes": True, "0": False, 1: True, False: False}, ["2", "maybe", 0.5]),
        ("text", {"5": "5", "nan": "nan", "4,5": "4,5"}, [5, "", None]),
    ],
)
def test_what_was_wanted_is_held_to(wanted: Wanted, good: dict[object, object], bad: list[object]) -> None:
    assert {written: read_value(written, wanted) for written in good} == good
    for written in bad:
        with pytest.raises(ValueError, match="is "):
            read_value(written, wanted)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_comes_back(number: float) -> None:
    assert read_value(repr(number)) == number


@given(st.text())
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        read = read_value(text)
    except ValueError as error:
        assert str(error).startswith("is ")
    else:
        assert read == read and (not isinstance(read, str) or read == text)


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-11-21T08:00:00Z", "2026-11-21T08:00:00.000Z"),
        ("2026-11-21T08:00:00+02:00", "2026-11-21T06:00:00.000Z"),
        ("2026-11-21 08:00:00.5", "2026-11-21T08:00:00.500Z"),
        ("2026-11-21 08:00:00+00", "2026-11-21T08:00:00.000Z"),
        ("2026-11-21", "2026-11-21T00:00:00.000Z"),
        ("1700000000", "2023-11-14T22:13:20.000Z"),
        ("1700000000123", "2023-11-14T22:13:20.123Z"),
        (1700000000, "2023-11-14T22:13:20.000Z"),
        (1700000000123, "2023-11-14T22:13:20.123Z"),
        (1700000000.25, "2023-11-14T22:13:20.250Z"),
        (date(2026, 11, 21), "2026-11-21T00:00:00.000Z"),
        (datetime(2026, 11, 21, 8), "2026-11-21T08:00:00.000Z"),
        (datetime(2026, 11, 21, 8, tzinfo=timezone(timedelta(hours=-5))), "2026-11-21T13:00:00.000Z"),
        ("2026-11-22T23:00:00Z", "2026-11-22T23:00:00.000Z"),
    ],
)
def test_times_are_read_in_every_form_that_is_usual(written: object, instant: str) -> None:
    assert read_time(written, NOW_MS) == instant
    parse_instant_ms(instant, "at")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("yesterday", "write a time such as"),
        ("22.11.2026", "write a time such as"),
        ("infinity", "write a time such as"),
        (True, "write a time such as"),
        (float("nan"), "write a time such as"),
        ("9999-12-31T23:59:59Z", "more than a day ahead"),
        ("2026-11-24", "more than a day ahead"),
        (10**18, "more than a day ahead"),
        ("1970-01-01", "before the year 2000"),
        ("0001-01-01T00:00:00+14:00", "before the year 2000|write a time"),
        (0, "before the year 2000"),
        (-5.0, "before the year 2000"),
        (datetime(1899, 12, 30, tzinfo=UTC), "before the year 2000"),
    ],
)
def test_a_time_that_can_not_be_is_refused(written: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_time(written, NOW_MS)


def test_words_are_texts_and_whole_numbers() -> None:
    assert [read_word("a"), read_word(7)] == ["a", "7"]
    for written in (True, 1.5, None, uuid.UUID(int=1)):
        with pytest.raises(ValueError, match="write a text"):
            read_word(written)
