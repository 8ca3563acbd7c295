"""Makes pairs for a judge that compares: the work of `headgate judges pairs`.

A pair is known by what both targets are asked, so that a second time goes on where the first ended: answers
are read from the record, and marks are there. Read next: `judges.pairs`, `judges.asking`.
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from headgate.checks.answering import CHAT, answer_of, body_of, patiently
from headgate.checks.definitions import target_name
from headgate.checks.judging import digest_of, text_of
from headgate.checks.matrix import scattered
from headgate.checks.model import Answer, Target
from headgate.checks.working import work
from headgate.cli.check_cases import SUFFIXES, fetched
from headgate.cli.check_judges import TRIES, WAIT_S, text_beside
from headgate.cli.client import Client, Json
from headgate.cli.command import Api
from headgate.cli.failure import CommandFailed
from headgate.cli.judge_working import Spent, in_batches
from headgate.cli.judges import Pairing
from headgate.cli.looking_back import begin_of
from headgate.cli.model_calls import ModelCalls, budget_of, calling
from headgate.cli.progress import Bars
from headgate.core.money import format_usd, parse_usd
from headgate.datasets.files import read_cases
from headgate.datasets.model import Case
from headgate.judges.asking import ORDERS, questions_of, verdict_of
from headgate.judges.items import Content, Verdict
from headgate.judges.model import Judge
from headgate.judges.pairs import NAMES_MAX, KnownPair, KnownPairs

BATCH: Final = 10
NOT_FOUND: Final = 404
DIGEST_CHARACTERS: Final = 16
CASE_CHARACTERS_MAX: Final = 200
SINCE: Final = "30d"
"""How far back calls say what one costs."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A pair that is to be: its name, what both are asked, and what of it is there."""

    name: str
    case: Case
    bodies: tuple[Json, Json]
    known: KnownPair | None = None


class Beforehand(msgspec.Struct, frozen=True, kw_only=True):
    """What is left to be made, the pairs that are whole, and how many there are that can be read no more."""

    wanted: list[Wanted]
    whole: list[KnownPair]
    unreadable: int


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A pair as the API takes it; None where a call failed or held no text."""

    item: Json | None
    answers: int
    questions: int
    unusable: int
    cost_pico_usd: int


class Told(Spent, kw_only=True):
    """What came of it."""

    pairs: int = 0
    failed: int = 0
    answers: int = 0
    questions: int = 0
    waiting: int = 0


def make_pairs(api: Api, name: str, of: tuple[str, str, str], pairing: Pairing) -> int:
    """Say what it takes, make the pairs that are missing, and print what is known of the judge then."""
    path = f"/judges/{quote(name, safe='')}"
    shown: Json = api.client.get(path, version=pairing.version, project=pairing.project)
    judge = msgspec.convert(shown["judge"], Judge)
    if judge.scale != "pairwise":
        raise CommandFailed(
            f"judge {name} marks single answers (scale {judge.scale}), and no pairs",
            'define one with scale = "pairwise": `headgate judges define FILE`',
        )
    found = _beforehand(api.client, judge, of, pairing)
    _say_beforehand(api, judge, of, found)
    if pairing.dry_run:
        return 0
    told = _Maker(api, judge, pairing).make(found)
    report: Json = api.client.get(path, version=judge.version, project=pairing.project)["report"]
    cost = format_usd(told.cost_pico_usd)
    if api.out.as_json:
        api.out.json({**msgspec.to_builtins(told), "cost_usd": cost, "report": report})
        return 0
    position = next((each for each in report["findings"] if each["name"] == "position bias"), None)
    failed = f", {told.failed} without two answers" if told.failed else ""
    api.out.text(
        f"{told.pairs} pairs{failed}; {told.answers} answers and {told.questions} questions, "
        f"{told.unusable} without a verdict, {cost} USD; {told.waiting} more wait for people"
    )
    if position is not None:
        api.out.text(f"position bias: {position['sentence']}")
    if told.ended:
        api.out.text(f"note: {told.ended}")
    return 0


def _beforehand(client: Client, judge: Judge, of: tuple[str, str, str], pairing: Pairing) -> Beforehand:
    dataset, *names = of
    targets = [_target(name) for name in names]
    if targets[0] == targets[1]:
        raise CommandFailed(f"{names[0]} is paired with itself", "name two models or prompts")
    made: list[Wanted] = []
    for case in scattered(_cases(client, dataset, pairing.project))[: pairing.most]:
        bodies = (body_of(targets[0], case), body_of(targets[1], case))
        beside = {"a": bodies[0], "b": bodies[1], "expected": case.expected, "context": case.context}
        digest = digest_of(beside)[:DIGEST_CHARACTERS]
        made.append(Wanted(name=f"{case.id[:CASE_CHARACTERS_MAX]} #{digest}", case=case, bodies=bodies))
    known: dict[str, KnownPair] = {}
    for start in range(0, len(made), NAMES_MAX):
        names = [each.name for each in made[start : start + NAMES_MAX]]
        found = client.ask(
            "POST",
            f"/api/v1/judges/{quote(judge.name, safe='')}/pairs/find",
            parameters={"project": pairing.project},
            body={"names": names, "version": judge.version},
        )
        known |= {each.name: each for each in msgspec.convert(found, KnownPairs).items}
    whole = [each for each in known.values() if len(each.asked) == len(ORDERS)]
    left = [
        msgspec.structs.replace(each, known=known.get(each.name))
        for each in made
        if each.name not in known or len(known[each.name].asked) < len(ORDERS)
    ]
    readable = [each for each in left if each.known is None or each.known.content is not None]
    return Beforehand(wanted=readable, whole=whole, unreadable=len(left) - len(readable))


def _cases(client: Client, dataset: str, project: str | None) -> list[Case]:
    if dataset.endswith(SUFFIXES) or "/" in dataset:
        return read_cases(Path(dataset))
    name, _, version = dataset.partition("@")
    return fetched(client, name, version, project)


def _target(name: str) -> Target:
    told: dict[str, Any] = {"prompt": name} if "@" in name else {"model": name}
    return Target(name=target_name(name), **told)


def _say_beforehand(api: Api, judge: Judge, of: tuple[str, str, str], found: Beforehand) -> None:
    """State calls and cost before anything is asked: at what such calls have cost in the last 30 days."""
    wanted = found.wanted
    new = sum(each.known is None for each in wanted)
    questions = sum(len(ORDERS) - (len(each.known.asked) if each.known else 0) for each in wanted)
    costs, unknown = _mean_costs(api.client, (of[1], of[2], judge.model))
    gone = f"; {found.unreadable} were made before and can be read no more" if found.unreadable else ""
    api.out.say(f"{len(wanted)} pairs: {2 * new} answers and {questions} questions to {judge.model}{gone}")
    if not wanted:
        return
    if unknown:
        names = " and ".join(unknown)
        api.out.say(
            f"what that costs is not known beforehand: no call of {names} with a price is on record; "
            "--budget bounds it"
        )
        return
    pico = new * (costs[of[1]] + costs[of[2]]) + questions * costs[judge.model]
    api.out.say(
        f"about {format_usd(pico)} USD, at what calls of these have cost on average in the last 30 days; "
        "--budget bounds it"
    )


def _mean_costs(client: Client, names: tuple[str, ...]) -> tuple[Mapping[str, int], list[str]]:
    """What a call of each has cost on average, and of which none is on record. Needs no more than reading."""
    found: dict[str, int] = {}
    parameters: dict[str, Any] = {"from": begin_of(SINCE)}
    for group in ("model", "prompt"):
        try:
            rows = client.items("/costs", group_by=group, **parameters)
        except CommandFailed:
            break  # a key that may not see costs
        for row in rows:
            priced = row["requests"] - row["unpriced"]
            if row["cost_usd"] is not None and priced > 0:
                found.setdefault(str(row[group]), parse_usd(row["cost_usd"]) // priced)
    for name in names:
        if "@" in name and name.partition("@")[0] in found:
            found.setdefault(name, found[name.partition("@")[0]])
    return found, [name for name in dict.fromkeys(names) if name not in found]


def _calls_of(known: KnownPair) -> Json:
    return {
        "case": known.name,
        "request_id": known.request_id,
        "other_request_id": known.other_request_id,
    }


class _Maker:
    """Makes pairs several at a time, keeps them in batches, and stops where the budget does."""

    def __init__(self, api: Api, judge: Judge, pairing: Pairing) -> None:
        self._api = api
        self._judge = judge
        self._pairing = pairing
        self._budget = budget_of(pairing.budget)
        self._told = Told()

    def make(self, found: Beforehand) -> Told:
        wanted = found.wanted
        self._review_whole(found.whole)
        with calling(self._api, f"judge:{self._judge.name}") as ask, Bars() as bars:
            advance = bars.bar(f"pairs for {self._judge.name}")
            made = work(wanted, partial(self._one, ask), self._may_begin, at_once=self._pairing.concurrency)
            in_batches(
                made,
                self._told,
                count=self._count,
                keep=self._keep,
                size=BATCH,
                advance=lambda number: advance(number, len(wanted)),
            )
        return self._told

    def _one(self, ask: ModelCalls, wanted: Wanted) -> Made:
        known = wanted.known
        answers: list[Answer] = []
        if known is None or known.content is None:
            answers = [answer_of(ask, body) for body in wanted.bodies]
            a, b = answers
            cost = sum(each.cost_pico_usd or 0 for each in answers)
            if not (a.text and b.text and a.request_id and b.request_id):
                return Made(item=None, answers=2, questions=0, unusable=0, cost_pico_usd=cost)
            beside = {
                "reference": text_beside(wanted.case.expected),
                "context": text_beside(wanted.case.context),
            }
            content = Content(input=wanted.case.question, a=a.text, b=b.text, **beside)
            named: Json = {
                "case": wanted.name,
                "request_id": a.request_id,
                "other_request_id": b.request_id,
                "characters": [len(a.text), len(b.text)],
                "content": beside,
            }
        else:
            content, cost = known.content, 0
            named = _calls_of(known)
        asked = () if known is None else known.asked
        marks: list[Verdict] = []
        questions = [each for each in questions_of(self._judge, content) if each.shown not in asked]
        for question in questions:
            said = patiently(ask, CHAT, question.body)
            cost += said.cost_pico_usd or 0
            if said.status == 200:
                marks.append(verdict_of(self._judge, question, text_of(said.content)))
        item = {**named, "marks": msgspec.to_builtins(marks)} if marks else None
        unusable = len(questions) - sum(each.value is not None for each in marks)
        return Made(
            item=item,
            answers=len(answers),
            questions=len(questions),
            unusable=unusable,
            cost_pico_usd=cost,
        )

    def _count(self, made: Made) -> list[Json]:
        told = self._told
        told.pairs += made.item is not None
        told.failed += made.item is None
        told.answers += made.answers
        told.questions += made.questions
        told.unusable += made.unusable
        told.pay(made.cost_pico_usd)
        return [] if made.item is None else [made.item]

    def _may_begin(self, under_way: int) -> bool:
        if self._told.lasts(self._budget, under_way):
            return True
        self._told.ended = "the budget would not last for the next pair; the same command goes on"
        return False

    def _keep(self, items: list[Json]) -> None:
        """Keep pairs with their marks; calls are on record about a second after they ended."""
        if not items:
            return
        path = f"/api/v1/judges/{quote(self._judge.name, safe='')}/marks"
        parameters = {"project": self._pairing.project}
        body = {"items": items, "version": self._judge.version}
        self._await([each[name] for each in items for name in ("request_id", "other_request_id")])
        kept: Json = self._api.client.ask("POST", path, parameters=parameters, body=body)
        self._told.waiting += kept["chosen"]
        self._review([{name: value for name, value in each.items() if name != "marks"} for each in items])

    def _review_whole(self, pairs: Sequence[KnownPair]) -> None:
        """Let people mark what is there already, as far as it can still be read."""
        if not self._pairing.review:
            return
        readable = [_calls_of(each) for each in pairs if self._is_on_record(each)]
        if len(readable) < len(pairs):
            gone = len(pairs) - len(readable)
            self._api.out.say(f"{gone} were marked before and can be read no more: nobody is asked of these")
        self._review(readable)

    def _is_on_record(self, pair: KnownPair) -> bool:
        calls = (pair.request_id, pair.other_request_id)
        return None not in calls and all(
            self._api.client.probe(f"/api/v1/requests/{call}")[0] != NOT_FOUND for call in calls
        )

    def _review(self, items: Sequence[Json]) -> None:
        """Let people mark these, where that is wanted."""
        for start in range(0, len(items) if self._pairing.review else 0, NAMES_MAX):
            part = items[start : start + NAMES_MAX]
            added = self._api.client.ask(
                "POST",
                "/api/v1/reviews",
                parameters={"project": self._pairing.project},
                body={"judge": self._judge.name, "items": part, "rule": "check"},
            )
            self._told.waiting += added["chosen"]

    def _await(self, calls: Sequence[str]) -> None:
        """Wait until calls are on record; of one that does not come, the server says so."""
        for call in calls:
            for _ in range(TRIES):
                status, _answer = self._api.client.probe(f"/api/v1/requests/{call}")
                if status != NOT_FOUND:
                    break
                time.sleep(WAIT_S)
