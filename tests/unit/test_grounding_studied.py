"""What pieces did over many calls: found where it is so, silent where nothing is, by cases, not pieces."""

import random
from typing import Any

import msgspec
import pytest
from tests.unit.checks_by_hand import Scripted, question_of

from headgate.checks.judging import Judge
from headgate.core.faults import InvalidRequest
from headgate.datasets.model import Case
from headgate.grounding.replaying import Plan, replay
from headgate.grounding.studied import CASES_LEAST, Findings, Group, StudiedCall, StudiedPiece, findings_of
from headgate.grounding.subjects import studied_of, subject_of_case
from headgate.statistics.distances import energy_distance

FACT = "<doc>The town has {0} inhabitants.</doc>"
NOISE = "<doc>It rains on every second day.</doc>"
WRONG = "<doc>Older books say that it has 17 inhabitants.</doc>"


def case_of(number: int) -> Case:
    """A question whose answer stands in one document; another misleads, and a third is of no use."""
    documents = [FACT.format(1000 + number), WRONG, NOISE]
    random.Random(number).shuffle(documents)
    text = "\n".join([*documents, "How many inhabitants has the town?"])
    return Case(id=f"town-{number}", input=text, expected=str(1000 + number))


def reads(body: dict[str, Any], times: int) -> str:
    """A model that takes one of the numbers that it reads; a judge that knows which is right."""
    said = question_of(body)
    if body["model"] == "judge":
        told = msgspec.json.decode(said)
        return msgspec.json.encode(
            {"reasoning": "", "score": 4 * (told["expected"] in told["answer"])}
        ).decode()
    numbers = [word for word in said.split() if word.isdigit()]
    rng = random.Random(f"{times} {said}")
    return f"It has {rng.choice(numbers)}." if numbers else "Nobody knows."


def studied(count: int, *, judge: bool, repeats: int = 3) -> list[StudiedCall]:
    ask = Scripted(reads)
    found: list[StudiedCall] = []
    for number in range(count):
        subject = subject_of_case(case_of(number), "reader", 12)
        plan = Plan(
            grounds=subject.grounds,
            body=subject.body,
            pieces=subject.pieces,
            repeats=repeats,
            judge=Judge(model="judge", rubric="Is it right?", scale=(0, 4)) if judge else None,
            expected=subject.expected,
        )
        found.append(studied_of(subject, replay(plan, ask)))
    return found


def named(findings: Findings, by: str) -> dict[str, Group]:
    return {each.name: each for each in findings.groups if each.by == by}


def test_over_a_dataset_it_shows_which_document_harmed_and_which_was_not_used() -> None:
    calls = studied(30, judge=True)
    found = findings_of(calls)
    assert (found.cases, found.pieces, found.left_out) == (30, 90, {})
    documents = list(named(found, "document").values())
    assert [each.pieces for each in documents] == [30, 30], "what stands in one case alone is no group"
    harmful, idle = sorted(documents, key=lambda each: each.difference or 0)
    assert (harmful.did, idle.did) == ("harmed", "nothing shows")
    assert harmful.high is not None and harmful.high < 0
    assert idle.low is not None and idle.high is not None and idle.low <= 0 <= idle.high
    assert harmful.name in found.sentence and "harmed" in found.sentence
    assert set(named(found, "position")) == {"first", "between", "last"}
    assert named(found, "kind")["document"].pieces == 90
    assert named(found, "source")["document doc"].cases == 30
    assert len(calls[0].calls) == 2 * 3 * 4, "a study knows the calls that it made, judges' too"


def test_without_a_judge_it_shows_what_was_used() -> None:
    found = findings_of(studied(30, judge=False))
    documents = sorted(named(found, "document").values(), key=lambda each: each.change or 0)
    assert [each.did for each in documents] == ["nothing shows", "used"]
    assert all(each.difference is None for each in found.groups)
    assert "used were" in found.sentence and "a judge tells" in found.sentence


def piece_of(number: int, rng: random.Random, effect: float = 0.0, name: str = "a") -> StudiedPiece:
    return StudiedPiece(
        piece=f"p{number + 1}",
        kind="document",
        name=name,
        document=f"{number:016x}",
        place=number + 1,
        of=3,
        did="helped" if effect > 0.5 else "nothing shows",
        difference=max(-1.0, min(1.0, rng.gauss(effect, 0.3))),
        change=max(-1.0, min(1.0, rng.gauss(0, 0.1))),
    )


def test_where_nothing_helps_something_is_said_to_in_one_study_of_twenty_at_most() -> None:
    rng = random.Random(8)
    alarms = 0
    for _ in range(200):
        calls = [
            StudiedCall(
                subject=str(number), pieces=[piece_of(place, rng, name=f"n{place % 2}") for place in range(3)]
            )
            for number in range(20)
        ]
        alarms += any(each.did != "nothing shows" for each in findings_of(calls).groups)
    assert alarms <= 0.05 * 200


def test_pieces_of_one_conversation_count_as_one_case() -> None:
    rng = random.Random(9)
    shared: list[StudiedCall] = []
    for cluster in range(8):
        effect = rng.gauss(0.3, 0.5)
        for number in range(12):
            pieces = [msgspec.structs.replace(piece_of(0, rng), difference=max(-1.0, min(1.0, effect)))]
            shared.append(StudiedCall(subject=f"{cluster} {number}", cluster=f"c{cluster}", pieces=pieces))
    together = named(findings_of(shared), "kind")["document"]
    apart = named(findings_of([msgspec.structs.replace(each, cluster="") for each in shared]), "kind")[
        "document"
    ]
    assert (together.cases, apart.cases) == (8, 96)
    assert together.low is not None and together.high is not None
    assert apart.low is not None and apart.high is not None
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_few_cases_tell_nothing_and_what_could_not_be_replayed_is_counted() -> None:
    rng = random.Random(10)
    calls = [
        StudiedCall(subject=str(number), pieces=[piece_of(0, rng, 0.9)]) for number in range(CASES_LEAST - 1)
    ]
    calls += [StudiedCall(subject=f"x{number}", problem="the call had no context") for number in range(3)]
    found = findings_of(calls)
    (kind,) = named(found, "kind").values()
    assert (kind.did, kind.low, kind.helped.low) == ("can't be told", None, None)
    assert kind.sentence == f"{CASES_LEAST - 1} cases tell nothing yet; {CASES_LEAST} are the least"
    assert found.left_out == {"the call had no context": 3}
    assert findings_of([]).sentence == "nothing was replayed yet"


def test_always_the_same_is_not_known_to_be_so_for_ever() -> None:
    rng = random.Random(11)
    same = [
        msgspec.structs.replace(piece_of(0, rng), difference=1.0, change=0.0, did="helped") for _ in range(6)
    ]
    calls = [StudiedCall(subject=str(number), pieces=[piece]) for number, piece in enumerate(same)]
    (kind,) = named(findings_of(calls), "kind").values()
    assert kind.low is not None and kind.high is not None and kind.low < 0.5 and kind.high == 1
    assert kind.helped.low is not None and 0.2 < kind.helped.low < 1 and kind.helped.high == 1


def test_a_case_without_context_is_refused_and_its_pieces_are_chosen_each_time_alike() -> None:
    with pytest.raises(InvalidRequest, match="no document and no result of a tool"):
        subject_of_case(Case(id="a", input="How high is it?"), "reader", 4)
    chosen = subject_of_case(case_of(1), "reader", 2).pieces
    assert len(chosen) == 2 and chosen == subject_of_case(case_of(1), "reader", 2).pieces


def test_the_distance_of_answers_is_none_in_the_mean_where_they_are_alike() -> None:
    rng = random.Random(12)
    alike: list[float] = []
    for _ in range(500):
        marks = [rng.random() for _ in range(6)]
        alike.append(energy_distance([[abs(one - other) for other in marks] for one in marks], 3))
    assert sum(alike) / len(alike) == pytest.approx(0, abs=0.02)
    assert energy_distance([[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]], 2) == 1
    with pytest.raises(InvalidRequest, match="answers of a set"):
        energy_distance([[0, 1], [1, 0]], 1)
