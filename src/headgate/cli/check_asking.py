"""Asks one target of a check, some cases at a time, with a bar for who waits. Read next: `check_run`."""

from collections.abc import Mapping, Sequence

from headgate.checks.correcting import Judged
from headgate.checks.marking import Marker
from headgate.checks.model import Check, Result, Target
from headgate.checks.running import Job, Outcome, Place, run
from headgate.cli.check_keeping import Kept
from headgate.cli.model_calls import ModelCalls
from headgate.cli.progress import Bars
from headgate.datasets.model import Case


class Asking:
    """One target of a check, its run on the server, and what it has answered so far."""

    def __init__(
        self,
        check: Check,
        target: Target,
        kept: Kept,
        ask: ModelCalls,
        marker: Marker,
        *,
        judged: Mapping[str, Judged],
    ) -> None:
        self.target = target
        self.kept = kept
        self._check = check
        self._ask = ask
        self._marker = marker
        self._judged = judged
        self._known: dict[Place, Result] = dict(kept.known)

    def ask(self, cases: Sequence[Case], *, of: int, stops_early: bool) -> Outcome:
        """Ask what isn't known yet of these cases, of so many in all."""
        with Bars() as bars:
            advance = bars.bar(f"{self._check.name} of {self.target.name}")

            def tell(result: Result) -> None:
                self._known[result.case, result.repeat] = result
                advance(len(self._known), of * self._check.repeats)
                self.kept.tell(result)

            job = Job(
                check=self._check,
                target=self.target,
                cases=cases,
                known=dict(self._known),
                judged=self._judged,
                tell=tell,
                stops_early=stops_early,
            )
            return run(job, self._ask, self._marker)
