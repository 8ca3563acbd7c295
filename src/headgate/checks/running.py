"""Runs a check: asks and marks case after case, several at a time, and stops as soon as it is decided.

Knows nothing of terminals and of how calls are sent: `Ask` sends them. What was asked before, in a run that
is resumed, is given as `known` and asked no more. Read next: `checks.answering`, `checks.marking`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Final, Literal, NamedTuple

import msgspec

from headgate.checks.answering import Ask, Halted, answer_of, body_of
from headgate.checks.correcting import Judged
from headgate.checks.deciding import Tally, begin, is_decided, overall
from headgate.checks.erring import judge_of_requirement, unknown
from headgate.checks.marking import Marker
from headgate.checks.model import Check, Required, Result, Target
from headgate.checks.planning import Plan, Trial, plan
from headgate.checks.working import work
from headgate.datasets.model import Case
from headgate.statistics.requirements import Verdict

FAILED_IN_A_ROW: Final = 10
"""So many calls failed from the beginning, and none did not: no more are made."""

Place = tuple[str, int]
"""A case's id and a repeat's number."""
Ended = Literal["decided", "marks wanted", "all asked", "budget", "failing", "halted", "interrupted"]
"""`marks wanted`: what is open is hidden by a judge's errors, and no more cases would tell."""


class _End(NamedTuple):
    ended: Ended
    message: str = ""
    hint: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A check of one target on some cases; what is known already, and what is to be told of each result.

    `judged` is what people marked of the judges among its scorers, by the scorer's name.
    """

    check: Check
    target: Target
    cases: Sequence[Case]
    known: Mapping[Place, Result] = {}
    judged: Mapping[str, Judged] = {}
    tell: Callable[[Result], None] = lambda result: None
    stops_early: bool = True


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run. `counted` are the results that the tallies saw; others were under way."""

    ended: Ended
    tallies: tuple[Tally, ...]
    results: tuple[Result, ...]
    counted: tuple[Result, ...]
    units: int
    planned: Plan
    message: str = ""
    hint: str = ""

    @property
    def verdict(self) -> Verdict:
        """The verdict on all requirements together."""
        return overall(self.tallies)

    @property
    def cost_pico_usd(self) -> int:
        """What answers and marks have cost, as far as prices are known."""
        return sum(cost or 0 for result in self.results for cost in costs_of(result))

    @property
    def unpriced(self) -> int:
        """How many calls had no known price."""
        return sum(cost is None for result in self.results for cost in costs_of(result))


def costs_of(result: Result) -> list[int | None]:
    """Return what the calls behind a result have cost. A call that failed without a price cost nothing."""
    answer = result.answer.cost_pico_usd
    if answer is None and result.answer.problem:
        answer = 0
    return [answer, *(mark.cost_pico_usd for mark in result.marks.values())]


def run(job: Job, ask: Ask, marker: Marker) -> Outcome:
    """Run a check to its end. Raises InvalidRequest where a case does not fit the target.

    Ctrl-C ends it with what is known. Never raises Halted: the outcome says so.
    """
    planned = plan(job.check, job.cases)
    for case in job.cases:
        body_of(job.target, case)
    return _Run(job, planned, ask, marker).go()


class _Run:
    """One run, from the first call to the verdict."""

    def __init__(self, job: Job, planned: Plan, ask: Ask, marker: Marker) -> None:
        self._job = job
        self._planned = planned
        self._ask = ask
        self._marker = marker
        self._results: dict[Place, Result] = dict(job.known)
        self._spent = sum(cost or 0 for result in job.known.values() for cost in costs_of(result))
        self._dearest = 0
        self._failed_first = 0
        self._has_answered = any(not result.answer.problem for result in job.known.values())
        self._seen = 0
        self._end: _End | None = None
        """Why nothing more is asked, unless it is all decided or asked."""
        self._tallies: tuple[Tally, ...] = tuple(
            begin(required, job.check.scorer_of(required), planned.total, _judged(job, required))
            for required in job.check.requirements
        )

    def go(self) -> Outcome:
        self._look()
        left = [trial for trial in self._planned.trials if _place(trial) not in self._results]
        try:
            end = self._work(left)
        except KeyboardInterrupt:
            end = _End("interrupted", "it was interrupted", "go on")
        self._look()
        return self._outcome(end)

    def _work(self, left: list[Trial]) -> _End:
        results = work(left, self._one, self._may_begin, at_once=self._job.check.concurrency)
        try:
            with closing(results):
                for result in results:
                    self._take(result)
                    self._look()
                    if self._failed_first >= FAILED_IN_A_ROW and not self._has_answered:
                        self._end = self._all_failed()
        except Halted as halted:
            self._end = _End("halted", halted.message, halted.hint)
        if self._is_done():
            return _End("marks wanted" if overall(self._tallies) == "open" else "decided")
        return self._end or _End("all asked")

    def _may_begin(self, under_way: int) -> bool:
        if self._end is None and not self._is_done() and self._is_spent(under_way):
            self._end = _End("budget", "its budget is spent", "raise budget, then go on")
        return self._end is None and not self._is_done()

    def _one(self, trial: Trial) -> Result:
        answer = answer_of(self._ask, body_of(self._job.target, trial.case))
        marks = self._marker.marks(trial.case, answer, trial.repeat)
        return Result(case=trial.case.id, repeat=trial.repeat, answer=answer, marks=marks)

    def _take(self, result: Result) -> None:
        self._results[result.case, result.repeat] = result
        cost = sum(each or 0 for each in costs_of(result))
        self._spent += cost
        self._dearest = max(self._dearest, cost)
        if result.answer.problem:
            self._failed_first += 1
        else:
            self._has_answered = True
        self._job.tell(result)

    def _look(self) -> None:
        """Count the units that are complete, in their order, until the check is decided."""
        units = self._planned.units
        while self._seen < len(units) and not self._is_done():
            found = [self._results.get(_place(trial)) for trial in units[self._seen]]
            results = [result for result in found if result is not None]
            if len(results) < len(found):
                break
            self._tallies = tuple([tally.observe(results) for tally in self._tallies])
            self._seen += 1

    def _is_done(self) -> bool:
        return self._job.stops_early and is_decided(self._tallies)

    def _is_spent(self, under_way: int) -> bool:
        limit = self._job.check.budget_pico_usd
        return limit is not None and self._spent + (under_way + 1) * self._dearest > limit

    def _all_failed(self) -> _End:
        problem = next(each.answer.problem for each in self._results.values() if each.answer.problem)
        return _End(
            "failing",
            f"all of the first {self._failed_first} calls failed: {problem}",
            "see that the target works, such as by `headgate requests`",
        )

    def _outcome(self, end: _End) -> Outcome:
        places = [_place(trial) for unit in self._planned.units[: self._seen] for trial in unit]
        return Outcome(
            ended=end.ended,
            tallies=self._tallies,
            results=tuple(self._results.values()),
            counted=tuple(self._results[place] for place in places),
            units=self._seen,
            planned=self._planned,
            message=end.message,
            hint=end.hint,
        )


def _judged(job: Job, required: Required) -> Judged | None:
    judge = judge_of_requirement(job.check, required)
    return None if judge is None else job.judged.get(judge.name, unknown(judge))


def _place(trial: Trial) -> Place:
    return trial.case.id, trial.repeat
