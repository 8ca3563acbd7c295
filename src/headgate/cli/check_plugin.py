"""The plugin of pytest: requirements on models and prompts as tests.

    @pytest.mark.headgate("orders")                 # a check of checks.toml beside the test
    def test_orders(headgate_check):
        headgate_check.require()

    @pytest.mark.headgate(dataset="cases.jsonl", model="careful", scorers=[...], requirements=[...])
    def test_here(headgate_check): ...

The sentences stand in the terminal's summary, also under pytest-xdist. Loads little until a test asks for the
fixture. Read next: `check_run`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec
import pytest

from headgate.cli.check_flags import Choosing, Comparing
from headgate.cli.client import connected, find_key
from headgate.cli.command import Api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Output
from headgate.core.faults import Fault
from headgate.settings import Settings

if TYPE_CHECKING:
    from headgate.cli.check_run import Checked

MARK: Final = "headgate"
FILE: Final = "checks.toml"
_OWN: Final = ("file", "target")


class HeadgateCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a check. `verdict` is `met`, `not met` or `open`, of all its targets together."""

    verdict: str
    sentence: str
    sentences: tuple[str, ...]
    """That of each target, then of each requirement."""
    targets: tuple[Any, ...]
    """Of each target its run and its report, as `headgate check --json` prints them."""

    def require(self) -> None:
        """Fail the test where a requirement does not hold, or is not known to."""
        if self.verdict != "met":
            pytest.fail("\n".join(self.sentences), pytrace=False)


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers", f"{MARK}(check, file='{FILE}', target=None): the check that headgate_check runs"
    )


@pytest.fixture
def headgate_check(request: pytest.FixtureRequest) -> HeadgateCheck:
    """Run the check that the test's mark names, on the server of HEADGATE_URL, with HEADGATE_KEY."""
    node: pytest.Item = request.node
    mark = node.get_closest_marker(MARK)
    if mark is None:
        _fail("the test names no check", 'mark it, such as with @pytest.mark.headgate("orders")')
    try:
        checked = _checked(mark, node)
    except CommandFailed as failed:
        _fail(failed.message, failed.hint)
    except Fault as fault:
        _fail(fault.message, fault.hint)
    except ImportError as missing:
        _fail(f"checks need {missing.name}, which is not installed", 'pip install "headgate[server]"')
    told = _told(checked)
    node.user_properties += [(MARK, sentence) for sentence in told.sentences]
    return told


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what is known of each check."""
    said = list(dict.fromkeys(_said(terminalreporter.stats)))
    if said:
        terminalreporter.section("headgate")
        for sentence in said:
            terminalreporter.write_line(sentence)


def _said(stats: dict[str, list[Any]]) -> Iterator[str]:
    for reports in stats.values():
        for report in reports:
            for name, sentence in getattr(report, "user_properties", ()):
                if name == MARK:
                    yield str(sentence)


def _checked(mark: pytest.Mark, node: pytest.Item) -> "Checked":
    from headgate.cli.check_run import check_of_file, check_of_table, run_check

    own = {name: mark.kwargs.get(name) for name in _OWN}
    file = node.path.parent / Path(own["file"] or FILE)
    choosing = Choosing(target=own["target"])
    settings = Settings.from_environment()
    if mark.args:
        check = check_of_file(file, str(mark.args[0]), choosing)
    else:
        table = {name: value for name, value in mark.kwargs.items() if name not in _OWN}
        check = check_of_table({"name": node.name, **table}, str(node.path))
    with connected(settings.url, find_key(settings, settings.data_folder)) as client:
        api = Api(client, Output(as_json=True), settings.data_folder)
        checked, _ = run_check(api, file, check, choosing, Comparing())
    return checked


def _told(checked: "Checked") -> HeadgateCheck:
    reports = [ran.report for ran in checked.targets]
    verdicts = {report.verdict for report in reports}
    sentences: list[str] = []
    for report in reports:
        named = "" if report.target == "target" else f"{report.target}: "
        sentences.append(f"{named}{report.sentence}")
        sentences += [f"  {requirement.sentence}" for requirement in report.requirements]
        sentences += [f"  {corrected.sentence}" for corrected in report.corrections]
        sentences += [f"  hint: {report.hint}"] if report.hint else []
    return HeadgateCheck(
        verdict=next((each for each in ("not met", "open") if each in verdicts), "met"),
        sentence=sentences[0],
        sentences=tuple(sentences),
        targets=tuple([msgspec.to_builtins(ran) for ran in checked.targets]),
    )


def _fail(message: str, hint: str) -> NoReturn:
    pytest.fail(f"{message}\nhint: {hint}", pytrace=False)
