"""What holds of every match, whatever the templates and the message."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import CatalogueVersion, MessageMatch
from headgate.prompts.matching.texts import canonical
from headgate.prompts.model import Hole, Part, Template

WORDS = ("lamp", "oil", "Skerry", "the", "of", "keeper's", "light-house", "你是", "\n", "  ", "\t", "é")
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(" ".join)
holes = st.sampled_from(("x", "y", "% if x %", "% endif %", "#items", "/items")).map(
    lambda name: Hole(name=name)
)
parts: st.SearchStrategy[Part] = st.one_of(texts, texts, holes)
templates = st.lists(parts, max_size=7).map(Template.of)


def versions_of(made: list[Template]) -> list[CatalogueVersion]:
    return [
        CatalogueVersion(
            source="bot",
            path=f"{index % 2}.py",
            symbol=f"PROMPT_{index % 3}",
            version=template.version,
            template=template,
            first=index,
            last=index + 2,
        )
        for index, template in enumerate(made)
    ]


def check(match: MessageMatch, text: str, versions: list[CatalogueVersion]) -> None:
    spans = sorted(span for piece in match.pieces for span in piece.literals)
    assert all(start < end for start, end in spans)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))
    assert 0.0 <= match.literal_share <= 1.0
    assert 0.0 <= match.value_share <= 1.0 - match.literal_share + 1e-9
    templates = {version.version: version.template for version in versions}
    for piece in match.pieces:
        assert 0 <= piece.start <= piece.literals[0][0]
        assert piece.literals[-1][1] <= piece.end <= len(text)
        assert all(piece.start <= hole.start <= hole.end <= piece.end for hole in piece.holes)
        assert set(piece.values) == {hole.name for hole in piece.holes}
        fragments = [canonical(part) for part in templates[piece.versions[0]].parts if isinstance(part, str)]
        found = [canonical(text[start:end]) for start, end in piece.literals]
        if piece.exact:
            assert all(each in fragments for each in found)
        else:
            assert all(any(each in fragment for fragment in fragments) for each in found)


@given(st.lists(templates, max_size=6), st.lists(texts, max_size=6).map("\n".join))
def test_a_match_of_any_text_is_consistent(made: list[Template], text: str) -> None:
    versions = versions_of(made)
    check(Matcher(versions).match(text), text, versions)


@given(st.lists(templates, min_size=1, max_size=6), st.data())
def test_renderings_side_by_side_are_consistent(made: list[Template], data: st.DataObject) -> None:
    versions = versions_of(made)
    chosen = data.draw(st.lists(st.sampled_from(made), min_size=1, max_size=3))
    text = data.draw(texts)
    for template in chosen:
        values = data.draw(st.dictionaries(st.sampled_from(template.holes or ("x",)), texts))
        made_of = (part if isinstance(part, str) else values.get(part.name, "") for part in template.parts)
        text = f"{text.strip()}\n{''.join(made_of).strip()}"
    matcher = Matcher(versions)
    check(matcher.match(text), text, versions)
    check(matcher.match(text, at={"bot": data.draw(st.integers(0, 8))}), text, versions)
