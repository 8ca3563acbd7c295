"""A filter by what was said: what it means, and what it is not."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.faults import InvalidRequest
from headgate.traces.reading.scored import ScoreFilter, read_score

READ: list[tuple[str, ScoreFilter]] = [
    ("csat", ScoreFilter(name="csat")),
    ("csat>=4", ScoreFilter(name="csat", kind="number", low=4.0)),
    ("csat > 4", ScoreFilter(name="csat", kind="number", low=math.nextafter(4, 5))),
    ("csat<0.5", ScoreFilter(name="csat", kind="number", high=math.nextafter(0.5, 0))),
    ("csat<=-1", ScoreFilter(name="csat", kind="number", high=-1.0)),
    ("csat:4", ScoreFilter(name="csat", kind="number", low=4.0, high=4.0)),
    ("csat=4", ScoreFilter(name="csat", kind="number", low=4.0, high=4.0)),
    ("helpful:false", ScoreFilter(name="helpful", kind="boolean", low=0.0, high=0.0)),
    ("helpful:Yes", ScoreFilter(name="helpful", kind="boolean", low=1.0, high=1.0)),
    ("outcome:not resolved", ScoreFilter(name="outcome", kind="text", text="not resolved")),
    ("ragas:faithful>=0.5", ScoreFilter(name="ragas:faithful", kind="number", low=0.5)),
    ("outcome=a:b", ScoreFilter(name="outcome", kind="text", text="a:b")),
]


@pytest.mark.parametrize(("text", "wanted"), READ)
def test_what_is_written_is_what_is_asked(text: str, wanted: ScoreFilter) -> None:
    assert read_score(text) == wanted


@pytest.mark.parametrize("text", ["", ">=4", "csat>=", "csat>high", "csat:", ":4", "csat>=nan", "n" * 101])
def test_what_says_nothing_clear_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidRequest, match="write such as csat>=4, helpful:false"):
        read_score(text)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        found = read_score(text)
    except InvalidRequest:
        return
    assert found.name and (found.low is None or math.isfinite(found.low))
