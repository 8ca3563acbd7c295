"""Every dialect by every kind of provider by every feature; and the page that says so is what ran."""

from pathlib import Path

import msgspec
import pytest
from tests.conformance.cells import CALLERS, cell
from tests.conformance.columns import columns
from tests.conformance.features import FEATURES
from tests.conformance.page import PAGE, SIGNS, cells_of, page

from headgate.core.call import Dialect
from headgate.core.chat import Text

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("caller", CALLERS)
def test_every_feature_passes_is_said_or_is_told(caller: Dialect):
    cells = cells_of(caller)
    assert len(cells) == len(columns()) * len(FEATURES)
    assert all(one.told for one in cells.values() if one.mark in ("less", "refused"))


def test_a_feature_that_a_provider_answers_otherwise_is_caught():
    column = next(one for one in columns() if one.provider == "cerebras")
    calls = next(one for one in FEATURES if one.name == "tools")
    assert cell("anthropic", column, calls).mark == "same"
    broken = msgspec.structs.replace(calls, answer=(Text(text="Something else."),))
    with pytest.raises(AssertionError):
        cell("anthropic", column, broken)


def test_the_page_is_what_ran():
    assert (ROOT / PAGE).read_text() == page(), "make reference"
    assert set(SIGNS) == {"passed", "same", "less", "refused", "unsaid", "no way"}
