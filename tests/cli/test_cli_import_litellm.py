"""What becomes of LiteLLM's file: every result is a headgate.toml that the server takes."""

import tomllib
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headgate.cli.litellm import convert
from headgate.cli.toml import write_toml
from headgate.config.document import Document


def toml_of(config: dict[str, Any]) -> dict[str, Any]:
    table = tomllib.loads(convert(config).toml)
    msgspec.convert(table, Document)
    return table


def model(alias: str, **parameters: Any) -> dict[str, Any]:
    return {"model_name": alias, "litellm_params": parameters}


def test_two_deployments_of_one_name_share_its_weight() -> None:
    table = toml_of(
        {
            "model_list": [
                model("gpt", model="azure/a", api_base="https://a.example", api_key="os.environ/A", weight=3),
                model("gpt", model="azure/b", api_base="https://b.example", api_key="os.environ/B"),
            ]
        }
    )
    assert set(table["providers"]) == {"azure", "azure-2"}
    assert table["providers"]["azure-2"]["api_key"] == "env:B"
    assert table["models"]["gpt"]["strategy"] == "weighted"
    assert table["models"]["gpt"]["targets"] == [
        {"target": "azure/a", "weight": 3},
        {"target": "azure-2/b", "weight": 1},
    ]


def test_prices_a_token_become_prices_a_million_to_the_digit() -> None:
    table = toml_of(
        {
            "model_list": [
                model("m", model="openai/m", input_cost_per_token="2.5e-07", output_cost_per_token=1e-06)
            ]
        }
    )
    assert table["prices"]["openai/m"] == {"input": "0.25", "output": "1"}


def test_budgets_keep_their_windows_and_others_are_listed() -> None:
    config = {
        "model_list": [model("m", model="openai/m", max_budget=1.5, budget_duration="1d")],
        "router_settings": {"provider_budget_config": {"openai": {"budget_limit": 10, "time_period": "3d"}}},
    }
    table = toml_of(config)
    [budget] = table["budgets"]
    assert (budget["limit"], budget["window"], budget["scope"]) == ("1.5 USD", "day", {"model": "openai/m"})
    assert [line for line in convert(config).left if "3d" in line]


def test_what_has_no_place_is_listed_and_never_dropped() -> None:
    config = {
        "model_list": [
            model("any", model="openai/*"),
            model("other", model="sagemaker/x"),
            {"model_name": "half"},
            model("m", model="openai/m", api_key="sk-literal", organization="o"),
        ],
        "general_settings": {"master_key": "sk-1234"},
        "environment_variables": ["A"],
    }
    converted = convert(config)
    left = "\n".join(converted.left)
    for what in (
        "openai/*",
        "sagemaker/x",
        "model_list[2]",
        "organization",
        "master_key",
        "environment_variables",
    ):
        assert what in left
    assert "sk-literal" not in converted.toml + left
    assert "sk-1234" not in converted.toml + left


values = st.recursive(
    st.text() | st.integers(-(2**60), 2**60) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(min_size=1), st.dictionaries(st.text(), values, max_size=3), max_size=3))
def test_whatever_is_written_reads_back_the_same(section: dict[str, Any]) -> None:
    written = write_toml({"providers": section})
    assert tomllib.loads(written).get("providers", {}) == section


@given(
    st.dictionaries(
        st.sampled_from(["model_list", "router_settings", "litellm_settings", "general_settings"]),
        st.recursive(
            st.none() | st.text(max_size=8) | st.integers(0, 9) | st.floats(0, 9),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["model_name", "litellm_params", "model", "fallbacks", "timeout", "max_budget"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=10,
        ),
    )
)
def test_no_file_whatever_it_holds_upsets_the_conversion(config: dict[str, Any]) -> None:
    tomllib.loads(convert(config).toml)
