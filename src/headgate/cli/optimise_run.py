"""A better system text for a check's target, looked for by GEPA: the work of `headgate optimise`.

GEPA chooses and proposes; every call goes through the gateway, metered, until the budget is spent. What it
found is then held against the text of before on cases that it never saw, and only that is claimed. Source:
Agrawal et al., "GEPA: Reflective Prompt Evolution Can Outperform Reinforcement Learning", arXiv 2507.19457.
Read next: `checks.answering`, `checks.marking`.
"""

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec
from gepa.api import optimize  # pyright: ignore[reportUnknownVariableType] - its own types are partial
from gepa.core.adapter import EvaluationBatch, ProposalFn
from gepa.core.result import GEPAResult

from headgate.checks.answering import CHAT, Ask, Halted, answer_of, body_of, patiently
from headgate.checks.comparing import difference_of
from headgate.checks.judging import text_of
from headgate.checks.marking import JudgedHere, Marker
from headgate.checks.model import Check, Result, Target
from headgate.checks.running import costs_of
from headgate.cli.check_cases import cases_of
from headgate.cli.check_flags import Choosing
from headgate.cli.check_run import check_of_file
from headgate.cli.client import Json
from headgate.cli.command import Api
from headgate.cli.failure import CommandFailed
from headgate.cli.model_calls import ModelCalls
from headgate.core.faults import InvalidRequest
from headgate.core.money import format_usd
from headgate.datasets.model import Case

SYSTEM: Final = "system"
TIMEOUT_S: Final = 120.0
CASES_LEAST: Final = 12
FOUND_CHARACTERS_MAX: Final = 2000

Candidate = dict[str, str]
Batch = EvaluationBatch[Result, Result]


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
    """Asks and marks cases for GEPA (`gepa.GEPAAdapter`), and counts what that costs."""

    propose_new_texts: ProposalFn | None = None

    def __init__(self, check: Check, ask: Ask, folder: Path) -> None:
        self._check = check
        self._ask = ask
        self._target = check.targets[0]
        self._marker = Marker(check.scorers, folder, ask, JudgedHere())
        self.spent_pico_usd = 0
        self.calls = 0
        self.halted: Halted | None = None
        """Why no text could be proposed: GEPA goes on without one, we don't."""

    def evaluate(self, batch: list[Case], candidate: Candidate, capture_traces: bool = False) -> Batch:
        """Ask all cases with a candidate's text; return their scores."""
        results = self.results(batch, candidate[SYSTEM])
        return EvaluationBatch(
            outputs=results,
            scores=[self.score(result) for result in results],
            trajectories=results if capture_traces else None,
        )

    def make_reflective_dataset(
        self, candidate: Candidate, eval_batch: Batch, components_to_update: list[str]
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return what went well and wrong, for the model that proposes the next text."""
        del candidate
        told: list[dict[str, Any]] = []
        for result in eval_batch.trajectories or []:
            marks = {name: f"{mark.score}: {mark.reason}" for name, mark in result.marks.items()}
            said = result.answer.problem or result.answer.text[:FOUND_CHARACTERS_MAX]
            told.append({"Case": result.case, "Generated Output": said, "Feedback": str(marks)})
        return dict.fromkeys(components_to_update, told)

    def results(self, cases: Sequence[Case], text: str) -> list[Result]:
        """Ask cases, several at a time, with a system text."""
        target = msgspec.structs.replace(self._target, system=text or None)
        with ThreadPoolExecutor(self._check.concurrency) as pool:
            found = list(pool.map(partial(self._one, target), cases))
        for result in found:
            self.calls += 1
            self.spent_pico_usd += sum(cost or 0 for cost in costs_of(result))
        return found

    def score(self, result: Result) -> float:
        """Return the mean over all scorers; what has no mark counts as wrong."""
        scores = [result.score(scorer.name) or 0.0 for scorer in self._check.scorers]
        return sum(scores) / len(scores)

    def propose(self, model: str, prompt: str | list[dict[str, Any]]) -> str:
        """Ask the model that proposes texts. Raises Halted where it does not answer, and notes it."""
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        said = patiently(self._ask, CHAT, {"model": model, "messages": messages})
        self.calls += 1
        self.spent_pico_usd += said.cost_pico_usd or 0
        text = text_of(said.content) if said.status == 200 else None
        if text is None:
            self.halted = Halted(f"{model} proposed no text ({said.status})", "name another with --by")
            raise self.halted
        return text

    def _one(self, target: Target, case: Case) -> Result:
        answer = answer_of(self._ask, body_of(target, case))
        return Result(case=case.id, repeat=0, answer=answer, marks=self._marker.marks(case, answer))


def optimise(searching: Searching, check: Check, cases: Sequence[Case], by: str, calls: int) -> Optimised:
    """Look for a better system text, and hold it against the present one on half of the cases."""
    seen, held_out = split(cases, check.seed)
    before = check.targets[0].system or ""
    limit = check.budget_pico_usd

    def is_spent(gepa_state: object) -> bool:
        del gepa_state
        return searching.halted is not None or (limit is not None and searching.spent_pico_usd >= limit)

    half = len(seen) // 2
    found: GEPAResult[Any, Any] = optimize(
        seed_candidate={SYSTEM: before},
        trainset=list(seen[:half]),
        valset=list(seen[half:]),
        adapter=searching,
        reflection_lm=lambda prompt: searching.propose(by, prompt),
        max_metric_calls=calls,
        stop_callbacks=is_spent,
        logger=_Silent(),
        seed=check.seed,
    )
    if searching.halted is not None:
        raise searching.halted
    best = found.best_candidate
    text = best[SYSTEM] if isinstance(best, dict) else best
    ones = [searching.score(result) for result in searching.results(held_out, before)]
    others = ones if text == before else [searching.score(one) for one in searching.results(held_out, text)]
    interval = difference_of(others, ones)
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
    """Return the cases that texts are looked for on, and those that none may see. Raises InvalidRequest."""
    if len(cases) < CASES_LEAST:
        raise InvalidRequest(
            f"there are {len(cases)} cases; to look for a text on half of them and hold it against the other "
            f"takes {CASES_LEAST} or more"
        )
    mixed = random.Random(seed).sample(list(cases), len(cases))
    return mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]


def run_optimise(api: Api, name: str, file: Path, *, by: str, calls: int, save: str | None) -> None:
    """Look for a better text for a check's target and print it; make it a version of a managed prompt."""
    check = check_of_file(file, name, Choosing())
    if check.targets[0].prompt is not None:
        raise CommandFailed(
            f"the target of {name} has a managed prompt, which is not rewritten",
            "give the check a target with `system` instead",
        )
    ask = ModelCalls(api.client.url, api.client.key, tags=(f"optimise:{name}"[:64],), timeout_s=TIMEOUT_S)
    try:
        cases = cases_of(api.client, check, file.parent).cases
        found = optimise(Searching(check, ask, file.parent), check, cases, by, calls)
    except Halted as halted:
        raise CommandFailed(halted.message, halted.hint) from None
    finally:
        ask.close()
    saved = _save(api, save, found) if save is not None and found.is_better else None
    if api.out.as_json:
        api.out.json({**msgspec.structs.asdict(found), "sentence": found.sentence, "saved": saved})
        return
    if found.is_another:
        api.out.text(found.text)
    api.out.text(found.sentence)
    api.out.say(f"{found.calls} calls, {format_usd(found.cost_pico_usd)} USD")
    if saved is not None:
        api.out.say(f"{save}@{saved} holds it; no label points to it")


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
