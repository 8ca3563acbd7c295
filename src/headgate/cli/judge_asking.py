"""Asks a judge about the answers that people have marked, through the gateway; and plans how many marks it
takes.

The work of `headgate judges ask` and `plan`. Read next: `headgate.judges.asking`,
`headgate.statistics.judges`.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final, cast

import msgspec

from headgate.checks.answering import CHAT, patiently
from headgate.checks.judging import Judgement, digest_of, text_of
from headgate.checks.working import work
from headgate.cli.client import Json
from headgate.cli.command import Api
from headgate.cli.failure import CommandFailed
from headgate.cli.judge_working import Spent, in_batches
from headgate.cli.judges import Asking, Planning
from headgate.cli.model_calls import ModelCalls, budget_of, calling
from headgate.cli.progress import Bars
from headgate.core.faults import InvalidRequest
from headgate.core.money import format_usd
from headgate.judges.asking import Question, questions_of, said, verdict_of
from headgate.judges.items import Content, Verdict
from headgate.judges.model import Judge
from headgate.statistics.judges import likeness_of, marks_for_width

BATCH: Final = 50
DIGESTS_MAX: Final = 200
SHARE, SENSITIVITY, SPECIFICITY = 0.5, 0.8, 0.8
"""What a plan takes where nothing is known: the share that needs most marks, and a middling judge."""
DEVIATION, LIKENESS = 1.0, 0.6
"""The same for marks from 1 to 5."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that people marked, as it is named, and what the judge has still to be asked."""

    named: Json
    questions: tuple[Question, ...]


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge said of one answer, how much of it was known before, and what the rest cost."""

    wanted: Wanted
    verdicts: tuple[Verdict, ...]
    known: int
    cost_pico_usd: int


class Told(Spent, kw_only=True):
    """What came of the asking."""

    asked: int = 0
    known: int = 0


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """How many marks by people a wanted interval takes, and what that rests on; None where none would do."""

    half_width: float
    marks: int | None
    without_judge: int | None
    there: int
    answers: int
    taken: dict[str, float]
    assumed: tuple[str, ...]
    sentence: str


def plan_marks(api: Api, name: str, planning: Planning) -> int:
    """Print how many marks a wanted interval takes."""
    shown: Json = api.client.get(f"/judges/{name}", version=planning.version, project=planning.project)
    try:
        planned = _planned(shown, planning)
    except InvalidRequest as fault:
        raise CommandFailed(fault.message, "`headgate judges plan --help` says what it takes") from fault
    if api.out.as_json:
        api.out.json(planned)
        return 0
    api.out.text(planned.sentence)
    taken = ", ".join(f"{what} {value:.2f}" for what, value in planned.taken.items())
    api.out.text(f"taken: {taken}")
    if planned.assumed:
        api.out.text(f"assumed, since nothing is known yet: {', '.join(planned.assumed)}")
    return 0


def ask_judge(api: Api, name: str, asking: Asking) -> int:
    """Ask, keep the marks, and print what is known of the judge then."""
    shown: Json = api.client.get(f"/judges/{name}", version=asking.version, project=asking.project)
    judge = msgspec.convert(shown["judge"], Judge)
    marked = api.client.items("/reviews/export", judge=name, project=asking.project, limit=asking.most)
    wanted, gone = _wanted(judge, marked, asking.repeats)
    calls = sum(len(each.questions) for each in wanted)
    if not marked:
        raise CommandFailed(
            f"people have marked no answer of judge {name}", "`headgate reviews next` shows what waits"
        )
    api.out.say(f"{calls} questions about {len(wanted)} of {len(marked)} answers that people marked{gone}")
    if asking.dry_run:
        return 0
    told = _Asker(api, judge, asking).ask(wanted)
    report: Json = api.client.get(f"/judges/{name}", version=judge.version, project=asking.project)["report"]
    cost = format_usd(told.cost_pico_usd)
    if api.out.as_json:
        api.out.json({**msgspec.to_builtins(told), "cost_usd": cost, "report": report})
        return 0
    api.out.text(report["sentence"])
    known = f", {told.known} known from checks" if told.known else ""
    api.out.text(f"{told.asked} questions{known}, {told.unusable} without a verdict, {cost} USD")
    if told.ended:
        api.out.text(f"note: {told.ended}")
    return 0


class _Asker:
    """Asks questions several at a time, keeps what was said in batches, and stops where the budget does."""

    def __init__(self, api: Api, judge: Judge, asking: Asking) -> None:
        self._api = api
        self._judge = judge
        self._asking = asking
        self._budget = budget_of(asking.budget)
        self._told = Told()
        self._before: dict[str, Judgement] = {}

    def ask(self, wanted: Sequence[Wanted]) -> Told:
        self._before = self._known(wanted)
        with calling(self._api, f"judge:{self._judge.name}") as ask, Bars() as bars:
            advance = bars.bar(f"judge {self._judge.name}")
            spoken = work(wanted, partial(self._one, ask), self._may_begin, at_once=self._asking.concurrency)
            in_batches(
                spoken,
                self._told,
                count=self._count,
                keep=self._keep,
                size=BATCH,
                advance=lambda number: advance(number, len(wanted)),
            )
        return self._told

    def _one(self, ask: ModelCalls, wanted: Wanted) -> Spoken:
        verdicts: list[Verdict] = []
        cost = known = 0
        for question in wanted.questions:
            before = self._before.get(digest_of(question.body)) if question.repeat == 0 else None
            if before is not None:
                known += 1
                verdicts.append(said(self._judge, question, before))
                continue
            answer = patiently(ask, CHAT, question.body)
            cost += answer.cost_pico_usd or 0
            if answer.status == 200:
                verdicts.append(verdict_of(self._judge, question, text_of(answer.content)))
        return Spoken(wanted=wanted, verdicts=tuple(verdicts), known=known, cost_pico_usd=cost)

    def _count(self, spoken: Spoken) -> list[Json]:
        told = self._told
        questions = len(spoken.wanted.questions)
        told.asked += questions - spoken.known
        told.known += spoken.known
        told.unusable += questions - sum(verdict.value is not None for verdict in spoken.verdicts)
        told.pay(spoken.cost_pico_usd)
        return _marks(spoken)

    def _may_begin(self, under_way: int) -> bool:
        if self._told.lasts(self._budget, under_way):
            return True
        self._told.ended = "the budget would not last for the next answer"
        return False

    def _keep(self, items: list[Json]) -> None:
        if items:
            self._api.client.ask(
                "POST",
                f"/api/v1/judges/{self._judge.name}/marks",
                parameters={"project": self._asking.project},
                body={"items": items, "version": self._judge.version},
            )

    def _known(self, wanted: Sequence[Wanted]) -> dict[str, Judgement]:
        """What the judge said of these in checks: it is not asked again."""
        if self._judge.scale == "pairwise":
            return {}
        digests = list({digest_of(question.body) for each in wanted for question in each.questions[:1]})
        found: dict[str, Judgement] = {}
        for start in range(0, len(digests), DIGESTS_MAX):
            part = {"digests": digests[start : start + DIGESTS_MAX]}
            answer: Json = self._api.client.post("/checks/judgements", part)
            for item in answer["items"]:
                found[item["digest"]] = Judgement(score=item["score"], reason=item["reason"])
        return found


def _marks(spoken: Spoken) -> list[Json]:
    """An answer with the judge's marks, as the API takes it; none where every question failed."""
    marks = [msgspec.to_builtins(verdict) for verdict in spoken.verdicts]
    return [{**spoken.wanted.named, "marks": marks}] if marks else []


def _wanted(judge: Judge, marked: Sequence[Json], repeats: int) -> tuple[list[Wanted], str]:
    """What is left to ask, and in words how many answers can be read no more."""
    found: list[Wanted] = []
    gone = 0
    for each in marked:
        item: Json = each["item"]
        content = msgspec.convert(each["content"] or {}, Content)
        questions = questions_of(judge, content, repeats)
        named = _named(item, each["content"])
        if not questions or named is None:
            gone += 1
            continue
        done = {
            (mark["shown"], mark["repeat"])
            for mark in cast("list[Json]", each["marks"])
            if mark["source"] == "judge" and mark["version"] == judge.version
        }
        left = tuple([ask for ask in questions if (ask.shown, ask.repeat) not in done])
        if left:
            found.append(Wanted(named=named, questions=left))
    return found, f"; {gone} can be read no more" if gone else ""


def _named(item: Json, content: Any) -> Json | None:
    """An answer as the API names it; None where its names are gone."""
    match item["subject"]:
        case "request" if item["request_id"]:
            return {"request_id": item["request_id"]}
        case "span" if item["trace_id"] and item["span_id"]:
            return {"trace_id": item["trace_id"], "span_id": item["span_id"]}
        case "case" if item["case"]:
            beside = {"request_id": item["request_id"]} if item["request_id"] else {}
            return {"case": item["case"], "content": content, **beside}
        case "pair" if item["request_id"] and item["other_request_id"]:
            calls = {name: item[name] for name in ("request_id", "other_request_id")}
            return {**calls, "case": item["case"]} if item["case"] else calls
        case _:
            return None


def _planned(shown: Json, planning: Planning) -> Planned:
    findings = {each["name"]: each["estimate"] for each in shown["report"]["findings"]}
    answers = planning.answers or max(2, shown["report"]["counts"]["judged"])
    is_number = shown["judge"]["scale"] == "one_to_five"
    taken: dict[str, float] = {}
    assumed: list[str] = []

    def take(name: str, given: float | None, known: float | None, otherwise: float) -> float:
        if given is None and known is None:
            assumed.append(name)
        value = given if given is not None else known if known is not None else otherwise
        taken[name] = value
        return value

    if is_number:
        deviation = take("deviation", planning.deviation, None, DEVIATION)
        likeness = take("likeness", planning.likeness, None, LIKENESS)
    else:
        known = findings.get("corrected score")
        share = take("share of good ones", planning.share, _inside(known), SHARE)
        right = take("finds of good ones", planning.sensitivity, findings.get("sensitivity"), SENSITIVITY)
        wrong = take("finds of bad ones", planning.specificity, findings.get("specificity"), SPECIFICITY)
        deviation, likeness = (share * (1 - share)) ** 0.5, likeness_of(share, right, wrong)
    kind: dict[str, Any] = {"deviation": deviation, "is_share": not is_number}
    marks = marks_for_width(planning.within, likeness=likeness, judged=answers, **kind)
    alone = marks_for_width(planning.within, likeness=0.0, judged=10**9, **kind)
    planned = Planned(
        half_width=planning.within,
        marks=marks,
        without_judge=alone,
        there=shown["report"]["counts"]["sampled"],
        answers=answers,
        taken=taken,
        assumed=tuple(assumed),
        sentence="",
    )
    width = f"{planning.within:g} of 5" if is_number else f"{100 * planning.within:g} points"
    return msgspec.structs.replace(planned, sentence=_in_words(planned, width))


def _inside(share: float | None) -> float | None:
    return None if share is None else min(0.99, max(0.01, share))


def _in_words(planned: Planned, width: str) -> str:
    alone = f"people alone would need {planned.without_judge}"
    if planned.marks is None:
        return (
            f"No number of marks on {planned.answers} answers brings the corrected score within {width}: "
            f"{alone}; "
            "let the judge mark more answers, or take a wider interval."
        )
    left = max(0, planned.marks - planned.there)
    rest = f"{planned.there} are there, {left} are missing" if left else f"{planned.there} are there"
    return (
        f"{planned.marks} marks by people on a random sample of {planned.answers} answers bring the "
        "corrected score "
        f"within {width} of the truth, at 5 % error: {rest}; {alone}."
    )
