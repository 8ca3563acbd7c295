"""What a match says: pieces, versions, intervals, values, shares; and what is too little to be matched."""

import pytest

from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import CatalogueVersion, MatchedPiece
from headgate.prompts.matching.texts import Text
from headgate.prompts.model import Hole, Part, Template

CLERK: tuple[Part, ...] = (
    "You are the clerk of a library.\n\nNever lend a book without its card.\nGreet ",
    Hole(name="visitor"),
    " by name.\n",
)
NEXT_CLERK: tuple[Part, ...] = (
    "You are the clerk of a library.\n\nNever lend a book without its card, nor two.\nGreet ",
    Hole(name="visitor"),
    " by name.\n",
)
REMINDER: tuple[Part, ...] = ("Remember: each answer ends with the shelf, like ", Hole(name="shelf"), ".")
MOVED = (("app/old.py", (0, 4)), ("app/new.py", (5, 9)))


def version(
    symbol: str,
    *parts: Part,
    held: tuple[int, int] = (0, 9),
    path: str = "app/prompts.py",
    source: str = "bot",
) -> CatalogueVersion:
    template = Template.of(parts)
    return CatalogueVersion(
        source=source,
        path=path,
        symbol=symbol,
        version=template.version,
        template=template,
        first=held[0],
        last=held[1],
    )


def only(matcher: Matcher, text: str, at: dict[str, int] | None = None) -> MatchedPiece:
    (piece,) = matcher.match(text, at=at).pieces
    return piece


def rendered(parts: tuple[Part, ...], **values: str) -> str:
    return "".join(part if isinstance(part, str) else values[part.name] for part in parts)


def test_a_piece_says_where_it_stands_and_what_filled_its_holes() -> None:
    text = "Hello.\n" + rendered(CLERK, visitor="Ann Lee") + "Bye."
    matched = Matcher([version("CLERK", *CLERK)]).match(text)
    (piece,) = matched.pieces
    assert (piece.source, piece.path, piece.symbol) == ("bot", "app/prompts.py", "CLERK")
    assert piece.exact
    assert piece.values == {"visitor": "Ann Lee"}
    assert text[piece.start : piece.end] == rendered(CLERK, visitor="Ann Lee")
    assert [text[hole.start : hole.end] for hole in piece.holes] == ["Ann Lee"]
    assert "".join(text[start:end] for start, end in piece.literals) == rendered(CLERK, visitor="")
    assert matched.literal_share == pytest.approx((piece.end - piece.start - 7) / len(text))
    assert matched.value_share == pytest.approx(7 / len(text))
    assert matched.coverage == matched.literal_share + matched.value_share


def test_versions_are_told_apart_by_what_differs_and_carry_their_commits() -> None:
    old, new = version("CLERK", *CLERK, held=(0, 4)), version("CLERK", *NEXT_CLERK, held=(5, 9))
    matcher = Matcher([old, new])
    for each, parts in ((old, CLERK), (new, NEXT_CLERK)):
        piece = only(matcher, rendered(parts, visitor="Ann"))
        assert (piece.versions, piece.first, piece.last) == ((each.version,), each.first, each.last)


def test_versions_that_can_not_be_told_apart_are_all_named_with_the_interval_of_all() -> None:
    renamed = (*CLERK[:1], Hole(name="guest"), *CLERK[2:])
    old, new = version("CLERK", *CLERK, held=(0, 4)), version("CLERK", *renamed, held=(5, 9))
    matcher = Matcher([old, new])
    text = rendered(CLERK, visitor="Ann")
    piece = only(matcher, text)
    assert (piece.versions, piece.first, piece.last) == ((new.version, old.version), 0, 9)
    assert piece.values == {"guest": "Ann"}
    narrowed = only(matcher, text, {"bot": 3})
    assert (narrowed.versions, narrowed.first, narrowed.last) == ((old.version,), 0, 4)
    assert narrowed.values == {"visitor": "Ann"}


def test_a_version_that_the_running_commit_does_not_hold_is_still_reported() -> None:
    old = version("CLERK", *CLERK, held=(0, 4))
    matcher = Matcher([old, version("CLERK", *NEXT_CLERK, held=(5, 9))])
    assert only(matcher, rendered(CLERK, visitor="Ann"), {"bot": 7}).versions == (old.version,)


def test_the_running_commit_wins_over_a_little_more_text() -> None:
    closing = "Close the doors at nine, and put out the lamp in the hall"
    matcher = Matcher(
        [
            version("CLOSING", closing, held=(0, 4)),
            version("CLOSING", f"{closing} now.", held=(5, 9), path="app/moved.py"),
        ]
    )
    text = f"{closing} now."
    assert only(matcher, text).path == "app/moved.py"
    assert only(matcher, text, {"bot": 3}).path == "app/prompts.py"


def test_where_one_prompt_is_of_another_commit_the_rest_is_still_narrowed() -> None:
    # The commit said to run does not hold this reminder, so that not all can be of that commit.
    longer = (*CLERK[:2], " by name. Smile.\n")
    clerk = Template.of((*CLERK[:2], " by name"))
    matcher = Matcher(
        [
            version("CLERK", *clerk.parts, held=(0, 4)),
            version("CLERK", *longer, held=(5, 9)),
            version("REMINDER", *REMINDER, held=(6, 9)),
        ]
    )
    text = rendered(longer, visitor="Ann") + rendered(REMINDER, shelf="B 4")
    assert [(piece.symbol, piece.last) for piece in matcher.match(text, at={"bot": 3}).pieces] == [
        ("CLERK", 4),
        ("REMINDER", 9),
    ]


def test_versions_that_differ_in_whitespace_are_told_apart_unless_it_was_stripped() -> None:
    spaced = (*CLERK[:2], " by name.\n\n\n")
    old, new = version("CLERK", *CLERK, held=(0, 4)), version("CLERK", *spaced, held=(5, 9))
    matcher = Matcher([old, new])
    assert only(matcher, rendered(CLERK, visitor="Ann") + "Next.").versions == (old.version,)
    assert only(matcher, rendered(spaced, visitor="Ann") + "Next.").versions == (new.version,)
    assert set(only(matcher, rendered(spaced, visitor="Ann").strip()).versions) == {old.version, new.version}


def test_whitespace_that_a_program_dedents_or_wraps_does_not_matter() -> None:
    matcher = Matcher([version("CLERK", *CLERK)])
    text = rendered(CLERK, visitor="Ann").replace("\n", "\n        ").replace(" book ", "\n book ")
    piece = only(matcher, text)
    assert piece.exact
    assert piece.values == {"visitor": "Ann"}
    assert text[slice(*piece.literals[0])].endswith("Greet ")


def test_several_templates_compose_a_message_and_one_may_fill_anothers_hole() -> None:
    matcher = Matcher([version("CLERK", *CLERK), version("REMINDER", *REMINDER)])
    side_by_side = rendered(CLERK, visitor="Ann") + "\n" + rendered(REMINDER, shelf="B 4")
    pieces = matcher.match(side_by_side).pieces
    assert [(piece.symbol, piece.values) for piece in pieces] == [
        ("CLERK", {"visitor": "Ann"}),
        ("REMINDER", {"shelf": "B 4"}),
    ]
    nested = rendered(CLERK, visitor=rendered(REMINDER, shelf="B 4"))
    outer, inner = matcher.match(nested).pieces
    assert outer.start < inner.start < inner.end < outer.end
    assert outer.values["visitor"] == nested[inner.start : inner.end]
    assert matcher.match(nested).value_share == pytest.approx(3 / len(nested))


def test_a_template_rendered_again_and_again_is_as_many_pieces() -> None:
    matcher = Matcher([version("REMINDER", *REMINDER)])
    text = "\n".join(rendered(REMINDER, shelf=f"C {number}") for number in range(5))
    assert [piece.values["shelf"] for piece in matcher.match(text).pieces] == [f"C {n}" for n in range(5)]


def test_a_rendering_that_breaks_off_does_not_swallow_the_next() -> None:
    matcher = Matcher([version("SHELF", REMINDER[0], Hole(name="shelf"), " and nothing after it.")])
    whole = f"{REMINDER[0]}B 4 and nothing after it."
    text = f"{REMINDER[0]}A 1.\n{whole}"
    piece = only(matcher, text)
    assert (text[piece.start : piece.end], piece.values) == (whole, {"shelf": "B 4"})


def test_the_template_that_covers_more_wins_over_one_that_it_contains() -> None:
    whole = ("Never lend a book without its card.\nKeep silence in the reading room at all times.",)
    matcher = Matcher([version("RULE", "Never lend a book without its card."), version("RULES", *whole)])
    assert only(matcher, f"Listen. {whole[0]}").symbol == "RULES"
    assert only(matcher, "Never lend a book without its card. Or do.").symbol == "RULE"


def test_equal_text_elsewhere_is_named_and_the_other_pieces_decide() -> None:
    matcher = Matcher(
        [
            version("CLERK", *CLERK, path="app/one.py"),
            version("CLERK", *CLERK, path="app/two.py"),
            version("REMINDER", *REMINDER, path="app/two.py"),
        ]
    )
    text = rendered(CLERK, visitor="Ann")
    assert {only(matcher, text).path, *(other.path for other in only(matcher, text).others)} == {
        "app/one.py",
        "app/two.py",
    }
    pieces = matcher.match(f"{text}\n{rendered(REMINDER, shelf='B 4')}").pieces
    assert [piece.path for piece in pieces] == ["app/two.py", "app/two.py"]
    assert [other.path for other in pieces[0].others] == ["app/one.py"]


def test_whitespace_between_two_pieces_belongs_to_one_of_them() -> None:
    one, two = "Never lend a book without its card.\n", "\nKeep silence in the reading room."
    text = f"{one.strip()}\n{two.strip()}"
    first, second = Matcher([version("ONE", one), version("TWO", two)]).match(text).pieces
    assert (first.end, second.start) == (len(one), len(one))
    assert first.literals + second.literals == ((0, len(one)), (len(one), len(text)))


def test_text_that_moved_carries_the_commits_of_both_places() -> None:
    matcher = Matcher(
        [
            version("CLERK", *CLERK, path="app/old.py", held=(0, 4)),
            version("CLERK", *CLERK, path="app/new.py", held=(5, 9)),
            version("CLERK", *CLERK, path="lib/clerk.py", source="library", held=(0, 99)),
        ]
    )
    text = rendered(CLERK, visitor="Ann")
    narrowed = only(matcher, text, {"bot": 2})
    assert (narrowed.path, narrowed.first, narrowed.last) == ("app/old.py", 0, 4)
    matcher = Matcher([version("CLERK", *CLERK, path=path, held=held) for path, held in MOVED])
    piece = only(matcher, text)
    assert (piece.path, piece.first, piece.last) == ("app/new.py", 0, 9)


def test_pieces_of_one_message_come_from_one_commit_where_they_can() -> None:
    split = (*CLERK, Hole(name="closing"))
    closing = "Close the doors at nine, and put out the lamp.\n"
    grown = (*CLERK[:2], f" by name.\n{closing}")
    matcher = Matcher(
        [
            version("CLERK", *grown, held=(0, 4)),
            version("CLERK", *split, held=(5, 9)),
            version("CLOSING", closing, held=(5, 9)),
            version("REMINDER", *REMINDER, held=(6, 9)),
        ]
    )
    text = rendered(grown, visitor="Ann")
    assert [(piece.symbol, piece.first) for piece in matcher.match(text).pieces] == [("CLERK", 0)]
    later = matcher.match(text + rendered(REMINDER, shelf="B 4")).pieces
    assert [(piece.symbol, piece.first) for piece in later] == [("CLERK", 5), ("CLOSING", 5), ("REMINDER", 6)]


def test_short_templates_are_found_as_whole_messages_only() -> None:
    matcher = Matcher([version("GIST", "Give the gist: ", Hole(name="text")), version("OK", "Be brief.")])
    assert only(matcher, "Give the gist: a long tale").values == {"text": "a long tale"}
    assert only(matcher, "  Be brief.\n").symbol == "OK"
    for text in ("Please Give the gist: now", "Be brief. Or not.", "Give it"):
        assert matcher.match(text).pieces == ()


def test_conditionals_and_loops_may_be_left_out_or_repeated() -> None:
    parts: tuple[Part, ...] = (
        "Answer from these documents alone, and cite them.\n",
        Hole(name="% for document in documents %"),
        "Document: ",
        Hole(name="document"),
        "\n",
        Hole(name="% endfor %"),
        Hole(name="% if strict %"),
        "Where they are silent, be silent, whatever is asked.\n",
        Hole(name="% endif %"),
        "The question of the reader: ",
        Hole(name="question"),
    )
    matcher = Matcher([version("ANSWER", *parts)])
    head, strict = "Answer from these documents alone, and cite them.\n", parts[7]
    for documents in ("", "Document: one\n", "Document: one\nDocument: two\n"):
        for middle in ("", strict):
            piece = only(matcher, f"{head}{documents}{middle}The question of the reader: Why?")
            assert piece.exact
            assert piece.values["question"] == "Why?"
            assert (piece.values.get("document", "")[:3] == "one") is bool(documents)


def test_a_loop_of_any_length_is_one_value_and_what_stands_around_it_is_its_own() -> None:
    parts: tuple[Part, ...] = (
        "These are the tools that you may use, and no others:\n",
        Hole(name="opening"),
        "\n",
        Hole(name="% for tool in tools %"),
        Hole(name="tool"),
        "\n",
        Hole(name="% endfor %"),
        "\n",
        Hole(name="closing"),
        "\nNow begin with the task, step by step.",
    )
    matcher = Matcher([version("TOOLS", *parts)])
    for tools in ("", "def f():\n    pass\n", "def f():\n    pass\ndef g():\n    pass\n"):
        text = f"{parts[0]}<code>\n{tools}\n</code>{parts[-1]}"
        matched = matcher.match(text)
        (piece,) = matched.pieces
        assert piece.values["opening"] == "<code>"
        assert piece.values["closing"] == "</code>"
        assert piece.values["tool"].strip() == tools.strip()
        assert matched.coverage > 0.97


def test_a_template_changed_since_is_found_in_part_and_said_to_be() -> None:
    parts = (
        *CLERK,
        "Keep silence in the reading room at all times.\nThis day of the week is ",
        Hole(name="day"),
        ".\nGood luck to you and all your readers.",
    )
    parts = Template.of(parts).parts
    matcher = Matcher([version("CLERK", *parts)])
    text = rendered(parts, visitor="Ann", day="Sunday").replace("without its card", "without a deposit")
    piece = only(matcher, text)
    assert not piece.exact
    assert piece.values == {"day": "Sunday"}
    # What is between changed text and the next fragment may be value or changed text: nobody knows.
    assert "a deposit" not in "".join(text[start:end] for start, end in piece.literals)
    assert 0.85 < matcher.match(text).coverage < 0.95
    assert matcher.match("You are the clerk of a library.\nSing.").pieces == ()


def test_fragments_glued_to_values_and_in_other_scripts_are_found() -> None:
    chinese = ("你是一个图书管理员。请用", Hole(name="语言"), "回答读者的问题，并注明书架的编号和书名。")
    glued = ("<context>", Hole(name="context"), "</context>\nUse_nothing_but_what_stands_above,please")
    two_words = (Hole(name="prefix"), "Extraordinarily_unlikely_word reader.\n")
    matcher = Matcher([version("CHINESE", *chinese), version("GLUED", *glued), version("TWO", *two_words)])
    assert only(matcher, "not" + rendered(two_words, prefix="")).values == {"prefix": "not"}
    assert only(matcher, "前言。" + rendered(chinese, 语言="英语") + "谢谢").values == {"语言": "英语"}
    assert only(matcher, rendered(glued, context="a b") + "\n!").values == {"context": "a b"}


def test_places_in_the_original_are_those_of_the_canonical_text() -> None:
    text = Text(" \t one  two\n\n\nthree four\u2003\u2003five \n")
    assert text.canonical == "one two three four five"
    for position, character in enumerate(text.canonical):
        original = text.raw[text.at(position)]
        assert original == character or (character == " " and original.isspace())
    starts = [text.at(text.canonical.index(word)) for word in text.canonical.split()]
    assert starts == [text.raw.index(word) for word in text.canonical.split()]
    assert text.raw[: text.end_at(7)] == " \t one  two"
    assert text.at(7) == len(" \t one  two")


def test_a_template_of_holes_alone_is_left_out_and_an_empty_catalogue_matches_nothing() -> None:
    assert Matcher([version("JOIN", Hole(name="a"), "\n", Hole(name="b"))]).left_out == 1
    assert Matcher([]).match("Be brief.").pieces == ()
    assert Matcher([version("CLERK", *CLERK)]).match("").coverage == 0.0
