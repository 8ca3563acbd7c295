"""Answers held against their context by words alone: what stands nowhere in it, and what can't be told."""

import gzip
import random
import re
from typing import Any

import msgspec
import pytest
from tests.recorded_exchanges import Exchange, recorded_file

from headgate.grounding.claims import claims_of
from headgate.grounding.holding import hold
from headgate.grounding.lexical import Context, claims_against
from headgate.grounding.model import Grounds
from headgate.traces.lineage.calls import with_call
from headgate.traces.lineage.model import Step
from headgate.traces.lineage.recorded import RecordedTexts

REPORT = (
    "The Zugspitze is 2,962 metres high. It was first climbed in 1820 by Josef Naus. "
    "Tickets cost 72.50 euros; "
    'one in four visitors (0.25) takes the cogwheel train. A sign says "No entry without boots".'
)
DIALECTS = {
    "openai-chat": "openai-chat",
    "openai-responses": "openai-responses",
    "anthropic-messages": "anthropic",
    "google-generate": "google",
}


def missing(answer: str, context: str = REPORT) -> list[str]:
    return [each.text for claim in claims_against(answer, Context([context])) for each in claim.missing]


@pytest.mark.parametrize(
    "answer",
    [
        "The Zugspitze has 2962 metres.",
        "It is about 2,960 metres and was climbed in 1820.",
        "Josef Naus climbed the Zugspitze first, and 25 % take the train.",
        'The sign reads "no entry without boots."',
        "There are 3 ways to the top, in 2 countries.",
        "- **Height:** 2,962 m\n- **Ticket Price:** 72.5 euros",
        "However, JOSEF NAUS was first.",
        "12 x 72.50 = 870",
    ],
)
def test_what_stands_in_the_context_is_not_flagged(answer: str) -> None:
    found = missing(answer)
    assert found == ([] if "2,960" not in answer else ["2,960"]), "a number that nobody wrote is flagged"


@pytest.mark.parametrize(
    ("answer", "flagged"),
    [
        ("The Zugspitze is 2,964 metres high.", ["2,964"]),
        ("It was first climbed in 1821 by Josef Naus.", ["1821"]),
        ("It was first climbed by Hermann Buhl in 1820.", ["Hermann Buhl"]),
        ('The sign says "Boots may be left outside".', ["Boots may be left outside"]),
        ("Tickets cost 72.50 euros, or 80.10 in summer.", ["80.10"]),
        ("Your order ZUG-820 waits.", ["ZUG-820"]),
        ("One in four takes the train of the Bavarian Zugspitze Railway.", ["Bavarian Zugspitze Railway"]),
    ],
)
def test_what_stands_nowhere_is_named(answer: str, flagged: list[str]) -> None:
    assert missing(answer) == flagged


def test_claims_are_sentences_and_items_and_no_code_or_questions() -> None:
    answer = (
        "Dr. Naus climbed it in 1820. It is high, e.g. 2,962 m. Shall I go on?\n"
        "```python\nprint(99999)\n```\n1. The first item says so.\n| a | table |\n# Heights of it:\n"
    )
    assert claims_of(answer) == [
        "Dr. Naus climbed it in 1820.",
        "It is high, e.g. 2,962 m.",
        "The first item says so.",
    ]


def held(request: dict[str, Any], answer: str, *documents: tuple[str, str]) -> Grounds:
    response = {"choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}]}
    return hold("r1", recorded(request, msgspec.json.encode(response), *documents))


def recorded(request: dict[str, Any], response: bytes, *documents: tuple[str, str]) -> RecordedTexts:
    body = msgspec.json.encode(request)
    step = with_call(Step(id="r1", start_us=0, end_us=0), "openai-chat", body, response, "application/json")
    return RecordedTexts(dialect="openai-chat", request=body, step=step, documents=documents)


def asked(*contents: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text} for text in contents]}


def test_documents_are_found_by_their_trace_by_tags_and_by_heads() -> None:
    document = "The Zugspitze is 2,962 metres high."
    traced = held(asked(f"Use this. {document} How high is it?"), "It is 2,962 m high.", ("doc-7", document))
    assert [(piece.kind, piece.name, piece.text) for piece in traced.pieces] == [
        ("message", "", "Use this. "),
        ("document", "doc-7", document),
        ("message", "", " How high is it?"),
    ]
    tagged = held(asked(f"<document id='1'>{document}</document>\nHow high?"), "It is 2,963 m high.")
    assert [piece.kind for piece in tagged.pieces] == ["document", "message"]
    assert tagged.sentence.endswith("stands nowhere in 2 pieces of context: number '2,963'")
    headed = held(asked(f"[1] {document}\n[2] It rains there.\n\nHow high is it?"), "It is 2,962 m high.")
    assert [(piece.kind, piece.name) for piece in headed.pieces] == [
        ("document", "[1]"),
        ("document", "[2]"),
        ("message", ""),
    ]
    assert "all numbers, names and quotes of 1 claims stand in 3 pieces" in headed.sentence


TOLD: list[tuple[dict[str, Any], str, str]] = [
    (asked("How high is the Zugspitze?"), "It is 2,962 metres high.", "the call had no context"),
    (asked("<doc>some text that is long enough</doc>"), "", "the answer has no text"),
    (
        {**asked("<doc>some text that is long enough</doc>"), "previous_response_id": "resp_1"},
        "It is 2,962 metres high.",
        "images, files or stored turns",
    ),
    (
        {**asked("<doc>some text that is long enough</doc>"), "tools": [{"type": "web_search"}]},
        "It is 2,962 metres high.",
        "the provider searched or computed by itself",
    ),
]


@pytest.mark.parametrize(("request_body", "answer", "why"), TOLD)
def test_what_words_cant_tell_is_said_plainly(request_body: dict[str, Any], answer: str, why: str) -> None:
    found = held(request_body, answer)
    assert found.sentence.startswith("can't be told: ") and why in found.problem
    assert found.claims == (), "nothing is counted"


def test_a_call_without_its_body_or_with_an_answer_that_is_none_is_said_plainly() -> None:
    assert "not on record" in hold("r1", None).problem
    for nonsense in (b"", b"\xff\xfe", b"[]", b'{"error": {"message": "no"}}', b"null"):
        found = hold("r1", recorded(asked("<doc>some text that is long enough</doc>"), nonsense))
        assert "the answer has no text" in found.problem


def exchanges() -> list[Grounds]:
    found: list[Grounds] = []
    seen: set[str] = set()
    with gzip.open(recorded_file()) as lines:
        for line in lines:
            each = msgspec.json.decode(line, type=Exchange)
            dialect = DIALECTS.get(each.dialect)
            if each.status != 200 or dialect is None:
                continue
            content_type = "text/event-stream" if each.stream else each.content_type
            response = each.response.encode()
            step = with_call(
                Step(id=each.id, start_us=0, end_us=0), dialect, each.body, response, content_type
            )
            texts = RecordedTexts(dialect=dialect, request=each.body, step=step, documents=())
            grounds = hold(each.id, texts)
            if grounds.claims and grounds.answer not in seen:
                seen.add(grounds.answer)
                found.append(grounds)
    return found


def test_false_alarms_on_recorded_traffic_are_as_few_as_the_guide_says() -> None:
    """Read by hand, 7 of the flagged claims say what stands nowhere; all others restate what does."""
    found = exchanges()
    claims = [claim for each in found for claim in each.claims]
    flagged = [claim for claim in claims if claim.missing]
    print(f"{len(flagged)} of {len(claims)} claims of {len(found)} answers are flagged")
    for claim in flagged:
        print(f"  {claim.text[:100]!r}: {', '.join(each.text for each in claim.missing)}")
    assert len(found) > 80 and len(claims) > 150
    assert len(flagged) / len(claims) < 0.12


def test_numbers_changed_in_recorded_answers_are_found() -> None:
    rng = random.Random(1)
    changed = caught = 0
    for each in exchanges():
        context = Context(piece.text for piece in each.pieces)
        for claim in each.claims:
            numbers = re.findall(r"(?<![\w.,])\d{2,6}(?![\w.,]*\d)", claim.text)
            if claim.missing or not numbers or "=" in claim.text:
                continue
            wrong = str(int(numbers[0]) + rng.randint(100, 900))
            if context.has_number(wrong):
                continue
            changed += 1
            said = claims_against(claim.text.replace(numbers[0], wrong, 1), context)
            if not any(one.missing for one in said):
                print(f"  missed: {claim.text[:120]!r} with {wrong}")
            caught += any(one.missing for one in said)
    print(f"{caught} of {changed} changed numbers are found")
    assert changed > 30 and caught / changed > 0.95
