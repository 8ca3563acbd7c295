"""Real instrumentations say what they said when the page was written, or the page is written again."""

import pytest
from tests.attack.instrumentations import instrumentation_runs
from tests.attack.instrumentations.hearing import marks_of, recorded
from tests.attack.instrumentations.instrumentation_runs import ENVIRONMENT, NAMES, exported_by


@pytest.fixture(scope="session", autouse=True)
def _environment() -> None:
    assert ENVIRONMENT.exists(), f"{ENVIRONMENT} is missing: run `make attack`, which makes it"


@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", NAMES)
def test_what_it_exports_is_what_the_provider_said(name: str) -> None:
    assert marks_of(exported_by(name)) == marks_of(recorded(name)), (
        f"run `python -m {instrumentation_runs.__name__} {name}` and `make reference`"
    )
