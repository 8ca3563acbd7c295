"""Bad input: huge, repetitive and odd messages and templates cost bounded work, counted and not timed."""

import random

import pytest

from headgate.prompts.matching.anchors import COMPARISONS_MAX, OCCURRENCES_MAX
from headgate.prompts.matching.chaining import STEPS_MAX
from headgate.prompts.matching.cover import PIECES_MAX
from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import CatalogueVersion
from headgate.prompts.model import Hole, Part, Template

LENGTH = 1_000_000
STEPS_OF_ALL = COMPARISONS_MAX + 2 * STEPS_MAX


def version(symbol: str, *parts: Part) -> CatalogueVersion:
    template = Template.of(parts)
    return CatalogueVersion(
        source="bot",
        path="prompts.py",
        symbol=symbol,
        version=template.version,
        template=template,
        first=0,
        last=9,
    )


PLAIN = version(
    "PLAIN", "Answer from the documents and from nothing else: ", Hole(name="text"), "\nNow answer."
)
REPEATED = version(
    "REPEATED", "a a a a a a a a a a a a a a a a ", Hole(name="x"), " a a a a a a a a a a a a a b"
)
ALTERNATING = version(
    "ALTERNATING", *(part for index in range(300) for part in ("x ", Hole(name=f"h{index}")))
)
MANY_HOLES = version(
    "MANY",
    *(part for index in range(500) for part in (f"Field {index} of the form is\n", Hole(name=f"h{index}"))),
)
SINGLE_WORD = version("SINGLE", "=" * 40, Hole(name="x"), "=" * 40)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher([PLAIN, REPEATED, ALTERNATING, MANY_HOLES, SINGLE_WORD])


@pytest.mark.parametrize(
    "text",
    [
        "a" * LENGTH,
        "a " * (LENGTH // 2),
        "x " * (LENGTH // 2),
        "=" * LENGTH,
        " " * LENGTH,
        "\n \t" * (LENGTH // 3),
        "Answer from the documents and " * (LENGTH // 30),
        "Answer from the documents and from nothing else: " * (LENGTH // 49),
        "Field 1 of the form is " * (LENGTH // 23),
        "你" * LENGTH,
        "\ud800\x00\u2028" * 1000,
    ],
    ids=lambda text: f"{text[:12]!r}",
)
def test_a_huge_or_repetitive_message_costs_bounded_work(matcher: Matcher, text: str) -> None:
    matched = matcher.match(text)
    assert matched.steps <= STEPS_OF_ALL
    assert len(matched.pieces) <= max(OCCURRENCES_MAX, PIECES_MAX)
    assert 0.0 <= matched.coverage <= 1.0


def test_work_grows_no_faster_than_the_message() -> None:
    matcher = Matcher([REPEATED, ALTERNATING])
    steps = [matcher.match("a " * length).steps + 1 for length in (1_000, 4_000, 16_000)]
    assert steps[1] <= 5 * steps[0]
    assert steps[2] <= 5 * steps[1]


def test_a_prompt_after_a_megabyte_of_other_text_is_found(matcher: Matcher) -> None:
    rng = random.Random(1)
    text = " ".join(rng.choice(("lamp", "oak", "rain", "the", "and")) for _ in range(LENGTH // 5))
    (piece,) = matcher.match(
        f"{text}\nAnswer from the documents and from nothing else: {text}\nNow answer."
    ).pieces
    assert (piece.symbol, piece.values) == ("PLAIN", {"text": text})


def test_a_template_of_hundreds_of_holes_is_matched_in_as_many_steps(matcher: Matcher) -> None:
    values = [f"value {index}" for index in range(500)]
    text = "".join(f"Field {index} of the form is\n{value}" for index, value in enumerate(values))
    matched = matcher.match(text)
    (piece,) = matched.pieces
    assert list(piece.values.values()) == values
    assert matched.steps < 5_000


def test_a_fragment_that_stands_everywhere_but_in_order_is_given_up_without_trying_all_ways() -> None:
    # Backtracking would try every way to place the fragments before it learns that the last is missing.
    parts: list[Part] = ["Begin the long list of the things to do now:"]
    for index in range(40):
        parts.extend((Hole(name=f"h{index}"), " and then "))
    matcher = Matcher([version("LIST", *parts, "the end that never comes, whatever")])
    text = "Begin the long list of the things to do now: x" + " and then " * 5_000
    matched = matcher.match(text)
    assert matched.pieces == ()
    assert matched.steps < 500


def test_many_versions_with_one_key_are_compared_but_once_each() -> None:
    head = "You are the keeper of the lighthouse, and you answer every ship."
    versions = [
        version("KEEPER", head, Hole(name="x"), f" Signal number {index} is yours to give.")
        for index in range(2_000)
    ]
    matched = Matcher(versions).match(f"{head} Hello. Signal number 1234 is yours to give.")
    assert [piece.versions for piece in matched.pieces] == [(versions[1234].version,)]
    assert matched.steps < 5_000


def test_a_message_has_so_many_pieces_and_no_more() -> None:
    versions = [
        version(f"NUMBER_{index}", f"This is prompt number {index} of the long collection.")
        for index in range(PIECES_MAX + 100)
    ]
    text = "\n".join(each.template.text for each in versions)
    assert len(Matcher(versions).match(text).pieces) == PIECES_MAX


def test_a_catalogue_of_odd_templates_is_taken_in() -> None:
    odd = [
        version("EMPTY"),
        version("SPACE", " \n "),
        version("HOLE", Hole(name="x")),
        version(
            "UNCLOSED",
            "Begin with this long line of text.",
            Hole(name="% if x %"),
            "and this one as well, too",
        ),
        version("CLOSED", Hole(name="% endif %"), "Begin with this other long line of text."),
        version("NAMELESS", "Begin with the third long line of text.", Hole(name="")),
    ]
    matcher = Matcher(odd)
    assert matcher.left_out == 3
    assert [piece.symbol for piece in matcher.match("Begin with this long line of text.").pieces] == [
        "UNCLOSED"
    ]
