"""Runs the checks of a file and prints what is known: the work of `headgate check`.

Read next: `headgate.checks.running`, `headgate.checks.report`.
"""

from pathlib import Path
from typing import Final

from headgate.checks.definitions import read_checks
from headgate.checks.marking import JudgedHere, Marker
from headgate.checks.model import Check, Result, Target
from headgate.checks.report import LISTED_MAX, Fault, Report, report
from headgate.checks.running import Job, Outcome, run
from headgate.cli.check_flags import Choosing
from headgate.cli.command import Api
from headgate.cli.failure import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_UNREACHABLE, CommandFailed
from headgate.cli.model_calls import ModelCalls
from headgate.cli.progress import Bars
from headgate.datasets.files import read_cases
from headgate.datasets.model import Case

EXIT_OPEN: Final = 2
"""Neither passed nor failed: more cases are needed."""


def run_checks(api: Api, file: Path, choosing: Choosing) -> int:
    """Run them one after the other and print each; return the exit status of all together."""
    chosen = _chosen(read_checks(file), choosing)
    reports: list[Report] = []
    statuses: list[int] = []
    for check, target in chosen:
        outcome = _run(api, check, target, file.parent, stops_early=not choosing.all_cases)
        said = report(check, target, outcome)
        reports.append(said)
        statuses.append(_status(outcome))
        if not api.out.as_json:
            _print(api, said)
        if outcome.ended in ("interrupted", "halted"):
            break
    if api.out.as_json:
        api.out.json(reports)
    for status in (EXIT_INTERRUPTED, EXIT_UNREACHABLE, EXIT_FAILED, EXIT_OPEN):
        if status in statuses:
            return status
    return 0


def _chosen(checks: tuple[Check, ...], choosing: Choosing) -> list[tuple[Check, Target]]:
    pairs = [(check, target) for check in checks for target in check.targets]
    found = [
        (check, target)
        for check, target in pairs
        if choosing.only in (None, check.name) and choosing.target in (None, target.name)
    ]
    if not found:
        names = ", ".join(f"{check.name} of {target.name}" for check, target in pairs)
        raise CommandFailed("there is no such check in the file", f"it holds {names}")
    return found


def _run(api: Api, check: Check, target: Target, folder: Path, *, stops_early: bool) -> Outcome:
    cases = cases_of(check, folder)
    ask = ModelCalls(
        api.client.url, api.client.key, tags=(f"check:{check.name}"[:64],), timeout_s=check.timeout_s
    )
    done = 0
    try:
        with Bars() as bars:
            advance = bars.bar(f"{check.name} of {target.name}")

            def tell(result: Result) -> None:
                del result
                nonlocal done
                done += 1
                advance(done, len(cases) * check.repeats)

            marker = Marker(check.scorers, folder, ask, JudgedHere())
            job = Job(check=check, target=target, cases=cases, tell=tell, stops_early=stops_early)
            return run(job, ask, marker)
    finally:
        ask.close()


def cases_of(check: Check, folder: Path) -> list[Case]:
    """Return the cases of a check: of a file beside it."""
    return read_cases(folder / check.dataset)


def _status(outcome: Outcome) -> int:
    match outcome.ended:
        case "interrupted":
            return EXIT_INTERRUPTED
        case "halted":
            return EXIT_UNREACHABLE
        case "failing":
            return EXIT_FAILED
        case _:
            return {"met": 0, "not met": EXIT_FAILED, "open": EXIT_OPEN}[outcome.verdict]


def _print(api: Api, said: Report) -> None:
    api.out.text(said.sentence if said.target == "target" else f"{said.target}: {said.sentence}")
    for requirement in said.requirements:
        api.out.text(f"  {requirement.sentence}")
    api.out.text(
        f"  cost {said.cost_usd} USD" + (f", {said.unpriced} calls unpriced" if said.unpriced else "")
    )
    for what, faults in (("failed", said.failed), ("wrong", said.wrong), ("no mark", said.missing)):
        _print_faults(api, what, faults)
    if said.hint:
        api.out.say(f"hint: {said.hint}")


def _print_faults(api: Api, what: str, faults: tuple[Fault, ...]) -> None:
    for fault in faults[:LISTED_MAX]:
        scorer = f" by {fault.scorer}" if fault.scorer else ""
        api.out.text(f"  {what}{scorer}: {fault.case} ({fault.request_id or 'no request'}): {fault.reason}")
    if len(faults) > LISTED_MAX:
        api.out.text(f"  {what}: {len(faults) - LISTED_MAX} more; --json lists all")
