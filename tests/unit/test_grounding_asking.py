"""Claims judged one by one, and calls replayed without pieces of their context, by scripted models."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.unit.checks_by_hand import Scripted, failed, question_of, spoken
from tests.unit.test_grounding_lexical import asked, held

from headgate.checks.answering import Halted, Said
from headgate.checks.judging import Judge, JudgedHere
from headgate.core.faults import InvalidRequest
from headgate.grounding.effects import PieceEffect, effects_of
from headgate.grounding.judging import judge_claims
from headgate.grounding.model import Grounds
from headgate.grounding.replaying import Plan, pieces_to_leave_out, replay, without
from headgate.statistics.distances import energy_test, least_p

DOCUMENTS = (
    "<doc>The Zugspitze is 2,962 metres high.</doc>\n<doc>It rains on every second day.</doc>\n"
    "<doc>The height of the Zugspitze is 1,000 metres.</doc>\nHow high is the Zugspitze?"
)
ANSWER = "It is 2,962 metres high. It was climbed by Josef Naus in 1820. It is a nice mountain."


def grounds() -> Grounds:
    return held(asked(DOCUMENTS), ANSWER)


def verdict(score: int, why: str = "so") -> str:
    return msgspec.json.encode({"reasoning": why, "score": int(score)}).decode()


def claim_of(body: dict[str, Any]) -> str:
    return str(msgspec.json.decode(question_of(body))["answer"])


def test_each_claim_is_judged_once_and_the_score_comes_with_what_is_not_supported() -> None:
    ask = Scripted(lambda body, times: verdict("Naus" not in claim_of(body), "nobody says who climbed it"))
    known = JudgedHere()
    found = judge_claims(grounds(), "judge", ask, known=known)
    assert (found.supported, found.score, found.undecided) == (2, 2 / 3, 0)
    assert [claim.text for claim in found.unsupported] == ["It was climbed by Josef Naus in 1820."]
    assert found.comment() == (
        "2 of 3 claims are supported by the context\n"
        "- It was climbed by Josef Naus in 1820. (nobody says who climbed it)"
    )
    assert found.cost_pico_usd == 3 * 10**9
    said = msgspec.json.decode(question_of(ask.asked[0][1]))
    assert said["context"][0].startswith("<doc>The Zugspitze is 2,962")
    again = judge_claims(grounds(), "judge", ask, known=known)
    assert (len(ask.asked), again.cost_pico_usd, again.score) == (3, 0, found.score)


NONSENSE: list[Callable[[dict[str, Any], int], str | Said]] = [
    lambda body, times: "Sure! I think that it is fine.",
    lambda body, times: "",
    lambda body, times: verdict(7),
    lambda body, times: '{"score": "1"}',
    lambda body, times: '{"reasoning": "no score"}',
    lambda body, times: "[" * 5000,
    lambda body, times: failed(500, "broken"),
    lambda body, times: msgspec.structs.replace(spoken("x"), content=b"\xff\x00"),
    lambda body, times: msgspec.structs.replace(spoken("x"), content=b'{"choices": []}'),
]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_a_judge_that_answers_nonsense_makes_no_score(nonsense: Callable[..., str | Said]) -> None:
    found = judge_claims(grounds(), "judge", Scripted(nonsense))
    assert (found.score, found.undecided, found.unsupported) == (None, 3, ())
    assert found.sentence.startswith("can't be told: the judge")
    half = judge_claims(
        grounds(),
        "judge",
        Scripted(lambda body, times: verdict(1) if "nice" in claim_of(body) else nonsense(body, times)),
    )
    assert half.score == 1 and half.sentence.endswith("; 2 got no verdict")


def test_a_budget_ends_the_asking_and_what_was_not_asked_is_said() -> None:
    ask = Scripted(lambda body, times: verdict(1))
    found = judge_claims(grounds(), "judge", ask, budget_pico_usd=2 * 10**9)
    assert len(ask.asked) == 2
    assert found.sentence.endswith("1 were not asked: the budget would not last for the next claim")
    nothing = judge_claims(held(asked("How high?"), "It is 2,962 metres high."), "judge", ask)
    assert (nothing.score, len(ask.asked)) == (None, 2)
    assert "the call had no context" in nothing.sentence
    with pytest.raises(Halted):
        judge_claims(grounds(), "judge", Scripted(lambda body, times: failed(402, "spent", target="")))


def heights(body: dict[str, Any], times: int) -> str:
    """A model that reads: it says the height that stands in its context, now in this way and now in that."""
    said = question_of(body)
    rng = random.Random(f"{times} {said}")
    opening = rng.choice(("I think", "As far as I know", "Well,", "The text says"))
    found = [height for height in ("2,962", "1,000") if height in said]
    return (
        f"{opening} it is {found[times % len(found)]} metres high." if found else f"{opening} nobody knows."
    )


def effects(
    answer: Callable[[dict[str, Any], int], str | Said], *, judge: bool = False, repeats: int = 12
) -> dict[str, PieceEffect]:
    held_against = grounds()

    def by_kind(body: dict[str, Any], times: int) -> str | Said:
        if body["model"] == "judge":
            return verdict(4 if "2,962" in claim_of(body) else 0)
        return answer(body, times)

    plan = Plan(
        grounds=held_against,
        body={**asked(DOCUMENTS), "stream": True},
        pieces=pieces_to_leave_out(held_against, []),
        repeats=repeats,
        judge=Judge(model="judge", rubric="Is it right?", scale=(0, 4)) if judge else None,
    )
    return {each.piece: each for each in effects_of(replay(plan, Scripted(by_kind)))}


def test_replays_say_which_piece_helped_harmed_or_was_not_used() -> None:
    found = effects(heights, judge=True, repeats=20)
    assert [each.did for each in found.values()] == ["helped", "nothing shows", "harmed"]
    helped, idle, harmed = found.values()
    assert helped.low is not None and helped.low > 0 and helped.difference is not None
    assert harmed.high is not None and harmed.high < 0
    assert idle.low is not None and idle.high is not None and idle.low <= 0 <= idle.high
    assert helped.sentence.startswith("it helped: +")
    # The same without a judge: what was used is seen, and not whether for good or bad.
    blind = effects(heights, repeats=20)
    assert [each.did for each in blind.values()] == ["used", "nothing shows", "used"]
    assert all(each.difference is None for each in blind.values())


def test_too_few_repeats_and_failing_models_are_said_in_words() -> None:
    few = effects(heights, repeats=3)
    assert {each.did for each in few.values()} == {"can't be told"}
    assert all("3 repeats are too few" in each.sentence for each in few.values())
    refusing = effects(lambda body, times: failed(500, "down"))
    assert all("the call failed with 500" in each.sentence for each in refusing.values())
    silent = effects(lambda body, times: "")
    assert all("the answer has no text" in each.sentence for each in silent.values())


def test_a_replay_that_fails_is_the_worst_answer() -> None:
    def needs_the_first(body: dict[str, Any], times: int) -> str | Said:
        return heights(body, times) if "2,962" in question_of(body) else failed(500, "down")

    helped, idle, _ = effects(needs_the_first, judge=True).values()
    assert (helped.did, idle.did) == ("helped", "nothing shows")
    assert helped.low is not None and helped.low > 0
    assert (
        "; 12 of 12 replays without it failed, and count as wrong: the call failed with 500"
        in helped.sentence
    )
    # Nobody judged: that answers differ shows, and why is told.
    blind = next(iter(effects(needs_the_first).values()))
    assert (blind.did, blind.difference) == ("used", None)
    assert "12 of 12 replays without it failed" in blind.sentence

    def fails_with_the_last(body: dict[str, Any], times: int) -> str | Said:
        return failed(400, "too long") if "1,000" in question_of(body) else heights(body, times)

    *others, harmed = effects(fails_with_the_last, judge=True).values()
    assert harmed.did == "harmed" and "12 of 12 replays with it failed" in harmed.sentence
    assert {each.did for each in others} == {"can't be told"}, "nothing answered on either side"


def test_a_piece_is_left_out_where_it_stands_and_nowhere_else() -> None:
    found = grounds()
    body = asked(DOCUMENTS)
    left = without(body, found.pieces[0])
    assert "2,962" not in left["messages"][0]["content"] and "1,000" in left["messages"][0]["content"]
    assert body == asked(DOCUMENTS), "what was given stays as it is"
    with pytest.raises(InvalidRequest, match="does not stand at /messages/0/content"):
        without(asked("Something else."), found.pieces[1])
    with pytest.raises(InvalidRequest, match="there is no piece 'p99'"):
        pieces_to_leave_out(found, ["p99"])
    with pytest.raises(InvalidRequest, match="the call had no context"):
        pieces_to_leave_out(held(asked("How high?"), "Who knows?"), [])
    with pytest.raises(InvalidRequest, match="repeats are 1"):
        effects(heights, repeats=1)


def test_the_energy_test_keeps_its_error_and_finds_what_differs() -> None:
    rng = np.random.default_rng(3)
    alarms = found = 0
    for _ in range(300):
        same = rng.normal(size=12)
        other = np.concatenate((rng.normal(size=6), rng.normal(2.5, 1, size=6)))
        alarms += energy_test(np.abs(same[:, None] - same[None, :]).tolist(), 6) <= 0.05
        found += energy_test(np.abs(other[:, None] - other[None, :]).tolist(), 6) <= 0.05
    assert alarms <= 300 * (0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5)
    assert found > 250
    assert energy_test([[0.0] * 10] * 10, 5) == 1, "answers that are all the same show nothing"
    apart = [[float((one < 5) != (other < 5)) for other in range(10)] for one in range(10)]
    assert energy_test(apart, 5) == least_p(5, 5) == 2 / 252
    with pytest.raises(InvalidRequest, match="two answers of each set"):
        energy_test([[0.0, 1.0], [1.0, 0.0]], 2)
