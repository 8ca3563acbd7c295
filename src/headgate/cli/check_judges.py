"""What judges said in a check, sent to where judges are held against people; and what corrects their scores.

Read next: `headgate.judges.feeding`, `headgate.checks.correcting`.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from headgate.checks.comparing import Tried
from headgate.checks.correcting import ONE_TO_FIVE, SCALES, Correction, Judged, Pairs, correction
from headgate.checks.erring import judge_of_requirement
from headgate.checks.model import ByJudge, Check, Pairwise, Result
from headgate.checks.running import Outcome
from headgate.cli.client import Client, Json
from headgate.cli.failure import CommandFailed
from headgate.datasets.model import Case
from headgate.judges.asking import ORDERS
from headgate.judges.model import NewJudge, version_of
from headgate.judges.scorers import judged_of, new_judge_of

PATH: Final = "/judgements"
BATCH: Final = 200
TRIES: Final = 12
WAIT_S: Final = 0.25
"""A call is on record about a second after it ended."""
CONTENT_CHARACTERS_MAX: Final = 100_000


def corrections_of(
    client: Client, check: Check, cases: Sequence[Case], outcome: Outcome
) -> tuple[Correction, ...]:
    """Send what the judges of a check said, and return their scores without their errors."""
    found: list[Correction] = []
    by_id = {case.id: case for case in cases}
    clusters = {case.id: f"cluster {case.cluster}" for case in cases if case.cluster is not None}
    for scorer in check.scorers:
        if not isinstance(scorer, ByJudge):
            continue
        judged = judged_of(scorer)
        if scorer.scale in SCALES:
            new = new_judge_of(check.name, scorer)
            try:
                send(client, new, _items(scorer, outcome.results, by_id))
                judged = _judged(client, scorer, new)
            except CommandFailed as failed:
                sentence = f"{scorer.name} is its judge's word alone: {failed.message}."
                unknown = correction(judged, outcome.counted, clusters)
                found.append(msgspec.structs.replace(unknown, sentence=sentence))
                continue
        found.append(correction(judged, outcome.counted, clusters))
    return tuple(found)


def marked_of(client: Client, check: Check, *, beside: bool = False) -> dict[str, Judged]:
    """Return what people marked of the judges whose errors count, by the scorer's name.

    They count in requirements, and all of them where targets are held `beside` each other.
    """
    scorers: list[ByJudge | Pairwise] = []
    if beside:
        scorers += [each for each in check.scorers if isinstance(each, ByJudge)] + list(check.pairwise)
    else:
        found = [judge_of_requirement(check, required) for required in check.requirements]
        scorers += [each for each in found if each is not None]
    return {each.name: _marked(client, check, each) for each in scorers}


def _marked(client: Client, check: Check, scorer: ByJudge | Pairwise) -> Judged:
    if isinstance(scorer, ByJudge) and scorer.scale not in SCALES:
        return judged_of(scorer)
    try:
        return _judged(client, scorer, new_judge_of(check.name, scorer))
    except CommandFailed as failed:
        return judged_of(scorer, problem=failed.message)


def send_pairs(client: Client, check: Check, cases: Sequence[Case], tried: Sequence[Tried]) -> None:
    """Send what pairwise judges said of two targets' answers; where the server is away, nothing is lost."""
    by_id = {case.id: case for case in cases}
    first = {(each.case, each.repeat): each for each in tried[0].outcome.results}
    for scorer in check.pairwise:
        new = new_judge_of(check.name, scorer)
        pairs = [
            _pair(scorer, result, first.get((result.case, result.repeat)), by_id[result.case])
            for result in tried[1].outcome.results
        ]
        with suppress(CommandFailed):  # each run has its marks; this is what holds the judge against people
            send(client, new, [each for each in pairs if each is not None])


def _pair(scorer: Pairwise, result: Result, against: Result | None, case: Case) -> Json | None:
    mark = result.marks.get(scorer.name)
    one, other = (None if against is None else against.answer), result.answer
    if mark is None or mark.score is None or not mark.asked:
        return None
    if one is None or not (one.request_id and other.request_id):
        return None
    words = ({1.0: "a", 0.0: "b"}, {1.0: "b", 0.0: "a"})
    return {
        "request_id": one.request_id,
        "other_request_id": other.request_id,
        "content": {"reference": text_beside(case.expected), "context": text_beside(case.context)},
        "characters": [len(one.text), len(other.text)],
        "marks": [
            {"value": words[number].get(each.score or 0.0, "tie"), "shown": shown, "reason": each.reason}
            for number, (shown, each) in enumerate(zip(ORDERS, mark.asked, strict=False))
        ],
    }


def send(client: Client, new: NewJudge, items: Sequence[Json]) -> int:
    """Send marks of a judge, again later for calls that are not on record yet; return how many are not."""
    waiting = list(items)
    judge: Json = msgspec.to_builtins(new)
    for number in range(TRIES):
        missing: set[str] = set()
        for start in range(0, len(waiting), BATCH):
            part = waiting[start : start + BATCH]
            fed: Json = client.post(PATH, {"judge": judge, "items": part})
            missing |= set(fed["missing"])
        waiting = [each for each in waiting if each.get("request_id") in missing]
        if not waiting or number == TRIES - 1:
            break
        time.sleep(WAIT_S)
    return len(waiting)


def _judged(client: Client, scorer: ByJudge | Pairwise, new: NewJudge) -> Judged:
    told: Json = client.get(f"{PATH}/{version_of(new)}")
    pairs = tuple([msgspec.convert(pair, Pairs) for pair in told["pairs"]])
    return judged_of(scorer, told["judge"], pairs)


def _items(scorer: ByJudge, results: Sequence[Result], cases: Mapping[str, Case]) -> list[Json]:
    """The answers that a judge marked, with what it read beside them."""
    items: list[Json] = []
    for result in results:
        mark = result.marks.get(scorer.name)
        if mark is None or mark.score is None or not result.answer.request_id:
            continue
        case = cases[result.case]
        content = {"reference": text_beside(case.expected), "context": text_beside(case.context)}
        items.append(
            {
                "request_id": result.answer.request_id,
                "content": content,
                "marks": [
                    {"value": _value(scorer, each.score), "reason": each.reason, "repeat": number}
                    for number, each in enumerate(mark.said)
                ],
            }
        )
    return items


def _value(scorer: ByJudge, score: float | None) -> bool | int | None:
    if score is None:
        return None
    if scorer.scale == ONE_TO_FIVE:
        low, high = scorer.scale
        return round(low + score * (high - low))
    return score == 1


def text_beside(value: Any) -> str:
    """Return what stood beside an answer as a text, as long as is kept."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text[:CONTENT_CHARACTERS_MAX]
