"""Models that end, against names in the configuration and calls on record."""

from datetime import date
from decimal import Decimal

import pytest

from headgate.drift.outdated import Used, outdated, withdrawal_for


def used(target: str, **changes: object) -> Used:
    fields = {
        "project": "default",
        "model": "assistant",
        "prompt": "",
        "calls": 3,
        "cost_usd": Decimal("0.5"),
    }
    return Used(target=target, **{**fields, **changes})  # pyright: ignore[reportArgumentType]


def test_names_and_calls_are_held_against_what_makers_say() -> None:
    calls = [
        used("openai/gpt-4-0613", prompt="greeting@2"),
        used("openai/gpt-4-0613", project="shop", calls=2, cost_usd=Decimal("0.25")),
        used("openai/gpt-9-known-to-nobody"),
    ]
    names = {"assistant": ("openai/gpt-4-0613", "cloud/openai.o1-mini"), "other": ("openai/gpt-9",)}
    found = outdated(names, {"openai": "openai", "cloud": "bedrock"}, calls, date(2026, 10, 1))
    assert [each.target for each in found] == ["cloud/openai.o1-mini", "openai/gpt-4-0613"]
    mini, four = found
    assert (mini.state, mini.days_left, mini.own_platform, mini.calls) == ("retired", -339, False, 0)
    assert (four.state, four.on, four.days_left, four.own_platform) == ("retiring", "2026-10-23", 22, True)
    assert (four.aliases, four.prompts, four.projects) == (
        ("assistant",),
        ("greeting@2",),
        ("default", "shop"),
    )
    assert (four.calls, four.cost_usd, four.instead) == (5, "0.75", "gpt-5.6-sol")
    assert four.source.startswith("https://")


def test_nothing_used_is_nothing_outdated() -> None:
    assert outdated({}, {}, [], date(2026, 1, 1)) == []


@pytest.mark.parametrize(
    ("target", "known"),
    [
        ("openai/gpt-4", True),
        ("router/openai/gpt-4", True),
        ("cloud/openai.gpt-4", True),
        ("openai/gpt-99-known-to-nobody", False),
        ("openai", False),
    ],
)
def test_a_model_is_known_with_its_maker_before_its_name(target: str, known: bool) -> None:
    assert (withdrawal_for(target) is not None) is known
