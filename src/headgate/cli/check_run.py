"""Runs the checks of a file: the work of `headgate check`.

Read next: `headgate.checks.running`, `check_printing`, `check_keeping`.
"""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from headgate.checks.comparing import Comparison, Looks, Tried, aligned, compare
from headgate.checks.definitions import checks_of, read_checks, target_name
from headgate.checks.judge_repeating import JudgeRepeatability, judge_repeatability
from headgate.checks.marking import Beside, Marker
from headgate.checks.matrix import Matrix, matrix, scattered
from headgate.checks.model import Answer, Check, Mark, Target
from headgate.checks.pair_marking import mark_pair, prefer
from headgate.checks.repeating import Repeatability, repeatability
from headgate.checks.report import Report, report
from headgate.checks.running import Outcome, Place
from headgate.checks.stopping import in_rounds
from headgate.cli.check_asking import Asking
from headgate.cli.check_cases import Cases, cases_of
from headgate.cli.check_flags import Choosing, Comparing
from headgate.cli.check_judges import corrections_of, marked_of, send_pairs
from headgate.cli.check_keeping import Begun, Kept, begin, resume
from headgate.cli.check_printing import print_checked
from headgate.cli.command import Api
from headgate.cli.failure import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OPEN, EXIT_UNREACHABLE, CommandFailed
from headgate.cli.model_calls import ModelCalls
from headgate.core.faults import InvalidRequest
from headgate.core.names import RUN_TAG
from headgate.datasets.model import Case
from headgate.grounding.cases import hold_case

CUT_SHORT: Final = ("interrupted", "halted")


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
        self._judged = marked_of(api.client, check, beside=self._beside)
        self._of_first: dict[Place, Answer] = {}
        """What the first of two targets answered: what pairwise judges hold the other's answers against."""

    def go(self) -> tuple[Checked, list[int]]:
        if self._comparing.compare is not None and not self._choosing.all_cases:
            ran, tried, looks = self._in_rounds()
        else:
            ran, tried, looks = self._one_after_the_other()
        statuses = [self._status(each.outcome) for each in tried]
        comparisons: list[Comparison] = []
        matrices: list[Matrix] = []
        whole = not any(each.outcome.ended in CUT_SHORT for each in tried)
        if self._beside and whole and len(tried) == len(self._check.targets):
            asked = self._asked(tried) if looks == "every" else scattered(self._cases.cases)
            if self._comparing.compare is not None:
                comparisons = self._compare(tried, asked, looks)
                send_pairs(self._api.client, self._check, self._cases.cases, tried)
            else:
                for scorer in self._check.scorers:
                    told = aligned(self._check, scorer.name, tried, asked)
                    targets = self._check.targets
                    judged = self._judged.get(scorer.name)
                    margin, by = self._comparing.margin, self._comparing.by
                    matrices.append(matrix(scorer.name, told, targets, margin, by, judged=judged))
        if self._check.pairwise and self._comparing.compare is None:
            names = ", ".join(each.name for each in self._check.pairwise)
            self._api.out.say(f"{names} compares two targets, and was not asked: add --compare ONE OTHER")
        made = Checked(name=self._check.name, targets=ran, comparisons=comparisons, matrices=matrices)
        return made, statuses

    def _compare(self, tried: Sequence[Tried], cases: Sequence[Case], looks: Looks) -> list[Comparison]:
        """By each scorer, and by each pairwise judge."""
        check = self._check
        found: list[Comparison] = []
        for scorer in check.scorers:
            told = aligned(check, scorer.name, tried, cases)
            found.append(compare(scorer.name, told, looks, self._judged.get(scorer.name)))
        for judge in check.pairwise:
            found.append(prefer(check, self._judged[judge.name], tried, cases, looks))
        return found

    def _status(self, outcome: Outcome) -> int:
        status = _status(outcome)
        return 0 if self._beside and status in (EXIT_FAILED, EXIT_OPEN) else status

    def _one_after_the_other(self) -> tuple[list[Ran], list[Tried], Looks]:
        ran: list[Ran] = []
        tried: list[Tried] = []
        for target in self._check.targets:
            with self._asking(target) as asking:
                stops_early = not (self._choosing.all_cases or self._beside)
                outcome = asking.ask(self._cases.cases, of=len(self._cases.cases), stops_early=stops_early)
            self._remember(target, outcome)
            ran.append(self._end(asking, outcome))
            tried.append(Tried(target=target, outcome=outcome))
            if outcome.ended in CUT_SHORT:
                break
        return ran, tried, "one"

    def _in_rounds(self) -> tuple[list[Ran], list[Tried], Looks]:
        """Ask both targets round after round, until every scorer tells which is better, or all is asked."""
        looks: Looks = "last"
        with ExitStack() as stack:
            asking = [stack.enter_context(self._asking(target)) for target in self._check.targets]
            tried: list[Tried] = []
            for cases in in_rounds(self._check, self._cases.cases):
                tried = self._round(asking, cases)
                if any(each.outcome.ended not in ("all asked", "decided") for each in tried):
                    break
                if len(cases) < len(self._cases.cases) and self._is_decided(tried, cases):
                    looks = "every"
                    break
        ran = [self._end(each, one.outcome) for each, one in zip(asking, tried, strict=True)]
        return ran, tried, looks

    def _round(self, asking: Sequence[Asking], cases: Sequence[Case]) -> list[Tried]:
        tried: list[Tried] = []
        for each in asking:
            # What ends the first ends the round: the other then says only what it has.
            asked = () if any(one.outcome.ended in CUT_SHORT for one in tried) else cases
            outcome = each.ask(asked, of=len(self._cases.cases), stops_early=False)
            self._remember(each.target, outcome)
            tried.append(Tried(target=each.target, outcome=outcome))
        return tried

    def _is_decided(self, tried: list[Tried], cases: Sequence[Case]) -> bool:
        try:
            told = self._compare(tried, cases, "every")
        except InvalidRequest:
            return False  # too few cases have a score of both
        return all(each.is_settled for each in told)

    def _remember(self, target: Target, outcome: Outcome) -> None:
        if self._check.pairwise and target == self._check.targets[0]:
            self._of_first |= {(each.case, each.repeat): each.answer for each in outcome.results}

    def _pairing(self, ask: ModelCalls, kept: Kept) -> Beside:
        def marks(case: Case, repeat: int, answer: Answer) -> dict[str, Mark]:
            first = self._of_first.get((case.id, repeat))
            if first is None:
                return {}
            return {
                each.name: mark_pair(each, case, (first, answer), ask, kept) for each in self._check.pairwise
            }

        return marks

    def _asked(self, tried: Sequence[Tried]) -> list[Case]:
        """The cases that were asked, in the order of the rounds."""
        asked = {result.case for each in tried for result in each.outcome.results}
        *_, ordered = in_rounds(self._check, self._cases.cases)
        return [case for case in ordered if case.id in asked]

    @contextmanager
    def _asking(self, target: Target) -> Generator[Asking]:
        kept = self._kept(target)
        ask = ModelCalls(
            self._api.client.url,
            self._api.client.key,
            tags=(f"check:{self._check.name}"[:64], f"{RUN_TAG}{kept.run}"),
            timeout_s=self._check.timeout_s,
        )
        is_second = self._comparing.compare is not None and target != self._check.targets[0]
        beside = self._pairing(ask, kept) if self._check.pairwise and is_second else None
        marker = Marker(self._check.scorers, self._file.parent, ask, kept, hold=hold_case, beside=beside)
        try:
            yield Asking(self._check, target, kept, ask, marker, judged=self._judged)
        finally:
            ask.close()

    def _end(self, asking: Asking, outcome: Outcome) -> Ran:
        check, kept = self._check, asking.kept
        said = self._with_next(report(check, asking.target, outcome), kept)
        kept.write()
        if not kept.unwritten:
            found = corrections_of(self._api.client, check, self._cases.cases, outcome)
            said = msgspec.structs.replace(said, corrections=found)
        kept.end(said)
        if kept.unwritten:
            self._api.out.say(
                f"{kept.unwritten} results are not on the server, which is away: this is all there is"
            )
        return Ran(
            run=kept.run,
            report=said,
            repeatability=repeatability(check, outcome),
            judges=judge_repeatability(check, outcome),
        )

    def _kept(self, target: Target) -> Kept:
        clusters = {case.id: case.cluster for case in self._cases.cases if case.cluster}
        begun = Begun(check=self._check, target=target, digest=self._cases.digest, clusters=clusters)
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
    if choosing.resume is not None and (comparing.compare is not None or comparing.matrix):
        raise CommandFailed(
            "--resume goes on with the run of one target, and a comparison takes several",
            "leave --resume out, or --compare and --matrix",
        )
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
        targets.append(known.get(name) or msgspec.structs.replace(first, name=target_name(name), **change))
    if targets[0].name == targets[1].name:
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
