"""Where the bytes of a call's input came from: each byte once, and none without an origin."""

import random

import pytest
from tests.rendered_messages import random_value, render
from tests.synthetic_prompts import held_at, synthetic_catalogue

from headgate.prompts.matching.attribution import Attribution, Message, Seen, attribute
from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import CatalogueVersion
from headgate.prompts.model import Hole, Part, Template


def version(symbol: str, *parts: Part) -> CatalogueVersion:
    template = Template.of(parts)
    return CatalogueVersion(
        source="bot",
        path="bot.py",
        symbol=symbol,
        version=template.version,
        template=template,
        first=0,
        last=9,
    )


ANSWER = version(
    "ANSWER",
    "Answer the question from the document, and say nothing else.\n\nDocument:\n",
    Hole(name="document"),
    "\n\nThe question of the reader:\n",
    Hole(name="question"),
)
DOCUMENT = "The lighthouse was built in 1811 of grey stone. Its lamp burns oil from whales, at great cost."


def texts(attribution: Attribution, messages: list[Message]) -> list[tuple[str, str, str]]:
    return [
        (span.origin, span.name, messages[span.message].text[span.start : span.end])
        for span in attribution.spans
    ]


def test_each_part_of_a_message_has_its_origin() -> None:
    messages = [
        Message(
            role="user",
            text=f"Answer the question from the document, and say nothing else.\n\nDocument:\n{DOCUMENT}"
            "\n\nThe question of the reader:\nWhen was it built, and who paid for it?",
        )
    ]
    seen = Seen()
    seen.add_document(DOCUMENT, "lighthouse.txt")
    found = texts(attribute(messages, Matcher([ANSWER]), seen), messages)
    assert [(origin, name) for origin, name, _ in found] == [
        ("template", "bot.py:ANSWER"),
        ("document", "lighthouse.txt"),
        ("template", "bot.py:ANSWER"),
        ("variable", "question"),
    ]
    assert found[1][2] == DOCUMENT
    assert found[3][2] == "When was it built, and who paid for it?"


def test_an_answer_that_comes_back_is_history_and_a_tools_message_a_document() -> None:
    seen = Seen()
    seen.add_answer("It was built in 1811, says the document.")
    messages = [
        Message(role="assistant", text="It was built in 1811, says the document."),
        Message(
            role="user", text="You said: It was built in 1811, says the document. Why should I care now?"
        ),
        Message(role="tool", text='{"rows": 3}'),
    ]
    found = texts(attribute(messages, Matcher([ANSWER]), seen), messages)
    assert [(origin, text) for origin, _, text in found] == [
        ("history", messages[0].text),
        ("unknown", "You said: "),
        ("history", "It was built in 1811, says the document."),
        ("unknown", " Why should I care now?"),
        ("document", '{"rows": 3}'),
    ]


def test_what_nobody_knows_is_unknown_and_bytes_are_counted_as_utf_8() -> None:
    messages = [Message(role="user", text="Grüße aus dem Süden"), Message(role="user", text="")]
    attribution = attribute(messages, Matcher([ANSWER]), Seen())
    assert attribution.bytes_by_origin["unknown"] == attribution.bytes_in_all == 22
    assert attribution.share == 0.0
    assert attribute([], Matcher([]), Seen()).share == 1.0


def test_what_the_user_gave_is_a_variable_even_where_it_is_short() -> None:
    seen = Seen()
    seen.add_variable("Fix it", "the user's words")
    attribution = attribute([Message(role="user", text="Fix it")], Matcher([ANSWER]), seen)
    assert [(span.origin, span.name) for span in attribution.spans] == [("variable", "the user's words")]


@pytest.mark.parametrize("seed", range(5))
def test_every_byte_is_attributed_once_whatever_the_messages(seed: int) -> None:
    catalogue = held_at(synthetic_catalogue(symbols=60, versions=3, seed=seed), 700)
    matcher = Matcher(catalogue)
    rng = random.Random(seed)
    seen = Seen()
    for _ in range(30):
        value = random_value(rng)
        messages = [
            Message(role="system", text="\n".join(render(each, rng) for each in rng.sample(catalogue, 2))),
            Message(role=rng.choice(("user", "assistant", "tool")), text=value),
        ]
        attribution = attribute(messages, matcher, seen)
        for number, message in enumerate(messages):
            spans = [span for span in attribution.spans if span.message == number]
            assert "".join(message.text[span.start : span.end] for span in spans) == message.text
            assert all(span.start < span.end for span in spans)
        size = sum(len(message.text.encode()) for message in messages)
        assert attribution.bytes_in_all == size
        seen.add_answer(value)
        again = attribute([Message(role="assistant", text=value)], matcher, seen)
        assert again.share == 1.0
