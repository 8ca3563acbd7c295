"""The table of withdrawn models: each row dated and sourced, and found by the name that code gives it."""

from datetime import date

import pytest

from headgate.catalog.withdrawn import withdrawal_of, withdrawals
from headgate.prompts.parameters import looks_like_model, state_of

TODAY = date(2026, 11, 21)


def test_every_row_says_when_and_who_says_so() -> None:
    rows = withdrawals()
    assert len(rows) > 100
    for name, row in rows.items():
        assert name == row.model.lower()
        assert row.source.startswith("https://")
        assert date(2023, 1, 1) < row.on < date(2028, 1, 1)
        assert row.written <= TODAY
        assert row.instead != row.model


def test_every_row_is_written_as_code_names_models() -> None:
    assert [name for name in withdrawals() if not looks_like_model(name)] == []
    assert not looks_like_model("davinci")


@pytest.mark.parametrize(
    ("model", "state"),
    [
        ("gpt-4-0314", ("retired", "2026-03-26")),
        ("openai/gpt-4-0314", ("retired", "2026-03-26")),
        ("openrouter/anthropic/claude-3-opus-20240229", ("retired", "2026-01-05")),
        ("CLAUDE-2.1", ("retired", "2025-07-21")),
        ("gpt-4o", ("retiring", "2027-01-14")),
        ("text-embedding-3-small", ("known", "")),
        ("gpt-9-2031-01-01", ("dated", "")),
        ("gpt-99-huge", ("unknown", "")),
    ],
)
def test_what_is_withdrawn_is_told_with_its_day(model: str, state: tuple[str, str]) -> None:
    assert state_of(model, TODAY) == state


def test_a_model_is_retired_from_its_day_on() -> None:
    row = withdrawal_of("gpt-4o")
    assert row is not None
    assert state_of("gpt-4o", row.on)[0] == "retired"
