"""How often the right template, version and values are found, on prompts made up for it.

The same on a real repository: test_prompts_matching_repository.
"""

import random
import textwrap
import tracemalloc
from collections import defaultdict
from itertools import pairwise

import msgspec
import pytest
from tests.rendered_messages import Rendered, Tally, is_of, render
from tests.synthetic_prompts import COMMITS, held_at, synthetic_catalogue

from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import CatalogueVersion
from headgate.prompts.model import Hole

MESSAGES = 1_500
LITERAL_MIN = 24
MEMORY_MAX = 100_000_000
"""Bytes that the index of ten thousand versions may take; as much again is left for the templates."""


@pytest.fixture(scope="module")
def catalogue() -> list[CatalogueVersion]:
    return synthetic_catalogue(symbols=180, versions=8, seed=7)


@pytest.fixture(scope="module")
def matcher(catalogue: list[CatalogueVersion]) -> Matcher:
    return Matcher(catalogue)


def is_short(version: CatalogueVersion) -> bool:
    return sum(len(part.strip()) for part in version.template.parts if isinstance(part, str)) < LITERAL_MIN


def is_simple(version: CatalogueVersion) -> bool:
    """Whether its holes are values with text between each two: then their values can be told."""
    parts = [part for part in version.template.parts if isinstance(part, Hole) or not part.isspace()]
    beside = any(isinstance(one, Hole) and isinstance(two, Hole) for one, two in pairwise(parts))
    return not beside and not any("%" in name for name in version.template.holes)


def composed(catalogue: list[CatalogueVersion], rng: random.Random) -> Rendered:
    """A prompt alone, at times dedented or stripped; two or three of one file; or one in another's hole."""
    at = rng.randrange(COMMITS)
    files: defaultdict[str, list[CatalogueVersion]] = defaultdict(list)
    for version in held_at(catalogue, at):
        files[version.path].append(version)
    path = rng.choice(sorted(files))
    one = rng.choice(files[path])
    kind = rng.random()
    others = [each for each in files[path] if each is not one and not is_short(each)]
    if kind < 0.4 or is_short(one) or not others:
        text = render(one, rng)
        return Rendered(text=text.strip() if rng.random() < 0.5 else text, made_of=(one,), at=at)
    two = rng.choice(others)
    if kind < 0.55 and one.template.holes and "%" not in one.template.holes[0]:
        hole = one.template.holes[0]
        inner = render(two, rng)
        text = render(one, rng, lambda name: inner if name == hole else None)
        return Rendered(text=text, made_of=(one, two), at=at)
    if kind < 0.65:
        text = textwrap.indent(render(one, rng), "    ")
        return Rendered(text=text, made_of=(one,), at=at)
    chosen = [one, *rng.sample(others, min(len(others), rng.randint(1, 2)))]
    between = rng.choice(("\n", "\n\n", " "))
    return Rendered(text=between.join(render(each, rng) for each in chosen), made_of=tuple(chosen), at=at)


@pytest.mark.parametrize("is_commit_known", [False, True])
def test_the_right_template_and_version_are_found(
    catalogue: list[CatalogueVersion], matcher: Matcher, is_commit_known: bool
) -> None:
    rng = random.Random(11)
    tally = Tally()
    for _ in range(MESSAGES):
        rendered = composed(catalogue, rng)
        at = {"synthetic": rendered.at} if is_commit_known else None
        tally.count(rendered, matcher.match(rendered.text, at=at))
    print(tally.templates, tally.right_templates, tally.right_versions, tally.in_interval, tally.stray)
    assert tally.right_templates >= 0.99 * tally.templates
    assert tally.in_interval >= 0.97 * tally.templates
    assert tally.stray <= 0.01 * tally.templates


def test_the_values_of_holes_are_read(catalogue: list[CatalogueVersion], matcher: Matcher) -> None:
    rng = random.Random(12)
    simple = [version for version in catalogue if is_simple(version) and version.template.holes]
    told = wrong = 0
    for version in rng.choices(simple, k=600):
        given: dict[str, str] = {}

        def fill(name: str, given: dict[str, str] = given) -> str:
            return given.setdefault(
                name, f"{rng.choice(('α ', '', '(1) '))}value {rng.randrange(10**9)}\n  of it"
            )

        text = render(version, rng, fill)
        piece = next(piece for piece in matcher.match(text).pieces if is_of(piece, version))
        if version.version not in piece.versions[:1]:
            continue
        told += 1
        wrong += piece.values != given
    assert told > 450
    assert wrong <= 0.01 * told


def test_a_version_that_was_never_committed_is_still_the_template_and_not_exact(
    catalogue: list[CatalogueVersion],
) -> None:
    long = [version for version in catalogue if len(version.template.literal) > 400]
    matcher = Matcher([version for version in catalogue if version.last == COMMITS - 1])
    newest = {version.symbol for version in catalogue if version.last == COMMITS - 1}
    before = [version for version in long if version.last < COMMITS - 1 and version.first > COMMITS // 2]
    rng = random.Random(13)
    found = exact = 0
    for version in before:
        pieces = [piece for piece in matcher.match(render(version, rng)).pieces if is_of(piece, version)]
        found += bool(pieces)
        exact += any(piece.exact for piece in pieces)
    assert {version.symbol for version in before} <= newest
    assert len(before) > 150
    assert found >= 0.9 * len(before)
    # A change of whitespace alone, or of a hole's name, leaves all fragments in place.
    assert exact < 0.25 * len(before)


def test_of_ten_thousand_versions_a_message_is_compared_with_few() -> None:
    catalogue = synthetic_catalogue(symbols=1_000, versions=10, seed=3)
    assert len(catalogue) == 10_000
    matcher = Matcher(catalogue)
    rng = random.Random(5)
    steps = [matcher.match(composed(catalogue, rng).text).steps for _ in range(300)]
    # The time that this takes is measured by bench.matching: here it is work that counts.
    assert sum(steps) / len(steps) < 400
    assert max(steps) < 5_000
    assert sum(len(msgspec.json.encode(version)) for version in catalogue) > 5_000_000


def test_the_index_of_two_thousand_versions_takes_a_fifth_of_what_ten_thousand_may() -> None:
    catalogue = synthetic_catalogue(symbols=200, versions=10, seed=1)
    tracemalloc.start()
    try:
        matcher = Matcher(catalogue)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert matcher.left_out < len(catalogue)
    assert held < MEMORY_MAX * len(catalogue) / 10_000
