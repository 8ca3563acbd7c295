"""Asks models of claims and replays calls, through the gateway: the work of `headgate grounding`.

Read next: `headgate.grounding.judging`, `headgate.grounding.replaying`.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from headgate.api.grounding_marks import marks_of
from headgate.checks.judging import Judge, Judged, JudgedHere
from headgate.cli.client import Json
from headgate.cli.command import Api
from headgate.cli.failure import EXIT_FAILED, CommandFailed
from headgate.cli.grounding import Asking, Replaying, Sampling
from headgate.cli.looking_back import begin_of
from headgate.cli.model_calls import ModelCalls, budget_of, calling
from headgate.cli.output import NOTHING, Column
from headgate.cli.progress import Bars
from headgate.core.faults import InvalidRequest
from headgate.core.money import format_usd
from headgate.grounding.effects import PieceEffect, effects_of
from headgate.grounding.judging import Groundedness, judge_claims
from headgate.grounding.model import Grounds
from headgate.grounding.replaying import Plan, pieces_to_leave_out, replay
from headgate.grounding.rules import lot_of
from headgate.grounding.scoring import Held, held_by_judge, held_by_words

TAG: Final = "grounding"


def _number(value: Any) -> str:
    return NOTHING if value is None else f"{float(value):+.2f}"


EFFECTS: Final = (
    Column("piece", "piece"),
    Column("is", "kind"),
    Column("name", "name"),
    Column("did", "did"),
    Column("difference", "difference", _number, right=True),
    Column("from", "low", _number, right=True),
    Column("to", "high", _number, right=True),
    Column("in words", "sentence"),
)


def check_request(api: Api, request: str, asking: Asking) -> int:
    """Hold one call, print what is found, keep it; 1 where a claim is not supported."""
    with calling(api, TAG) as ask:
        grounds = _grounds(api, request)
        held = _held(api, grounds, asking.judge, ask, known=JudgedHere(), budget=budget_of(asking.budget))
    if api.out.as_json:
        api.out.json(_shown(held))
    else:
        _print(api, held)
    return EXIT_FAILED if held.unsupported else 0


def check_sample(api: Api, sampling: Sampling, asking: Asking) -> int:
    """Hold a sample of recent calls; a budget is for all of them together."""
    left = budget_of(asking.budget)
    known = JudgedHere()
    found: list[Held] = []
    with calling(api, TAG) as ask:
        for request in _sample(api, sampling):
            grounds = _grounds(api, request)
            if grounds.problem:
                found.append(held_by_words(grounds))
                continue
            if left is not None and left <= 0:
                api.out.say(f"the budget of {asking.budget} USD is spent; the rest is not held")
                break
            held = _held(api, grounds, asking.judge, ask, known=known, budget=left)
            left = None if left is None else left - held.cost_pico_usd
            found.append(held)
    if api.out.as_json:
        api.out.json([_shown(each) for each in found])
        return 0
    told = [each for each in found if each.score is not None]
    for each in told:
        if each.unsupported:
            _print(api, each)
    bad = sum(bool(each.unsupported) for each in told)
    api.out.text(
        f"{len(found)} calls of the sample: {len(told)} held against their context, {bad} of them with "
        f"claims that it doesn't support; of {len(found) - len(told)} it can't be told"
    )
    return 0


def replay_request(api: Api, request: str, replaying: Replaying) -> int:
    """Replay a call without pieces, and print what each did."""
    grounds = _grounds(api, request)
    detail: Json = api.client.get(f"/requests/{request}")
    body = detail.get("request")
    if not isinstance(body, dict) or detail.get("request_truncated"):
        raise CommandFailed(
            f"the body of request {request} is not on record, or not whole",
            "record calls in full",
        )
    judge = None
    if replaying.judge is not None:
        judge = Judge(model=replaying.judge, rubric=replaying.rubric, scale=(0, 4))
    try:
        plan = Plan(
            grounds=grounds,
            model=str(detail.get("model") or ""),
            body=body,  # pyright: ignore[reportUnknownArgumentType]
            pieces=pieces_to_leave_out(grounds, replaying.without),
            repeats=replaying.repeats,
            judge=judge,
            expected=replaying.expected,
            budget_pico_usd=budget_of(replaying.budget),
        )
        with calling(api, TAG) as ask, Bars() as bars:
            replayed = replay(plan, ask, bars.bar(f"replays of {request}"))
    except InvalidRequest as fault:
        raise CommandFailed(fault.message, "`headgate grounding show` lists the pieces of a call") from fault
    effects: tuple[PieceEffect, ...] = effects_of(replayed)
    cost = format_usd(replayed.cost_pico_usd)
    if api.out.as_json:
        api.out.json({"effects": effects, "cost_usd": cost, "ended": replayed.ended})
        return 0
    rows = [msgspec.to_builtins(each) for each in effects]
    api.out.rows(rows, EFFECTS, empty="")
    rounds = len(replayed.whole)
    api.out.text(f"\n{rounds} rounds of {1 + len(effects)} calls, {cost} USD")
    if replayed.ended:
        api.out.text(f"note: {replayed.ended}")
    return 0


def _held(
    api: Api,
    grounds: Grounds,
    model: str | None,
    ask: ModelCalls,
    *,
    known: Judged,
    budget: int | None,
) -> Held:
    """Hold a call by a judge, or by words alone, and keep the score with its evidence."""
    if grounds.problem or model is None:
        held = held_by_words(grounds)
    else:
        found = judge_claims(grounds, model, ask, budget_pico_usd=budget, known=known)
        held = held_by_judge(grounds, model, found)
        _feed(api, grounds, model, found)
    if held.score is not None:
        api.client.post("/feedback", held.feedback())
    return held


def _feed(api: Api, grounds: Grounds, model: str, found: Groundedness) -> None:
    """Send the judge's word on each claim to where people mark claims, too."""
    if not found.claims:
        return
    try:
        api.client.post("/judgements", msgspec.to_builtins(marks_of(grounds, model, found)))
    except CommandFailed as failed:
        api.out.say(f"the judge's marks are not kept for review: {failed.message}")


def _shown(held: Held) -> Json:
    told: Json = msgspec.to_builtins(held)
    cost = format_usd(told.pop("cost_pico_usd"))
    del told["evidence"]
    return {**told, "cost_usd": cost, "kept": held.score is not None}


def _print(api: Api, held: Held) -> None:
    api.out.text(f"{held.request_id}: {held.sentence}")
    for claim in held.unsupported:
        api.out.text(f"- {claim}")


def _grounds(api: Api, request: str) -> Grounds:
    return msgspec.convert(api.client.get(f"/requests/{request}/grounding"), Grounds)


def _sample(api: Api, sampling: Sampling) -> Iterator[str]:
    begin = begin_of(sampling.since)
    if begin is None or not 0 < sampling.rate <= 1:
        raise CommandFailed(
            f"--since {sampling.since!r} with --rate {sampling.rate} is not understood",
            "write --since 15m, 1h or 1d, and --rate above 0 and up to 1",
        )
    chosen = 0
    parameters: dict[str, Any] = {"from": begin, "project": sampling.project}
    for item in api.client.items("/requests", **parameters):
        if chosen >= sampling.most:
            return
        if item["operation"] == "chat" and lot_of(item["id"]) < sampling.rate:
            chosen += 1
            yield item["id"]
