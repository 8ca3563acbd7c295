"""A better system text for a check's target, looked for by GEPA: the work of `headgate optimise`.

GEPA chooses and proposes; every call goes through the gateway, metered. What it found is then held against
the text of before on cases that it never saw, and only that is claimed: of the budget, that much is kept
until then. Source:
Agrawal et al., "GEPA: Reflective Prompt Evolution Can Outperform Reinforcement Learning", arXiv 2507.19457.
Read next: `checks.running`, `checks.marking`.
"""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec
from gepa.api import optimize  # pyright: ignore[reportUnknownVariableType] - its own types are partial
from gepa.core.adapter import EvaluationBatch, ProposalFn
from gepa.core.result import GEPAResult

from headgate.checks.answering import CHAT, Ask, Halted, body_of, patiently
from headgate.checks.comparing import clusters_of, difference_of
from headgate.checks.judging import JudgedHere, text_of
from headgate.checks.marking import Marker
from headgate.checks.model import Answer, Check, Result
from headgate.checks.running import Job, costs_of, run
from headgate.cli.check_cases import cases_of
from headgate.cli.check_flags import Choosing
from headgate.cli.check_run import check_of_file
from headgate.cli.client import Json
from headgate.cli.command import Api
from headgate.cli.failure import CommandFailed
from headgate.cli.model_calls import calling
from headgate.core.faults import InvalidRequest
from headgate.core.money import format_usd
from headgate.datasets.model import Case
from headgate.grounding.cases import hold_case

SYSTEM: Final = "system"
CASES_LEAST: Final = 6
TRIED_AT_ONCE: Final = 3
SHOWN_CHARACTERS_MAX: Final = 2000
TOO_LITTLE: Final = "the check's budget does not last for a text that is held against cases it never saw"
RAISE: Final = "raise `budget` of the check, or give it fewer cases"

Candidate = dict[str, str]
Batch = EvaluationBatch[tuple[Case, Result], Result]


class Optimised(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: scores of both texts on the cases that were held out, and their difference."""

    text: str
    is_another: bool
    held_out: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    cost_pico_usd: int
    calls: int

    @property
    def is_better(self) -> bool:
        """Whether the interval says so."""
        return self.is_another and self.low > 0

    @property
    def sentence(self) -> str:
        """What is known, in one sentence."""
        if not self.is_another:
            return f"No text was found that does better than the present one, in {self.calls} calls."
        ends = ", ".join(f"{100 * each:+.1f}" for each in (self.low, self.high))
        told = f"{100 * self.before:.1f} % and {100 * self.after:.1f} % of {self.held_out} cases it never saw"
        if self.is_better:
            return f"The new text is better by {100 * self.difference:.1f} points ({ends}): {told}."
        return f"The new text is not known to be better ({ends} points): {told}."


class Searching:
    """Asks and marks cases for GEPA (`gepa.GEPAAdapter`), within the check's budget.

    GEPA goes on where no text could be proposed; we don't, and keep in `halted` why.
    """

    propose_new_texts: ProposalFn | None = None

    def __init__(self, check: Check, ask: Ask, folder: Path) -> None:
        self._check = msgspec.structs.replace(check, repeats=1, requirements=())
        self._ask = ask
        self._marker = Marker(check.scorers, folder, ask, JudgedHere(), hold=hold_case)
        self._dearest_case = self._dearest_text = 0
        self.spent_pico_usd = 0
        self.calls = 0
        self.proposed = 0
        self.halted: Halted | None = None

    def evaluate(self, batch: list[Case], candidate: Candidate, capture_traces: bool = False) -> Batch:
        """Ask all cases with a candidate's text; return their scores."""
        results = self.results(batch, candidate[SYSTEM])
        return EvaluationBatch(
            outputs=results,
            scores=[self.score(result) for result in results],
            trajectories=list(zip(batch, results, strict=True)) if capture_traces else None,
        )

    def make_reflective_dataset(
        self, candidate: Candidate, eval_batch: Batch, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return what went well and wrong, for the model that proposes the next text."""
        del candidate
        told: list[dict[str, Any]] = []
        for case, result in eval_batch.trajectories or []:
            marks = {name: f"{mark.score}: {mark.reason}" for name, mark in result.marks.items()}
            shown = {
                "Inputs": case.question,
                "Expected": "" if case.expected is None else str(case.expected),
                "Generated Outputs": result.answer.problem or result.answer.text,
            }
            cut = {name: text[:SHOWN_CHARACTERS_MAX] for name, text in shown.items() if text}
            told.append({**cut, "Feedback": str(marks)})
        return dict.fromkeys(components_to_update, told)

    def results(self, cases: Sequence[Case], text: str) -> list[Result]:
        """Ask cases with a system text. Raises Halted where they can't all be asked."""
        check, limit = self._check, self._check.budget_pico_usd
        if limit is not None:
            check = msgspec.structs.replace(check, budget_pico_usd=max(0, limit - self.spent_pico_usd))
        target = msgspec.structs.replace(check.targets[0], system=text or None)
        asked = list({case.id: case for case in cases}.values())
        job = Job(check=check, target=target, cases=asked, stops_early=False)
        outcome = run(job, self._ask, self._marker)
        self.calls += len(outcome.results)
        self.spent_pico_usd += outcome.cost_pico_usd
        costs = [sum(cost or 0 for cost in costs_of(result)) for result in outcome.results]
        self._dearest_case = max(self._dearest_case, *costs, 0)
        match outcome.ended:
            case "interrupted":
                raise KeyboardInterrupt
            case "halted":
                raise Halted(outcome.message, outcome.hint)
            case "budget":
                raise Halted(f"{TOO_LITTLE}: {format_usd(self.spent_pico_usd)} USD are spent", RAISE)
            case _:
                known = {result.case: result for result in outcome.results}
                unasked = Answer(problem=outcome.message)  # where all of the first ones failed
                return [
                    known.get(each.id) or Result(case=each.id, repeat=0, answer=unasked, marks={})
                    for each in cases
                ]

    def score(self, result: Result) -> float:
        """Return the mean over all scorers; what has no mark counts as wrong."""
        scores = [result.score(scorer.name) or 0.0 for scorer in self._check.scorers]
        return sum(scores) / len(scores)

    def propose(self, model: str, prompt: str | list[dict[str, Any]]) -> str:
        """Ask the model that proposes texts. Raises Halted where it does not answer, and notes it."""
        if self.halted is not None:
            raise self.halted
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        try:
            said = patiently(self._ask, CHAT, {"model": model, "messages": messages})
            self._count_text(said.cost_pico_usd or 0)
            text = text_of(said.content) if said.status == 200 else None
            if text is None:
                raise Halted(f"{model} proposed no text ({said.status})", "name another with --by")
        except Halted as halted:
            self.halted = halted
            raise
        return text

    def lasts_for(self, cases: int) -> bool:
        """Whether the budget lasts for one more text and so many cases, at what they have cost at most."""
        limit = self._check.budget_pico_usd
        more = self._dearest_text + cases * self._dearest_case
        return limit is None or self.spent_pico_usd + more <= limit

    def _count_text(self, cost_pico_usd: int) -> None:
        self.proposed += 1
        self.calls += 1
        self.spent_pico_usd += cost_pico_usd
        self._dearest_text = max(self._dearest_text, cost_pico_usd)


def optimise(searching: Searching, check: Check, cases: Sequence[Case], by: str, calls: int) -> Optimised:
    """Look for a better system text, and hold it against the present one on half of the cases.

    Raises InvalidRequest for cases that are too few or don't fit, Halted where it can't go on.
    """
    seen, held_out = split(cases, check.seed)
    for case in cases:
        body_of(check.targets[0], case)
    tried, compared = seen[: len(seen) // 2], seen[len(seen) // 2 :]
    before = check.targets[0].system or ""
    # A text is tried beside the one that it came from, then compared; the claim is for both texts at the end.
    to_end = 2 * TRIED_AT_ONCE + len(compared) + 2 * len(held_out)

    def is_over(gepa_state: object) -> bool:
        del gepa_state
        return searching.halted is not None or not searching.lasts_for(to_end)

    found: GEPAResult[Any, Any] = optimize(
        seed_candidate={SYSTEM: before},
        trainset=tried,
        valset=compared,
        adapter=searching,
        reflection_lm=lambda prompt: searching.propose(by, prompt),
        reflection_minibatch_size=TRIED_AT_ONCE,
        max_metric_calls=calls,
        stop_callbacks=is_over,
        logger=_Silent(),
        seed=check.seed,
    )
    if searching.halted is not None:
        raise searching.halted
    if not searching.proposed and not searching.lasts_for(to_end):
        raise Halted(f"{TOO_LITTLE}: a first text may take {to_end} more calls of cases", RAISE)
    best = found.best_candidate
    text = best[SYSTEM] if isinstance(best, dict) else best
    ones = [searching.score(result) for result in searching.results(held_out, before)]
    others = ones if text == before else [searching.score(one) for one in searching.results(held_out, text)]
    interval = difference_of(others, ones, clusters_of(held_out))
    return Optimised(
        text=text,
        is_another=text != before,
        held_out=len(held_out),
        before=sum(ones) / len(ones),
        after=sum(others) / len(others),
        difference=interval.estimate,
        low=interval.low,
        high=interval.high,
        cost_pico_usd=searching.spent_pico_usd,
        calls=searching.calls,
    )


def split(cases: Sequence[Case], seed: int) -> tuple[list[Case], list[Case]]:
    """Return the cases that texts are looked for on, and those that none may see; a cluster stays together.

    Raises InvalidRequest for too few.
    """
    groups: dict[tuple[bool, str], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.cluster is not None, case.cluster or case.id), []).append(case)
    seen: list[Case] = []
    held_out: list[Case] = []
    for group in random.Random(seed).sample(list(groups.values()), len(groups)):
        side = seen if len(seen) + len(group) <= len(cases) // 2 else held_out
        side += group
    if min(len(seen), len(held_out)) < CASES_LEAST:
        raise InvalidRequest(
            f"there are {len(cases)} cases; to look for a text on half of them and hold it against the other "
            f"takes {CASES_LEAST} or more on each side, with clusters kept whole"
        )
    return seen, held_out


def run_optimise(api: Api, name: str, file: Path, *, by: str, calls: int, save: str | None) -> None:
    """Look for a better text for a check's target and print it; make it a version of a managed prompt."""
    check = check_of_file(file, name, Choosing())
    if check.targets[0].prompt is not None:
        raise CommandFailed(
            f"the target of {name} has a managed prompt, which is not rewritten",
            "give the check a target with `system` instead",
        )
    cases = cases_of(api.client, check, file.parent).cases
    with calling(api, f"optimise:{name}", timeout_s=check.timeout_s) as ask:
        found = optimise(Searching(check, ask, file.parent), check, cases, by, calls)
    saved: int | None = None
    try:
        if save is not None and found.is_better:
            saved = _save(api, save, found)
    finally:
        _print(api, found, saved)  # a text that was paid for is shown whether it could be saved or not
    if saved is not None and not api.out.as_json:
        api.out.say(f"{save}@{saved} holds it; no label points to it")


def _print(api: Api, found: Optimised, saved: int | None) -> None:
    if api.out.as_json:
        api.out.json({**msgspec.structs.asdict(found), "sentence": found.sentence, "saved": saved})
        return
    if found.is_another:
        api.out.text(found.text)
    api.out.text(found.sentence)
    api.out.say(f"{found.calls} calls, {format_usd(found.cost_pico_usd)} USD")


def _save(api: Api, prompt: str, found: Optimised) -> int:
    """Make a text the newest version of a managed prompt, to which no label points."""
    if "{{" in found.text:
        raise CommandFailed(
            "the text holds {{, which a managed prompt would take for a variable", "save it by hand"
        )
    messages = [{"role": "system", "content": found.text}, {"role": "user", "content": "{{input}}"}]
    body = {"messages": messages, "note": f"headgate optimise: {found.sentence}"[:500]}
    made: Json = api.client.post(f"/prompts/{quote(prompt, safe='/')}/versions", body)
    return int(made["version"]["version"])


class _Silent:
    def log(self, message: str) -> None:
        del message
