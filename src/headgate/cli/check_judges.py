"""What judges said in a check, sent to where judges are held against people; and what corrects their scores.

Read next: `headgate.judges.feeding`, `headgate.checks.correcting`.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from headgate.checks.correcting import ONE_TO_FIVE, SCALES, YES_NO, Correction, Judged, Pairs, correction
from headgate.checks.model import ByJudge, Check, Result
from headgate.checks.running import Outcome
from headgate.cli.client import Client, Json
from headgate.cli.failure import CommandFailed
from headgate.datasets.model import Case
from headgate.judges.model import NewJudge, Scale, version_of

PATH: Final = "/judgements"
BATCH: Final = 200
TRIES: Final = 12
WAIT_S: Final = 0.25
"""A call is on record about a second after it ended."""
NAME_CHARACTERS_MAX: Final = 100
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
        judged = Judged(scorer=scorer.name, judge="", scale=scorer.scale, pairs=())
        if scorer.scale in SCALES:
            new = judge_of(check.name, scorer)
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


def judge_of(check: str, scorer: ByJudge) -> NewJudge:
    """Return the judge that a scorer is; its name counts only where nobody has defined that version."""
    scale: Scale = "yes_no" if scorer.scale == YES_NO else "one_to_five"
    return NewJudge(
        name=f"{check}.{scorer.name}"[:NAME_CHARACTERS_MAX],
        model=scorer.model,
        scale=scale,
        rubric=scorer.rubric,
        prompt=scorer.instructions or "",
        parameters=scorer.parameters,
    )


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


def _judged(client: Client, scorer: ByJudge, new: NewJudge) -> Judged:
    told: Json = client.get(f"{PATH}/{version_of(new)}")
    return Judged(
        scorer=scorer.name,
        judge=told["judge"],
        scale=scorer.scale,
        pairs=tuple([msgspec.convert(pair, Pairs) for pair in told["pairs"]]),
    )


def _items(scorer: ByJudge, results: Sequence[Result], cases: Mapping[str, Case]) -> list[Json]:
    """The answers that a judge marked, with what it read beside them."""
    items: list[Json] = []
    for result in results:
        mark = result.marks.get(scorer.name)
        if mark is None or mark.score is None or not result.answer.request_id:
            continue
        case = cases[result.case]
        content = {"reference": _text(case.expected), "context": _text(case.context)}
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


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text[:CONTENT_CHARACTERS_MAX]
