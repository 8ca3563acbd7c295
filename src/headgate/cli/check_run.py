"""Runs the checks of a file: the work of `headgate check`.

Read next: `headgate.checks.running`, `check_printing`, `check_keeping`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from headgate.checks.comparing import Comparison, Matrix, Tried, aligned, compare, matrix
from headgate.checks.definitions import checks_of, read_checks
from headgate.checks.judge_repeating import JudgeRepeatability, judge_repeatability
from headgate.checks.marking import Marker
from headgate.checks.model import Check, Result, Target
from headgate.checks.repeating import Repeatability, repeatability
from headgate.checks.report import Report, report
from headgate.checks.running import Job, Outcome, run
from headgate.cli.check_cases import Cases, cases_of
from headgate.cli.check_flags import Choosing, Comparing
from headgate.cli.check_judges import corrections_of
from headgate.cli.check_keeping import Begun, Kept, begin, resume
from headgate.cli.check_printing import print_checked
from headgate.cli.command import Api
from headgate.cli.failure import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_UNREACHABLE, CommandFailed
from headgate.cli.model_calls import ModelCalls
from headgate.cli.progress import Bars
from headgate.core.names import RUN_TAG
from headgate.grounding.cases import hold_case

EXIT_OPEN: Final = 2
"""Neither passed nor failed: more cases are needed."""


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one target: the run that the server keeps, and what is known."""

    run: str
    report: Report
    repeatability: tuple[Repeatability, ...]
    judges: tuple[JudgeRepeatability, ...]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a check: each target, and targets beside each other where that was asked."""

    name: str
    targets: list[Ran]
    comparisons: list[Comparison]
    matrices: list[Matrix]


def run_checks(api: Api, file: Path, choosing: Choosing, comparing: Comparing) -> int:
    """Run the checks one after the other and print each; return the exit status of all together."""
    chosen = _chosen(api, read_checks(file), choosing, comparing)
    checked: list[Checked] = []
    statuses: list[int] = []
    for check in chosen:
        made, ended = run_check(api, file, check, choosing, comparing)
        checked.append(made)
        statuses += ended
        if not api.out.as_json:
            print_checked(api.out, made.targets, made.comparisons, made.matrices)
        if {EXIT_INTERRUPTED, EXIT_UNREACHABLE} & set(ended):
            break
    if api.out.as_json:
        api.out.json(checked)
    order = (EXIT_INTERRUPTED, EXIT_UNREACHABLE, EXIT_FAILED, EXIT_OPEN)
    return next((status for status in order if status in statuses), 0)


def run_check(
    api: Api, file: Path, check: Check, choosing: Choosing, comparing: Comparing
) -> tuple[Checked, list[int]]:
    """Run one check, whose files stand beside `file`; return what came of it, and each target's status."""
    return _Runner(api, file, check, choosing, comparing).go()


def check_of_file(file: Path, name: str, choosing: Choosing) -> Check:
    """Return a check of a file by its name. Raises CommandFailed where there is none."""
    (found,) = _named(read_checks(file), name, choosing.target)[:1]
    return found


def check_of_table(table: dict[str, Any], where: str) -> Check:
    """Return the check that a table says. Raises Misconfigured."""
    return checks_of({"checks": [table]}, where)[0]


class _Runner:
    """One check: its targets, one after the other, on the same cases."""

    def __init__(self, api: Api, file: Path, check: Check, choosing: Choosing, comparing: Comparing) -> None:
        self._api = api
        self._file = file
        self._check = check
        self._choosing = choosing
        self._comparing = comparing
        self._beside = comparing.compare is not None or comparing.matrix
        self._cases: Cases = cases_of(api.client, check, file.parent)

    def go(self) -> tuple[Checked, list[int]]:
        ran: list[Ran] = []
        tried: list[Tried] = []
        statuses: list[int] = []
        for target in self._check.targets:
            made, outcome = self._run(target)
            ran.append(made)
            tried.append(Tried(target=target, outcome=outcome))
            status = _status(outcome)
            statuses.append(0 if self._beside and status in (EXIT_FAILED, EXIT_OPEN) else status)
            if outcome.ended in ("interrupted", "halted"):
                break
        comparisons: list[Comparison] = []
        matrices: list[Matrix] = []
        if self._beside and len(tried) == len(self._check.targets):
            for scorer in self._check.scorers:
                told = aligned(self._check, scorer.name, tried, self._cases.cases)
                if self._comparing.compare is not None:
                    comparisons.append(compare(scorer.name, told))
                else:
                    targets = self._check.targets
                    matrices.append(matrix(self._check, scorer.name, told, targets, self._comparing.margin))
        made = Checked(name=self._check.name, targets=ran, comparisons=comparisons, matrices=matrices)
        return made, statuses

    def _run(self, target: Target) -> tuple[Ran, Outcome]:
        kept = self._kept(target)
        check = self._check
        ask = ModelCalls(
            self._api.client.url,
            self._api.client.key,
            tags=(f"check:{check.name}"[:64], f"{RUN_TAG}{kept.run}"),
            timeout_s=check.timeout_s,
        )
        done = len(kept.known)
        try:
            with Bars() as bars:
                advance = bars.bar(f"{check.name} of {target.name}")

                def tell(result: Result) -> None:
                    nonlocal done
                    done += 1
                    advance(done, len(self._cases.cases) * check.repeats)
                    kept.tell(result)

                job = Job(
                    check=check,
                    target=target,
                    cases=self._cases.cases,
                    known=kept.known,
                    tell=tell,
                    stops_early=not (self._choosing.all_cases or self._beside),
                )
                marker = Marker(check.scorers, self._file.parent, ask, kept, hold=hold_case)
                outcome = run(job, ask, marker)
        finally:
            ask.close()
        said = self._with_next(report(check, target, outcome), kept)
        kept.write()
        if not kept.unwritten:
            found = corrections_of(self._api.client, check, self._cases.cases, outcome)
            said = msgspec.structs.replace(said, corrections=found)
        kept.end(said)
        if kept.unwritten:
            self._api.out.say(
                f"{kept.unwritten} results are not on the server, which is away: this is all there is"
            )
        ran = Ran(
            run=kept.run,
            report=said,
            repeatability=repeatability(check, outcome),
            judges=judge_repeatability(check, outcome),
        )
        return ran, outcome

    def _kept(self, target: Target) -> Kept:
        begun = Begun(check=self._check, target=target, digest=self._cases.digest)
        if self._choosing.resume is not None:
            return resume(self._api.client, self._choosing.resume, begun)
        return begin(self._api.client, begun, self._cases.name)

    def _with_next(self, said: Report, kept: Kept) -> Report:
        """Say how to go on, where there is something left to do."""
        if said.ended not in ("budget", "halted", "interrupted"):
            return said
        again = f"headgate check {self._file}" + (f" --resume {kept.run}" if said.calls else "")
        hint = f"{said.hint}: {again}" if said.hint else again
        return msgspec.structs.replace(said, hint=hint)


def _chosen(api: Api, checks: Sequence[Check], choosing: Choosing, comparing: Comparing) -> list[Check]:
    """Return the checks with the targets that are wanted of each. Raises CommandFailed for none."""
    only, of_target = choosing.only, choosing.target
    if choosing.resume is not None:
        found = api.client.get(f"/checks/runs/{choosing.resume}")["run"]
        only, of_target = found["name"], found["target"]
    if comparing.compare is not None:
        checks = [_compared(check, comparing.compare) for check in checks]
    return _named(checks, only, of_target)


def _named(checks: Sequence[Check], only: str | None, of_target: str | None) -> list[Check]:
    chosen: list[Check] = []
    for check in checks:
        targets = tuple([target for target in check.targets if of_target in (None, target.name)])
        if only in (None, check.name) and targets:
            chosen.append(msgspec.structs.replace(check, targets=targets))
    if not chosen:
        names = ", ".join(f"{check.name} of {target.name}" for check in checks for target in check.targets)
        raise CommandFailed("there is no such check in the file", f"it holds {names}")
    return chosen


def _compared(check: Check, names: tuple[str, str]) -> Check:
    known = {target.name: target for target in check.targets}
    first = check.targets[0]
    targets: list[Target] = []
    for name in names:
        change = {"prompt": name} if "@" in name else {"model": name}
        targets.append(known.get(name) or msgspec.structs.replace(first, name=name, **change))
    if names[0] == names[1]:
        raise CommandFailed(f"{names[0]} is compared with itself", "name two targets, models or prompts")
    return msgspec.structs.replace(check, targets=tuple(targets))


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
