"""Templates of a real repository's whole history, rendered at random, are found again, and their versions.

Needs a copy of a repository with its history: HEADGATE_PROMPTS_REPOSITORY names its folder.
"""

import os
import random
from pathlib import Path

import pytest
from tests.rendered_messages import Rendered, Tally, render

from headgate.prompts.git import commits_of
from headgate.prompts.history import history_of
from headgate.prompts.matching.index import Matcher
from headgate.prompts.matching.model import CatalogueVersion

SOURCE = "repository"
MESSAGES = 2_000


def catalogue_of(folder: Path, kept_in: Path) -> list[CatalogueVersion]:
    """All versions of all prompts in a repository's history, with the places of their commits."""
    order = {commit.id: place for place, commit in enumerate(commits_of(folder))}
    return [
        CatalogueVersion(
            source=SOURCE,
            path=version.found.path,
            symbol=version.found.symbol,
            version=version.found.template.version,
            template=version.found.template,
            first=order.get(version.first_commit, len(order)),
            last=len(order) if version.is_newest else order[version.last_commit],
        )
        for version in history_of(folder, kept_in).versions
    ]


def compose(versions: list[CatalogueVersion], rng: random.Random) -> Rendered:
    """Render what one commit holds: a prompt alone, a system prompt and its reminder, or one in another."""
    chosen = rng.choice(versions)
    at = rng.randint(chosen.first, chosen.last)
    held: dict[str, CatalogueVersion] = {}
    for version in versions:
        if version.path == chosen.path and version.first <= at <= version.last:
            held[version.symbol.rpartition(".")[2]] = version
    held[chosen.symbol.rpartition(".")[2]] = chosen
    made_of: list[CatalogueVersion] = []

    def fill(name: str) -> str | None:
        inner = held.get(name.partition(":")[0])
        if inner is None or inner in made_of:
            return None
        made_of.append(inner)
        return render(inner, rng)

    main, reminder = held.get("main_system"), held.get("system_reminder")
    outer = [chosen]
    if chosen in (main, reminder) and main is not None and reminder is not None:
        outer = [main, reminder]
    made_of.extend(outer)
    return Rendered(text="\n".join(render(each, rng, fill) for each in outer), made_of=tuple(made_of), at=at)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> list[CatalogueVersion]:
    named = os.environ.get("HEADGATE_PROMPTS_REPOSITORY")
    if not named:
        pytest.skip("no repository: set HEADGATE_PROMPTS_REPOSITORY to a copy with its history")
    kept = os.environ.get("HEADGATE_PROMPTS_KEPT")
    return catalogue_of(Path(named), Path(kept) if kept else tmp_path_factory.mktemp("kept"))


def usable(versions: list[CatalogueVersion]) -> list[CatalogueVersion]:
    return [each for each in versions if len("".join(each.template.literal.split())) >= 24]


def random_message(catalogue: list[CatalogueVersion], rng: random.Random) -> Rendered:
    """Render what some file of the repository held at some commit."""
    paths = sorted({version.path for version in catalogue})
    path = rng.choice(paths)
    return compose([version for version in catalogue if version.path == path], rng)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("is_commit_known", [False, True])
def test_prompts_of_a_real_history_are_found(
    catalogue: list[CatalogueVersion], is_commit_known: bool
) -> None:
    matcher = Matcher(catalogue)
    prompts = usable(catalogue)
    rng = random.Random(4)
    tally = Tally()
    for _ in range(MESSAGES):
        rendered = random_message(prompts, rng)
        at = {SOURCE: rendered.at} if is_commit_known else None
        tally.count(rendered, matcher.match(rendered.text, at=at))
    print(
        f"{tally.templates} templates, {tally.right_templates} right, {tally.in_interval} with their version"
    )
    assert tally.right_templates >= 0.99 * tally.templates
    assert tally.in_interval >= 0.97 * tally.templates
