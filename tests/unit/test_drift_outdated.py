"""Models that end, against names in the configuration and calls on record."""

from datetime import date
from decimal import Decimal

import pytest

from headgate.config.compile import compile_file
from headgate.core.faults import Misconfigured
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
    found = outdated(names, {"openai": "openai", "cloud": "bedrock"}, calls, date(2026, 10, 1), {})
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


def test_a_day_of_the_configuration_goes_before_the_makers() -> None:
    text = (
        '[providers.openai]\nkind = "openai"\napi_key = "env:KEY"\n[withdrawn."openai/gpt-4-0613"]\n'
        'on = "2027-01-31"\ninstead = "gpt-9"\n[withdrawn."openai/ours"]\non = "2026-09-30"\n'
    )
    told = compile_file(text, today=date(2026, 10, 1)).withdrawn
    names = {"assistant": ("openai/gpt-4-0613", "openai/ours", "other/ours", "openai/gpt-9")}
    found = outdated(names, {"openai": "openai"}, [], date(2026, 10, 1), told)
    assert [(each.target, each.on, each.state, each.instead, each.own_platform) for each in found] == [
        ("openai/ours", "2026-09-30", "retired", "", True),
        ("openai/gpt-4-0613", "2027-01-31", "retiring", "gpt-9", True),
    ]
    assert {each.source for each in found} == {"headgate.toml"}


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ('[withdrawn."shop/x"]\non = "31.01.2027"', "write a day, year first, such as '2027-01-31'"),
        ('[withdrawn."nobody/x"]\non = "2027-01-31"', "nobody"),
        ('[withdrawn.shop]\non = "2027-01-31"', "names no model"),
    ],
)
def test_a_day_that_says_nothing_is_refused(table: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        compile_file(f'[providers.shop]\nkind = "mock"\n{table}\n')


def test_nothing_used_is_nothing_outdated() -> None:
    assert outdated({}, {}, [], date(2026, 1, 1), {}) == []


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
