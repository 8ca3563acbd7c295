"""What attacks find is shown at the end of the run: tables that tests hand in with `shown`."""

from collections.abc import Callable
from typing import cast

import pytest

_PROPERTY = "shown at the end"

Show = Callable[[str], None]


@pytest.fixture
def shown(record_property: Callable[[str, object], None]) -> Show:
    """Hand in a text that the run prints at its end, whichever process the test runs in."""

    def show(text: str) -> None:
        record_property(_PROPERTY, text)

    return show


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print every text that tests have handed in, once, and what was skipped."""
    for report in terminalreporter.stats.get("skipped", ()):
        place: object = getattr(report, "longrepr", "")
        # File, line and reason, as pytest keeps it of a test that was skipped.
        reason = str(cast("tuple[object, ...]", place)[-1] if isinstance(place, tuple) else place)
        terminalreporter.write_line(f"not run: {report.nodeid}: {reason}")
    printed: set[str] = set()
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, ())]
    for report in reports:
        for name, text in getattr(report, "user_properties", ()):
            if name == _PROPERTY and text not in printed:
                printed.add(text)
                terminalreporter.section(report.nodeid.rpartition("::")[2].replace("_", " "))
                terminalreporter.write_line(text)
